"""The function that a process runs: calling it, and naming it for people."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from types import CoroutineType
from typing import Any, Final, TypeVar

from trio.lowlevel import disable_ki_protection

from ...arguments import shown

__all__ = ["call_function", "check_function", "check_plain", "name_of"]

T = TypeVar("T")

# How far to look: an object may have any attribute, and stand for itself.
_LAYERS: Final = 100


@disable_ki_protection
async def call_function(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    """`await function(*args)`; raises `TypeError` when there is nothing to await.

    The runtime around it is protected from Ctrl-C; the user's function is not.
    """
    return await _awaitable_of(function, args)


def check_function(argument: str, function: object) -> None:
    """Raise `TypeError`, naming the argument, unless it could be an async function."""
    if isinstance(function, CoroutineType):
        # Called by whoever gives it: it would never run.
        name = function.__qualname__
        function.close()
        raise TypeError(
            f"{argument}: expected an async function and, apart from it, its arguments, got what "
            f"calling one returned: {name}, not {name}(...)"
        )
    if not callable(function):
        raise TypeError(f"{argument}: expected an async function, got {shown(function)}")


def check_plain(argument: str, function: object, what: str) -> None:
    """Raise `TypeError`, naming the argument, unless it is a function that is not async."""
    if (
        not callable(function)
        or iscoroutinefunction(function)
        or iscoroutinefunction(type(function).__call__)
    ):
        raise TypeError(f"{argument}: expected a plain function of {what}, got {shown(function)}")


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


def _awaitable_of(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> Awaitable[T]:
    awaitable = function(*args)
    # Nearly always a coroutine, and asking an abstract class takes long.
    if type(awaitable) is not CoroutineType and not isinstance(awaitable, Awaitable):
        raise TypeError(
            f"a process runs an async function, but {function!r} returned {awaitable!r}"
        )
    return awaitable
