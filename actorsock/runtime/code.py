"""The function that a process runs: calling it, and naming it for people."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import CoroutineType
from typing import Any, Final

__all__ = ["awaitable_of", "name_of"]

# How far to look: an object may have any attribute, and stand for itself.
_LAYERS: Final = 100


def awaitable_of(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> Awaitable[Any]:
    """`function(*args)`, which must be something to await; raises `TypeError` otherwise."""
    awaitable = function(*args)
    # Nearly always a coroutine, and asking an abstract class takes long.
    if type(awaitable) is not CoroutineType and not isinstance(awaitable, Awaitable):
        raise TypeError(
            f"a process runs an async function, but {function!r} returned {awaitable!r}"
        )
    return awaitable


def name_of(function: Any) -> str:
    """`function` as a person would look for it: `module:qualified name`.

    What stands for another function, as a `partial` does or what has a `__wrapped__`, has the
    name of that one.
    """
    for _ in range(_LAYERS):
        if isinstance(function, partial):
            function = function.func
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        else:
            break
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', '?')}:{name}"
