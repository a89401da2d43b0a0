"""Tasks: a function that runs in a process of its own, and a result that is waited for.

A task ends with the process that has started it, whatever that ends with. Its own failure is
told to whoever awaits the result, and to nobody else: they are not linked.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, TypeVarTuple

import attrs
from trio.lowlevel import enable_ki_protection

from ..arguments import check_seconds, shown
from ..results import Error, Ok
from ..runtime.api.aliases import send_through
from ..runtime.api.linking import exit, monitor
from ..runtime.api.messaging import receive, send
from ..runtime.api.spawning import spawn, spawn_handler
from ..runtime.bodies.current import current_process
from ..runtime.bodies.functions import call_function, check_function, name_of
from ..runtime.core.identity import Pid, Ref
from ..runtime.core.messages import Down, Timeout
from ..runtime.core.process import Process, ProcessExit, alive
from .calls.forgetting import forget
from .calls.protocol import Answer

__all__ = ["Task", "abandon", "async_call", "await_result", "nb_yield", "start_task"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@attrs.frozen
class Task(Generic[T]):
    """A function that runs, and whose result is to come."""

    pid: Pid
    ref: Ref
    """Of the message that brings the result, and of the monitor."""
    owner: Pid


@enable_ki_protection
def async_call(fn: Callable[[*Ts], Awaitable[T]], *args: *Ts, light: bool = False) -> Task[T]:
    """Run `fn(*args)`, an async function, in a new process; `await_result` gets what it returns.

    The process ends with the caller. It is not linked: if `fn` fails, `await_result` says so.
    Erlang's `rpc:async_call/4`, in this program.
    """
    task = start_task(fn, args, light)
    # Watches both from a process of its own: neither can be asked to look after the other.
    send(spawn_handler(_Leash(task)), "begin")
    return task


@enable_ki_protection
async def await_result(task: Task[T], timeout: float = 5.0) -> T:
    """What the function of the task has returned; once, by the process that started it.

    Raises `ProcessExit`, which ends the caller unless it is caught: with the reason that the
    task has ended with, and with `"timeout"`, after which the task is killed. That is after 5
    seconds unless `timeout` says otherwise, as with Elixir's `Task.await`; Erlang's `rpc:yield/1`
    waits for ever, which is `math.inf`.
    """
    match await nb_yield(task, timeout):
        case Ok(value):
            return value
        case Error(reason):
            raise ProcessExit(reason)
    abandon(current_process(), task)
    raise ProcessExit("timeout")


@enable_ki_protection
async def nb_yield(task: Task[T], timeout: float = 0) -> Ok[T] | Error | Timeout:
    """What the function of the task has returned, if it has by then; `timeout` is in seconds.

    `Error` with the reason that the task has ended with. After `Timeout()` the task goes on, and
    can be asked again. Raises `ValueError` when its result has been taken, or the task given
    up, and when another process has started it. Erlang's `rpc:nb_yield/1,2`.
    """
    if not isinstance(task, Task):
        raise TypeError(f"task: expected what async_call returns, got {shown(task)}")
    check_seconds("timeout", timeout)
    process = current_process()
    if task.owner is not process.pid:
        raise ValueError(f"task: {task.pid!r} was started by {task.owner!r}, which awaits it")
    # With no monitor any more its end, or its answer, is in the mailbox, or was taken from it.
    over = task.ref not in (process.monitors or ())
    message = await receive(task.ref, after=0 if over else timeout)
    match message:
        case Answer(value=value):
            return Ok(value)
        case Down(reason=reason):
            return Error(reason)
    if over:
        raise ValueError(
            f"task: the result of {task.pid!r} has been awaited already, or was given up"
        )
    return Timeout()


def start_task(fn: Callable[[*Ts], Awaitable[T]], args: tuple[*Ts], light: bool) -> Task[T]:
    """A new process whose result comes to the caller, and is bound to nobody's life."""
    check_function("fn", fn)
    run = _Run(fn, args)
    pid = spawn(run, light=light)
    # It does not run before the caller gives way, so it finds the ref.
    run.ref = monitor(pid, alias="reply_demonitor")
    return Task(pid, run.ref, current_process().pid)


def abandon(process: Process, task: Task[Any]) -> None:
    """The result is not wanted any more by its owner, `process`: neither is the task."""
    forget(process, task.ref)
    target = alive.get(task.pid)
    if target is not None:
        target.signal(process.pid, "kill", "exit")


class _Run:
    """The code of a task."""

    ref: Ref

    def __init__(self, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        # What the process runs is the function, for whoever looks at it.
        self.__wrapped__ = fn
        self._args = args

    def __repr__(self) -> str:
        return name_of(self)  # trio names the task so

    async def __call__(self) -> None:
        value = await call_function(self.__wrapped__, self._args)
        send_through(self.ref, Answer(self.ref, value))


class _Leash:
    """The handler that ends a task when its owner has ended."""

    def __init__(self, task: Task[Any]) -> None:
        self._task = task
        self._owner: Ref | None = None

    def __call__(self, message: Any) -> None:
        match message:
            case "begin":
                self._owner = monitor(self._task.owner)
                monitor(self._task.pid)
            case Down(ref=ref):
                if ref is self._owner:
                    exit(self._task.pid, "shutdown")
                exit("normal")
