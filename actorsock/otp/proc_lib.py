"""Starting processes without a behaviour, and waiting until they have begun. Erlang's `proc_lib`.

The new process runs an async function, which calls `init_ack` when it is ready: then the function
here that has started it returns. That makes it a child for a supervisor. The rest of `proc_lib` is
what every process of this library has: `spawn` and its relatives log a crash, `process_info` names
the function that a process was started with, and `otp.stop` stops a process that serves the
messages of `sys`.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from math import inf
from typing import Any, Final, NoReturn, TypeVarTuple, Unpack

from trio.lowlevel import enable_ki_protection

from ..arguments import check_seconds
from ..runtime.api.aliases import send_through
from ..runtime.api.linking import exit
from ..runtime.api.spawning import spawn
from ..runtime.bodies.current import current_process
from ..runtime.bodies.functions import call_function, check_function
from ..runtime.core.identity import Pid, Ref, check_pid
from ..runtime.core.reductions import START
from .behaviour.ancestry import ancestors, start_descendant
from .behaviour.starting import How, acting_for, attach, news_of
from .calls.protocol import Begun

__all__ = ["ancestors", "init_ack", "init_fail", "start", "start_link", "start_monitor"]

Ts = TypeVarTuple("Ts")

_MISSING: Final[Any] = object()


async def start(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    timeout: float = inf,
    light: bool = False,
) -> Any:
    """Start a process that runs `fn(*args)`, and wait for its `init_ack`.

    Erlang's `proc_lib:start/3,4,5`. If the wait is cancelled, the process is killed.

    Args:
        fn: an async function, which calls `init_ack`, or `init_fail`, once.
        *args: its arguments.
        timeout: seconds to wait; `math.inf` (the default) waits for ever.
        light: run the process as a light one.

    Returns:
        The value that the process has given to `init_ack` or `init_fail`; `Error(reason)` if it
        has ended before; or `Error("timeout")`, and it was killed. In the cases of `Error` here
        and of `init_fail` it has ended, unless it cleans up for more than 5 seconds after the kill;
        then a warning is logged.

    Raises:
        TypeError: `fn` is not an async function, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.

    Example::

        async def pool(parent, channels):
            register("pool", current_pid())
            proc_lib.init_ack(Ok(current_pid()))
            ...

        match await proc_lib.start(pool, current_pid(), range(100)):
            case Ok(pid): ...
            case Error(reason): ...
    """
    return (await _start("alone", fn, args, timeout, light))[0]


async def start_link(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    timeout: float = inf,
    light: bool = False,
) -> Any:
    """Start a process that is linked to the caller, and wait for its `init_ack`.

    Erlang's `proc_lib:start_link/3,4,5`.

    Args:
        fn: as `start`.
        *args: its arguments.
        timeout: as `start`.
        light: as `start`.

    Returns:
        The same as `start`. If the process has ended, a caller that traps exits gets no `Exit`
        message of it.

    Raises:
        TypeError, ValueError: as `start`.

    Example::

        ChildSpec("pool", proc_lib.start_link, (pool, supervisor, range(100)))
    """
    return (await _start("linked", fn, args, timeout, light))[0]


async def start_monitor(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    timeout: float = inf,
    light: bool = False,
) -> tuple[Any, Ref]:
    """Start a process that the caller monitors, and wait for its `init_ack`.

    Erlang's `proc_lib:start_monitor/3,4,5`.

    Args:
        fn: as `start`.
        *args: its arguments.
        timeout: as `start`.
        light: as `start`.

    Returns:
        What `start` returns, and the ref that the `Down` message of the process carries. That
        message comes in any case, also if the process has failed to begin.

    Raises:
        TypeError, ValueError: as `start`.
    """
    result, ref = await _start("monitored", fn, args, timeout, light)
    assert ref is not None
    return result, ref


@enable_ki_protection
def init_ack(parent_or_value: Any, value: Any = _MISSING, /) -> None:
    """Tell the starter of the calling process that it has begun. Erlang's `proc_lib:init_ack/1,2`.

    `start` and its relatives return `value`. Further calls have no effect.

    Args:
        parent: may be given for the sake of programs that are ported: the process that called
            `start`.
        value: any value; usually `Ok(current_pid())`.

    Raises:
        RuntimeError: the process was not started by a function of this module.
        ValueError: `parent` has not started the calling process.
        TypeError: `parent` is not a `Pid`.

    Example::

        proc_lib.init_ack(Ok(current_pid()))
    """
    begun = _begun("init_ack")
    if value is _MISSING:
        value = parent_or_value
    elif check_pid(parent_or_value, "parent") is not begun.parent:
        raise ValueError(f"parent: this process was started by {begun.parent!r}")
    send_through(begun.ref, Begun(begun.ref, value, False))


@enable_ki_protection
def init_fail(value: Any, reason: Any) -> NoReturn:
    """End the calling process, which could not begin. `proc_lib:init_fail/2` of OTP 26.

    `start` and its relatives return `value`, when the process has ended: so what it has held, a
    name or a socket, is free again.

    Args:
        value: any value; usually an `Error`.
        reason: the exit reason; an exception is raised, and the crash is logged.

    Raises:
        RuntimeError: the process was not started by a function of this module.

    Example::

        match socket.bind(sock, address):
            case Error() as error:
                proc_lib.init_fail(error, "normal")
    """
    begun = _begun("init_fail")
    send_through(begun.ref, Begun(begun.ref, value, True))
    if isinstance(reason, BaseException):
        raise reason
    exit(reason)


class _Code:
    """The code of a process that was started here."""

    ref: Ref
    """The alias of its starter, for `Begun`; set before the process runs."""
    pid: Pid

    def __init__(self, fn: Callable[..., Awaitable[object]], args: Any, parent: Pid) -> None:
        self.parent = parent
        self._args = args
        # `process_info` and crash reports name the program's function, not this object.
        self.__wrapped__ = fn

    async def __call__(self) -> None:
        _code.set(self)
        await call_function(self.__wrapped__, self._args)


_code: Final[ContextVar[_Code | None]] = ContextVar("actorsock proc_lib", default=None)
"""The code of the process, or of one from which it was spawned: context variables are inherited."""


def _begun(function: str) -> _Code:
    code = _code.get()
    if code is None or code.pid is not current_process().pid:
        raise RuntimeError(f"{function}: this process was not started by a function of proc_lib")
    return code


@enable_ki_protection
async def _start(
    how: How, fn: Callable[..., Awaitable[object]], args: Any, timeout: float, light: bool
) -> tuple[Any, Ref | None]:
    check_function("fn", fn)
    check_seconds("timeout", timeout)
    starter = current_process()
    pause = starter.body.spend(START)
    if pause is not None:
        await pause
    code = _Code(fn, args, acting_for.get(starter.pid, starter.pid))
    code.pid = start_descendant(starter, lambda: spawn(code, light=light))
    code.ref, lasting = attach(starter, code.pid, how)
    return await news_of(starter, code.pid, code.ref, timeout, lasting), lasting
