"""Starting processes: Erlang's `spawn` family, and handler processes."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVarTuple, Unpack

from trio.lowlevel import enable_ki_protection

from ..bodies.current import current_process
from ..bodies.functions import check_function, check_plain
from ..bodies.handler import Handler, Terminate, start_handler
from ..bodies.light import start_light
from ..bodies.task import start_task
from ..core.identity import Pid, Ref
from ..core.node import Node
from ..core.process import Process
from .naming import check_free, give_name

__all__ = ["spawn", "spawn_handler", "spawn_link", "spawn_monitor"]

Ts = TypeVarTuple("Ts")


@enable_ki_protection
def spawn(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
) -> Pid:
    """Start a process that runs `fn(*args)`, an async function; return its pid at once.

    `name` registers it. It ends with reason `"normal"` when `fn` returns, and with the
    exception when `fn` raises, which is also logged. Erlang's `spawn/1,3`.

    A `light` process takes a fifth of the time for a message. It awaits only what this library
    offers, and `in_trio` for all the rest of trio.
    """
    return _spawn(fn, args, name, light).pid


@enable_ki_protection
def spawn_link(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
) -> Pid:
    """`spawn` and `link` in one step: no moment in which it could end unnoticed."""
    process = _spawn(fn, args, name, light)
    current_process().link(process)
    return process.pid


@enable_ki_protection
def spawn_monitor(
    fn: Callable[[Unpack[Ts]], Awaitable[object]],
    *args: *Ts,
    name: str | None = None,
    light: bool = False,
) -> tuple[Pid, Ref]:
    """`spawn` and `monitor` in one step; the pid, and the ref that its `Down` will carry."""
    process = _spawn(fn, args, name, light)
    return process.pid, current_process().monitor(process, process.pid)


@enable_ki_protection
def spawn_handler(
    handler: Handler, terminate: Terminate | None = None, *, name: str | None = None
) -> Pid:
    """Start a process that calls `handler(message)` with each message, on delivery, in place.

    There is no task and no task switch: `send` to an idle handler returns when the message has
    been handled. A handler is a plain function and can't wait. It is never entered twice: what
    is sent to it while it runs is handled afterwards. `exit(reason)` inside ends it, and so does
    an exception, which is logged. `terminate(reason)`, if given, is called as it ends.
    """
    check_plain("handler", handler, "one message")
    if terminate is not None:
        check_plain("terminate", terminate, "one reason")
    node = _open_node()
    if name is not None:
        check_free(node, name)
    process = start_handler(node, handler, terminate)
    if name is not None:
        give_name(node, name, process)
    return process.pid


def _spawn(
    fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...], name: str | None, light: bool
) -> Process:
    check_function("fn", fn)
    node = _open_node()
    if name is not None:
        check_free(node, name)
    process = start_light(node, fn, args) if light else start_task(node, fn, args)
    if name is not None:
        give_name(node, name, process)
    return process


def _open_node() -> Node:
    node = current_process().node
    if node.closing:
        raise RuntimeError("this actorsock runtime is being left: no new process can start")
    return node
