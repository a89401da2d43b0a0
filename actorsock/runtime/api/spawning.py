"""Starting processes: Erlang's `spawn` family, and handler processes."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVarTuple, Unpack

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ..bodies.current import current_process
from ..bodies.functions import check_function, check_plain
from ..bodies.handler import Handler, Terminate, start_handler
from ..bodies.light import start_light
from ..bodies.limited_process import Limit, check_limit, limit_mailbox
from ..bodies.task import start_task
from ..core.identity import Pid, Ref
from ..core.process import Process
from ..core.reductions import START
from .naming import check_free, give_name

__all__ = ["spawn", "spawn_handler", "spawn_link", "spawn_monitor"]

Ts = TypeVarTuple("Ts")


@twin
@enable_ki_protection
def spawn(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
    max_mailbox: Limit | None = None,
) -> Pid:
    """Start a process that runs `fn(*args)`; return at once. Erlang's `spawn/1,3`.

    The process ends with reason `"normal"` when `fn` returns, and with the exception when `fn`
    raises, which is also logged (logger `actorsock`).

    Args:
        fn: an async function.
        *args: its arguments.
        name: registers the process under this name (see `register`).
        light: True runs the code in steps of the runtime instead of a trio task. A message takes
            a fifth of the time, but the code may await only what this library offers, and
            `in_trio` for all the rest of trio.
        max_mailbox: a `Limit` to the mailbox; None (the default) is none.

    Returns:
        The pid of the new process.

    Raises:
        TypeError: `fn` is not an async function, `name` not a string, or `max_mailbox` no `Limit`.
        ValueError: `name` is already registered.
        RuntimeError: no runtime is open here, or it is being left.

    Example::

        async def echo():
            async for sender, text in mailbox(tuple):
                send(sender, text)

        pid = spawn(echo, name="echo")
        send(pid, (current_pid(), "hello"))
    """
    return _spawn(fn, args, name, light, max_mailbox).pid


@enable_ki_protection
def spawn_link(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
    max_mailbox: Limit | None = None,
) -> Pid:
    """Start a process and link it with the caller, in one step. Erlang's `spawn_link/1,3`.

    Between `spawn` and `link` the new process could end unnoticed; here it can't.

    Args:
        fn: an async function.
        *args: its arguments.
        name: registers the process under this name.
        light: as for `spawn`.
        max_mailbox: as for `spawn`.

    Returns:
        The pid of the new process.

    Raises:
        TypeError, ValueError, RuntimeError: as for `spawn`.

    Example::

        trap_exit(True)
        worker = spawn_link(work)
        match await receive(Exit):
            case Exit(pid, reason): ...  # the worker has ended
    """
    process = _spawn(fn, args, name, light, max_mailbox)
    current_process().link(process)
    return process.pid


@enable_ki_protection
def spawn_monitor(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
    max_mailbox: Limit | None = None,
) -> tuple[Pid, Ref]:
    """Start a process and monitor it, in one step. Erlang's `spawn_monitor/1,3`.

    Args:
        fn: an async function.
        *args: its arguments.
        name: registers the process under this name.
        light: as for `spawn`.
        max_mailbox: as for `spawn`.

    Returns:
        The pid of the new process, and the ref that its `Down` message will carry.

    Raises:
        TypeError, ValueError, RuntimeError: as for `spawn`.

    Example::

        pid, ref = spawn_monitor(work)
        match await receive(ref):
            case Down(reason="normal"): ...
            case Down(reason=reason): ...
    """
    process = _spawn(fn, args, name, light, max_mailbox)
    return process.pid, current_process().monitor(process, process.pid)


@enable_ki_protection
def spawn_handler(
    handler: Handler,
    terminate: Terminate | None = None,
    *,
    name: str | None = None,
    max_mailbox: Limit | None = None,
) -> Pid:
    """Start a process that calls `handler(message)` with each message, in place.

    There is no task and no task switch: `send` to an idle handler returns when the message has
    been handled. A handler is a plain function and can't wait. It is never entered twice: messages
    sent to it while it runs are handled afterwards, in order. `exit(reason)` inside ends the
    process, and so does an exception, which is logged. Erlang has no counterpart.

    Args:
        handler: a plain function of one message; its result is ignored.
        terminate: a plain function of the exit reason, called as the process ends.
        name: registers the process under this name.
        max_mailbox: as for `spawn`. A handler has messages in its mailbox only while others run.

    Returns:
        The pid of the new process.

    Raises:
        TypeError: `handler` or `terminate` is async or not callable, or `name` not a string.
        ValueError: `name` is already registered.
        RuntimeError: no runtime is open here, or it is being left.

    Example::

        seen = []
        log = spawn_handler(seen.append)
        send(log, "one")
        assert seen == ["one"]
    """
    check_plain("handler", handler, "one message")
    if terminate is not None:
        check_plain("terminate", terminate, "one reason")
    check_limit(max_mailbox)
    parent = _parent()
    node = parent.node
    if name is not None:
        check_free(node, name)
    process = start_handler(node, handler, terminate)
    process.parent = parent.pid
    if max_mailbox is not None:
        limit_mailbox(process, max_mailbox)
    if node.started is not None:
        node.started(process)
    if name is not None:
        give_name(node, name, process)
    return process.pid


@twin
def _spawn(
    fn: Callable[..., Awaitable[Any]],
    args: tuple[Any, ...],
    name: str | None,
    light: bool,
    max_mailbox: Limit | None,
) -> Process:
    check_function("fn", fn)
    if max_mailbox is not None:
        check_limit(max_mailbox)
    parent = _parent()
    node = parent.node
    # Before the start: a failing `spawn` must leave no process behind.
    if name is not None:
        check_free(node, name)
    process = start_light(node, fn, args) if light else start_task(node, fn, args)
    process.parent = parent.pid
    if max_mailbox is not None:
        limit_mailbox(process, max_mailbox)
    if node.started is not None:
        node.started(process)
    if name is not None:
        give_name(node, name, process)
    return process


def _parent() -> Process:
    process = current_process()
    process.body.budget -= START  # paid, by letting others run, in the next call that can wait
    if process.node.closing:
        raise RuntimeError("this actorsock runtime is being left: no new process can start")
    return process
