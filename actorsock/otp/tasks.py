"""Tasks: functions that run in processes of their own, and whose results are waited for.

A task ends when the process that started it, its owner, ends, whatever the reason. The owner does
not end with the task: its failure appears only in `await_result` and `nb_yield`. A link would do
the first and break the second, so a third process, `_Leash`, monitors both.
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
from .calls.protocol import Answer
from .calls.waiting import forget

__all__ = ["Task", "abandon", "async_call", "await_result", "nb_yield", "start_task"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@attrs.frozen
class Task(Generic[T]):
    """A running function, returned by `async_call`. Erlang's `Key` of `rpc:async_call/4`."""

    pid: Pid
    """The process that runs the function."""
    ref: Ref
    """The ref of the message that brings the result, `Answer` or `Down`; for `receive`."""
    owner: Pid
    """The process that has started the task, and that alone may wait for its result."""


@enable_ki_protection
def async_call(fn: Callable[[*Ts], Awaitable[T]], *args: *Ts, light: bool = False) -> Task[T]:
    """Run `fn(*args)` in a new process, and return at once.

    Erlang's `rpc:async_call/4`, Elixir's `Task.async`. The task is killed with `"shutdown"` when
    the caller ends. If `fn` fails, the caller is not affected until it waits for the result.

    Args:
        fn: an async function.
        *args: its arguments.
        light: run it in a light process.

    Returns:
        A `Task`, for `await_result` or `nb_yield`.

    Raises:
        TypeError: `fn` is not callable.

    Example::

        tasks = [otp.async_call(fetch, url) for url in urls]
        pages = [await otp.await_result(task, timeout=30) for task in tasks]
    """
    task = start_task(fn, args, light)
    send(spawn_handler(_Leash(task)), "begin")
    return task


@enable_ki_protection
async def await_result(task: Task[T], timeout: float = 5.0) -> T:
    """Wait for the result of a task, and end the task if it does not come in time.

    Elixir's `Task.await`; Erlang's `rpc:yield/1`, which waits for ever. A result can be taken
    once, by the process that started the task.

    Args:
        task: the result of `async_call`.
        timeout: seconds to wait (default: 5); `math.inf` waits for ever.

    Returns:
        The value that the function has returned.

    Raises:
        ProcessExit: with the exit reason of the task, if its function has failed; with
            `"timeout"` if it has not returned in time, and the task is killed. Unless it is
            caught, it ends the caller with the same reason.
        TypeError: `task` is not a `Task`, or `timeout` is not a number.
        ValueError: the result has been taken already, the task was given up, another process has
            started it, or `timeout` is negative or NaN.
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
    """Return the result of a task if there is one; the task goes on if not.

    Erlang's `rpc:nb_yield/1,2`.

    Args:
        task: the result of `async_call`.
        timeout: seconds to wait; 0 (the default) polls, `math.inf` waits for ever.

    Returns:
        - `Ok(value)`: the function has returned `value`
        - `Error(reason)`: the task has ended with `reason`
        - `Timeout()`: no result in time; `nb_yield` and `await_result` can be called again

    Raises:
        TypeError: `task` is not a `Task`, or `timeout` is not a number.
        ValueError: the result has been taken already, the task was given up, another process has
            started it, or `timeout` is negative or NaN.
    """
    if not isinstance(task, Task):
        raise TypeError(f"task: expected what async_call returns, got {shown(task)}")
    check_seconds("timeout", timeout)
    process = current_process()
    if task.owner is not process.pid:
        raise ValueError(f"task: {task.pid!r} was started by {task.owner!r}, which awaits it")
    # The answer, or the end, removes the monitor when it is delivered. So without a monitor the
    # message is in the mailbox already, or was taken from it: no message can come any more.
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
    """Start a process that sends its result to the caller, and is not tied to the caller's life."""
    check_function("fn", fn)
    run = _Run(fn, args)
    pid = spawn(run, light=light)
    # The ref exists only after `spawn`. The process does not run before the caller waits, so it
    # finds the ref in `run`.
    run.ref = monitor(pid, alias="reply_demonitor")
    return Task(pid, run.ref, current_process().pid)


def abandon(process: Process, task: Task[Any]) -> None:
    """Kill a task of `process`, and let no result come."""
    forget(process, task.ref)
    target = alive.get(task.pid)
    if target is not None:
        target.signal(process.pid, "kill", "exit")


class _Run:
    """The code of a task: call the function, and send the result through the owner's alias."""

    ref: Ref

    def __init__(self, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        # `process_info` and crash reports name the function, not this class.
        self.__wrapped__ = fn
        self._args = args

    def __repr__(self) -> str:
        return name_of(self)  # trio uses it as the name of the task

    async def __call__(self) -> None:
        value = await call_function(self.__wrapped__, self._args)
        send_through(self.ref, Answer(self.ref, value))


class _Leash:
    """A handler process that ends a task when the owner ends, and itself with either of them."""

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
