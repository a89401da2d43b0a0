"""`process_info`: what is known of one process."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, overload

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import shown
from ..runtime.bodies.stacks import StackEntry
from ..runtime.bodies.status import Status
from ..runtime.core.identity import Pid, check_pid
from ..runtime.core.process import EndedBy, alive
from ..runtime.core.remote import refuse_remote
from .process_items import ITEMS, ProcessSocket, ProcessTimer
from .wait_reasons import Named, WaitReason

__all__ = ["ProcessInfo", "process_info"]


@attrs.frozen
class ProcessInfo:
    """The result of `process_info`: a snapshot of one process."""

    pid: Pid
    kind: str
    """The body that runs it: `"task"`, `"light"` or `"handler"`."""
    function: str
    """The function that it runs, as `module:qualified name`."""
    registered_name: str | None
    label: Any
    """What it has given to `set_label`; None if it has not."""
    status: Status
    """`"running"`: its code runs, or has called in place what runs; `"runnable"`: it will run when
    others have; `"waiting"`, in a call of this library or of trio; `"exiting"` while its code
    unwinds."""
    waits_for: WaitReason | None
    """What it waits for; `str` of it is a short text. None if it does not wait."""
    message_queue_len: int
    reductions: int
    """All that it has spent since it began: about one for a message, ten for a system call."""
    parent: Pid | None
    """The process that has started it; for a task that was adopted, that of the task whose nursery
    it is in. None if there is none."""
    started: datetime
    """When it began, in UTC."""
    links: list[Pid]
    monitors: list[Named]
    """The processes that it monitors; `(name, node)` for one known by its name on another node."""
    monitored_by: list[Pid]
    """The processes that monitor it, the actors of its sockets among them."""
    trap_exit: bool
    sockets: list[ProcessSocket]
    """The sockets that it owns or waits for."""
    timers: list[ProcessTimer]
    """The timers of `send_after` and `start_timer` that will send to its pid."""
    current_stacktrace: list[StackEntry]
    """The calls that its code is in, the innermost first. Empty for a handler between two
    messages."""
    trio_task: trio.lowlevel.Task | None
    """The trio task that runs it, if one does."""
    ended_by: EndedBy | None
    """While it is `"exiting"`: the exit signal that ends it, if one does."""


@overload
def process_info(pid: Pid) -> ProcessInfo | None: ...
@overload
def process_info(pid: Pid, items: Iterable[str]) -> dict[str, Any] | None: ...
@enable_ki_protection
def process_info(
    pid: Pid, items: Iterable[str] | None = None
) -> ProcessInfo | dict[str, Any] | None:
    """Return a snapshot of a process, or some items of it. Erlang's `process_info/1,2`.

    The price does not grow with the mailbox, unless its messages are asked for.

    Args:
        pid: the process.
        items: which items; None is all attributes of `ProcessInfo`. Besides their names:

            - `"messages"`: the mailbox, oldest message first
            - `"max_mailbox"`, `"dropped"`: the `Limit` of its mailbox, or None; how many messages
              were dropped because of it
            - `"memory"`: about how many bytes it takes, without its messages and variables
            - `"current_function"`, `"current_location"`: the innermost call of the program, without
              those of trio and of this library, as `module:function` and as a `StackEntry`
            - `"initial_call"`: the same as `"function"`

    Returns:
        A `ProcessInfo`, or a dict of the items, in that order; None if the process has ended.

    Raises:
        TypeError: `pid` is not a `Pid`, or `items` are not strings.
        ValueError: `pid` is of another node, or there is no such item.

    Example::

        info = process_info(server)
        if info is not None and info.message_queue_len > 1000:
            print(f"{info.function} is {info.status} and overloaded")
        print(process_info(server, ["reductions", "current_location"]))
    """
    process = alive.get(check_pid(pid))
    asked = None if items is None else _checked(items)
    if process is None:
        refuse_remote(pid)
        return None
    if asked is not None:
        return {item: ITEMS[item](process) for item in asked}
    return ProcessInfo(**{item: ITEMS[item](process) for item in _FIELDS})


_FIELDS = tuple(field.name for field in attrs.fields(ProcessInfo))


def _checked(items: Iterable[str]) -> tuple[str, ...]:
    if isinstance(items, str):
        raise TypeError(f"items: expected a list of names, got {shown(items)}")
    asked = tuple(items)
    for item in asked:
        if type(item) is not str:
            raise TypeError(f"items: expected names, got {shown(item)}")
        if item not in ITEMS:
            raise ValueError(f"items: there is no item {item!r}; there are {', '.join(ITEMS)}")
    return asked
