"""Inspecting and suspending a running behaviour, for debugging and tests. Erlang's `sys`.

These functions work with every behaviour: `GenServer`, `StateMachine`, `EventManager`,
`Supervisor` and `Application`, in any kind of process. The process serves a request between two
messages. A process without a behaviour answers if it is a special process, which passes each
`SystemMessage` to `handle_system_msg`; otherwise the call times out.

The functions that ask a server take the pid of the server, its registered name or a `Via`, and
`timeout`, the seconds to wait for the answer (default: 5, `math.inf` waits for ever). All raise

- `CallError`, as `otp.call` does: `"noproc"`, `"timeout"`, `"calling_self"`, or the exit reason
  of a server that ended before it answered
- `TypeError` if `server` is no pid, name or `Via`, or `timeout` is not a number, and
  `ValueError` if `timeout` is negative or NaN
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from trio.lowlevel import enable_ki_protection

from ..arguments import check_bool, check_int, shown
from .behaviour.debugging import DebugFunction, Debugging, Statistics, debug_function
from .behaviour.exit_reasons import raised
from .behaviour.special_process import (
    debug_options,
    get_log,
    handle_debug,
    handle_system_msg,
    print_log,
)
from .behaviour.system_requests import (
    Failed,
    GetState,
    GetStatus,
    Install,
    Log,
    NoDebug,
    Remove,
    ReplaceState,
    Resume,
    SetStatistics,
    Status,
    Suspend,
    Trace,
)
from .calls.calling import system_call
from .calls.failures import CallError
from .calls.protocol import Request, SystemMessage
from .calls.registries import ServerRef

__all__ = [
    "Debugging",
    "Statistics",
    "Status",
    "SystemMessage",
    "debug_options",
    "get_log",
    "get_state",
    "get_status",
    "handle_debug",
    "handle_system_msg",
    "install",
    "log",
    "no_debug",
    "print_log",
    "remove",
    "replace_state",
    "resume",
    "statistics",
    "suspend",
    "trace",
]


T = TypeVar("T")


@enable_ki_protection
async def get_state(server: ServerRef, timeout: float = 5.0) -> Any:
    """Return the state of a server. Erlang's `sys:get_state/1,2`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        timeout: seconds to wait for the answer.

    Returns:
        The object whose callbacks are called: the object itself, not a copy. For a `StateMachine`
        the pair `(state, object)`.

    Raises:
        CallError, TypeError, ValueError: see the module.

    Example::

        assert (await sys.get_state("counter")).value == 11
    """
    return await _ask("get_state", server, GetState(), timeout)


@enable_ki_protection
async def replace_state(
    server: ServerRef, function: Callable[[Any], Any], timeout: float = 5.0
) -> Any:
    """Replace the state of a server. Erlang's `sys:replace_state/2,3`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        function: called in the server with the value that `get_state` returns. Its result
            replaces that value; None keeps the object, which the function may have changed.
        timeout: seconds to wait for the answer.

    Returns:
        The new state, as `get_state` returns it.

    Raises:
        TypeError: `function` is not callable, or it returned an object of another class, or for a
            `StateMachine` something else than a pair with a possible state. The state is unchanged.
        Exception: `function` has raised it. The state is unchanged.
        CallError, ValueError: see the module. Also, with the reason, if `function` has called
            `exit(reason)`.

    Example::

        def reset(counter):
            counter.value = 0

        await sys.replace_state("counter", reset)
    """
    if not callable(function):
        raise TypeError(f"function: expected a function of a state, got {shown(function)}")
    return await _ask("replace_state", server, ReplaceState(function), timeout)


@enable_ki_protection
async def get_status(server: ServerRef, timeout: float = 5.0) -> Status:
    """Return the status of a server. Erlang's `sys:get_status/1,2`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        timeout: seconds to wait for the answer.

    Returns:
        A `Status`. Its `state` is the result of the callback `format_status`, or, if that has
        crashed, a text that says so.

    Raises:
        CallError, TypeError, ValueError: see the module.
    """
    return await _ask("get_status", server, GetStatus(), timeout)


@enable_ki_protection
async def suspend(server: ServerRef, timeout: float = 5.0) -> None:
    """Suspend a server: it handles no messages until `resume`. Erlang's `sys:suspend/1,2`.

    Messages wait, and are handled in order later. A suspended server still serves the functions of
    this module and `otp.stop`, and ends with its parent.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        timeout: seconds to wait for the answer.

    Raises:
        CallError, TypeError, ValueError: see the module.
    """
    await _ask("suspend", server, Suspend(), timeout)


@enable_ki_protection
async def resume(server: ServerRef, timeout: float = 5.0) -> None:
    """Let a suspended server handle messages again. Erlang's `sys:resume/1,2`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        timeout: seconds to wait for the answer.

    Raises:
        CallError, TypeError, ValueError: see the module.
    """
    await _ask("resume", server, Resume(), timeout)


@enable_ki_protection
async def statistics(
    server: ServerRef, flag: bool | Literal["get"], timeout: float = 5.0
) -> Statistics | None:
    """Count the messages of a server, or return the counters. Erlang's `sys:statistics/2,3`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        flag: True switches counting on (if it is on, the counters are kept), False switches it
            off, `"get"` returns the counters.
        timeout: seconds to wait for the answer.

    Returns:
        For `"get"` a `Statistics`, or None if counting is off. Otherwise None.

    Raises:
        TypeError: `flag` is none of these.
        CallError, ValueError: see the module.
    """
    if flag != "get":
        check_bool("flag", flag, "True, False or 'get'")
    return await _ask("statistics", server, SetStatistics(flag), timeout)


@enable_ki_protection
async def log(
    server: ServerRef, flag: bool | Literal["get", "print"], timeout: float = 5.0, *, size: int = 10
) -> list[tuple[Any, ...]] | None:
    """Keep the newest events of a server, or return them. Erlang's `sys:log/2,3`.

    An event is `("in", message)`, or `("out", answer, pid)` for an answer that a callback has
    returned. `message` may also be `"timeout"`, or of a `StateMachine` a `TimedOut` or an event
    that was inserted with `NextEvent`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        flag: True switches the log on, False switches it off, `"get"` returns the events, `"print"`
            logs them, as `trace` would have.
        timeout: seconds to wait for the answer.
        size: the number of events to keep (default: 10), at least 1. It has an effect only when
            the log is switched on: while it is on, another size changes nothing.

    Returns:
        For `"get"` a list of the events, oldest first; empty while the log is off. Otherwise None.

    Raises:
        TypeError: `flag` is none of these, or `size` is not an `int`.
        ValueError: `size` is less than 1; otherwise see the module.
        CallError: see the module.
    """
    if flag == "get":
        return await _ask("log", server, Log("get"), timeout)
    if flag == "print":
        await _ask("log", server, Log("print"), timeout)
        return None
    check_bool("flag", flag, "True, False, 'get' or 'print'")
    check_int("size", size, "a number of events >= 1", 1)
    await _ask("log", server, Log(size if flag else None), timeout)
    return None


@enable_ki_protection
async def install(
    server: ServerRef, function: DebugFunction, state: Any, timeout: float = 5.0, *, key: Any = None
) -> None:
    """Have a server call a function at each of its events. Erlang's `sys:install/2,3`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        function: a plain function. It is called in the server, before the callback for a message
            and after one that has returned an answer, as `function(state, event, name)`: an event
            as in `log`, and the registered name of the server, or its pid. A special process gives
            `handle_debug` another value in place of the name. What it returns is the `state` of the
            next call; with `"done"` it is removed. It is also removed if it raises, and that is
            logged. Of several functions the newest comes first.
        state: the `state` of the first call.
        timeout: seconds to wait for the answer.
        key: what `remove` takes; None: the function. While one with the same key is installed,
            this one has no effect.

    Raises:
        TypeError: `function` is not a plain function.
        CallError, ValueError: see the module.

    Example::

        def warn(slow, event, name):
            if process_info(current_pid()).message_queue_len > slow:
                print(name, "has too much to do:", event)
            return slow

        await sys.install("counter", warn, 100)
    """
    request = Install(function if key is None else key, debug_function(function), state)
    await _ask("install", server, request, timeout)


@enable_ki_protection
async def remove(server: ServerRef, key: Any, timeout: float = 5.0) -> None:
    """Remove a function of `install`, if it is installed. Erlang's `sys:remove/2,3`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        key: the function, or the `key` that `install` was given.
        timeout: seconds to wait for the answer.

    Raises:
        CallError, TypeError, ValueError: see the module.
    """
    await _ask("remove", server, Remove(key), timeout)


@enable_ki_protection
async def no_debug(server: ServerRef, timeout: float = 5.0) -> None:
    """Switch off `statistics`, `log`, `trace` and all of `install`. Erlang's `sys:no_debug/1,2`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        timeout: seconds to wait for the answer.

    Raises:
        CallError, TypeError, ValueError: see the module.
    """
    await _ask("no_debug", server, NoDebug(), timeout)


@enable_ki_protection
async def trace(server: ServerRef, flag: bool, timeout: float = 5.0) -> None:
    """Log each event of a server when it happens. Erlang's `sys:trace/2,3`.

    The records have the level INFO and come from the logger "actorsock.otp" (Erlang prints them).
    The events are the same as in `log`.

    Args:
        server: the pid of the server, its registered name, or a `Via`.
        flag: True switches tracing on, False switches it off.
        timeout: seconds to wait for the answer.

    Raises:
        TypeError: `flag` is not a `bool`.
        CallError, ValueError: see the module.
    """
    check_bool("flag", flag, "True or False")
    await _ask("trace", server, Trace(flag), timeout)


# Any: each request has an answer of another type, which only the calling function knows.
async def _ask(function: str, server: ServerRef, request: Request[T], timeout: float) -> T:
    answer: T | Failed = await system_call(function, server, request, timeout)
    if isinstance(answer, Failed):
        if isinstance(answer.raised, Exception):
            raise answer.raised
        # An `exit` of the function must not end this process: it has failed as a call fails.
        raise CallError(raised(answer.raised).reason, server, request, function)
    return answer
