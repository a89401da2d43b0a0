"""Looking into a running behaviour, and holding it up; the part of Erlang's `sys` that has sense.

All of these ask the process itself, which answers between two messages: a `GenServer`, a
`StateMachine`, a `Supervisor`, an `Application`, in any body. They raise `ProcessExit` as `call`
does. They are for people who look for a mistake, and for tests, not for programs' own use.
"""

from collections.abc import Callable
from typing import Any, Literal

from trio.lowlevel import enable_ki_protection

from ..arguments import check_bool, check_int, shown
from ..runtime.core.identity import Pid
from .behaviour.debugging import Statistics
from .behaviour.system_requests import (
    Failed,
    GetState,
    GetStatus,
    Log,
    ReplaceState,
    Resume,
    SetStatistics,
    Status,
    Suspend,
    Trace,
)
from .calls.client import ask

__all__ = [
    "Statistics",
    "Status",
    "get_state",
    "get_status",
    "log",
    "replace_state",
    "resume",
    "statistics",
    "suspend",
    "trace",
]


@enable_ki_protection
async def get_state(server: Pid | str, timeout: float = 5.0) -> Any:
    """The object whose callbacks are called; of a `StateMachine`, the pair `(state, object)`.

    It is the very object that the server goes on with. Erlang's `sys:get_state/1,2`.
    """
    return await _ask("get_state", server, GetState(), timeout)


@enable_ki_protection
async def replace_state(
    server: Pid | str, function: Callable[[Any], Any], timeout: float = 5.0
) -> Any:
    """Call `function` with what `get_state` gives, in the server; the state that it has now.

    What it returns takes the place of the state, None leaves the object where it is. What it
    raises is raised here (also the `ProcessExit` of `exit`), and `TypeError` if it returns what
    is no such state: then the server goes on with the state that it had.
    Erlang's `sys:replace_state/2,3`.
    """
    if not callable(function):
        raise TypeError(f"function: expected a function of a state, got {shown(function)}")
    return await _ask("replace_state", server, ReplaceState(function), timeout)


@enable_ki_protection
async def get_status(server: Pid | str, timeout: float = 5.0) -> Status:
    """What is known of the process, with the state as its `format_status` shows it.

    If that crashes, the state is a text that says so.
    Erlang's `sys:get_status/1,2`.
    """
    return await _ask("get_status", server, GetStatus(), timeout)  # type: ignore[no-any-return]


@enable_ki_protection
async def suspend(server: Pid | str, timeout: float = 5.0) -> None:
    """From here on the server handles nothing until `resume`: its messages wait, in order.

    It still serves `sys` and `stop`, and ends with its parent. Erlang's `sys:suspend/1,2`.
    """
    await _ask("suspend", server, Suspend(), timeout)


@enable_ki_protection
async def resume(server: Pid | str, timeout: float = 5.0) -> None:
    """Let a suspended server go on; `sys:resume/1,2`."""
    await _ask("resume", server, Resume(), timeout)


@enable_ki_protection
async def statistics(
    server: Pid | str, flag: bool | Literal["get"], timeout: float = 5.0
) -> Statistics | None:
    """Begin to count messages (True), stop (False), or `"get"` what was counted since.

    None if nothing is counted. True goes on with what is counted already.
    Erlang's `sys:statistics/2,3`.
    """
    if flag != "get":
        check_bool("flag", flag, "True, False or 'get'")
    return await _ask("statistics", server, SetStatistics(flag), timeout)  # type: ignore[no-any-return]


@enable_ki_protection
async def log(
    server: Pid | str, flag: bool | Literal["get"], timeout: float = 5.0, *, size: int = 10
) -> list[tuple[Any, ...]] | None:
    """Begin to keep the newest `size` events (True), stop (False), or `"get"` them, oldest first.

    An event is `("in", message)`, or `("out", answer, pid)` for an answer that a callback has
    returned. What is handled like a message is one here: `"timeout"`, and of a machine `TimedOut`
    and the event of a `NextEvent`. While events are kept, True changes nothing, nor does another
    size. Erlang's `sys:log/2,3`.
    """
    if flag == "get":
        return await _ask("log", server, Log("get"), timeout)  # type: ignore[no-any-return]
    check_bool("flag", flag, "True, False or 'get'")
    check_int("size", size, "a number of events >= 1", 1)
    await _ask("log", server, Log(size if flag else None), timeout)
    return None


@enable_ki_protection
async def trace(server: Pid | str, flag: bool, timeout: float = 5.0) -> None:
    """Write each event into the log as it happens, or no longer.

    The records are of level INFO, from the logger "actorsock.otp". Erlang's `sys:trace/2,3`.
    """
    check_bool("flag", flag, "True or False")
    await _ask("trace", server, Trace(flag), timeout)


# Any: each request has an answer of its own kind. Whoever asks knows it, and the type checker not.
async def _ask(function: str, server: Pid | str, request: Any, timeout: float) -> Any:
    answer = await ask(function, server, request, timeout)
    if type(answer) is Failed:
        raise answer.raised
    return answer
