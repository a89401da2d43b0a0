"""The user's function that a process runs: checking, calling and naming it."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from inspect import CO_COROUTINE, iscoroutinefunction
from types import CoroutineType, FunctionType, MethodType
from typing import Any, Final, TypeVar

from trio.lowlevel import disable_ki_protection

from ...arguments import shown

__all__ = [
    "call_function",
    "check_function",
    "check_plain",
    "code_of",
    "name_of",
    "resume_code",
    "throw_into",
]

T = TypeVar("T")

# Wrappers that `name_of` looks through. There must be a limit: an object whose `__getattr__`
# answers everything is its own `__wrapped__` for ever.
_MOST_WRAPPERS: Final = 100


@disable_ki_protection
async def call_function(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    """Return `await function(*args)`; raise `TypeError` if it returns no awaitable.

    The runtime around it is protected from Ctrl-C; the user's function must not be.
    """
    awaitable = function(*args)
    del args  # what the function lets go of is not kept here
    # The first test is the usual case; isinstance with an abstract class takes far longer.
    if type(awaitable) is not CoroutineType and not isinstance(awaitable, Awaitable):
        raise TypeError(
            f"a process runs an async function, but {function!r} returned {awaitable!r}"
        )
    return await awaitable


def code_of(
    function: Callable[..., Awaitable[T]], args: tuple[Any, ...]
) -> Coroutine[Any, None, T]:
    """Return a coroutine that does what `call_function` does.

    The call of an async function runs nothing of it, so that its own coroutine will do. The call of
    anything else is the program's code: it may raise, take long, or return no coroutine.
    """
    called: Any = function
    if type(called) is MethodType:
        called = called.__func__
    if type(called) is FunctionType and called.__code__.co_flags & CO_COROUTINE:
        return function(*args)  # type: ignore[return-value]
    return call_function(function, args)


@disable_ki_protection
def resume_code(coroutine: Coroutine[Any, None, Any]) -> object:
    """Resume a coroutine of `code_of`, which is not protected from Ctrl-C as its caller is."""
    return coroutine.send(None)


@disable_ki_protection
def throw_into(coroutine: Coroutine[Any, None, Any], exc: BaseException) -> object:
    """Do the same, and raise `exc` in the coroutine."""
    return coroutine.throw(exc)


def check_function(argument: str, function: object) -> None:
    """Raise `TypeError`, which names the argument, unless `function` could be an async function."""
    if callable(function):
        return
    if isinstance(function, Coroutine):
        # `spawn(f())` instead of `spawn(f)`. Close it: Python warns of one that never ran.
        name = getattr(function, "__qualname__", type(function).__qualname__)
        function.close()
        raise TypeError(
            f"{argument}: expected an async function and, apart from it, its arguments, got what "
            f"calling one returned: {name}, not {name}(...)"
        )
    raise TypeError(f"{argument}: expected an async function, got {shown(function)}")


def check_plain(argument: str, function: object, what: str) -> None:
    """Raise `TypeError`, which names the argument, unless it is a callable that is not async."""
    if (
        not callable(function)
        or iscoroutinefunction(function)
        or iscoroutinefunction(type(function).__call__)
    ):
        raise TypeError(f"{argument}: expected a plain function of {what}, got {shown(function)}")


def name_of(function: Any) -> str:
    """Return `module:qualified name` of `function`, for logs and `process_info`.

    A `partial` and a decorated function (with a `__wrapped__`) have the name of the function that
    they wrap.
    """
    try:
        return _name_of(function)
    except BaseException:
        # Computed attributes of the program's object may raise, also in another process that asks.
        return type(function).__qualname__


def _name_of(function: Any) -> str:
    for _ in range(_MOST_WRAPPERS):
        if isinstance(function, partial):
            function = function.func
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        else:
            break
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', '?')}:{name}"
