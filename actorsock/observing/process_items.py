"""All that can be asked of one process: a table of items, each with the function that answers.

None of the answers but `messages` and the lists of links and monitors takes longer when the process
has more of something.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import trio

from ..runtime.bodies.handler import HandlerBody
from ..runtime.bodies.limited_process import dropped_by, limit_of
from ..runtime.bodies.running import by_task
from ..runtime.bodies.stacks import frames_of, program_entry_of, stack_of
from ..runtime.bodies.status import status_of
from ..runtime.core.identity import Pid, Ref
from ..runtime.core.process import Process, alive
from ..socket.core.lifetime import SocketLifetime
from ..socket.core.socket_object import Socket
from .wait_reasons import Named
from .waiting import actor_waited_for, monitored_by_name, waits_for

__all__ = ["ITEMS", "ProcessSocket", "ProcessTimer", "actors_of"]


@attrs.frozen
class ProcessSocket:
    """A socket with which a process has to do.

    Attributes:
        socket: the socket.
        owned: True if the process owns it.
        waiting: the operations for which the process waits or is in the queue, with or without a
            handle: `("recv",)`, `("accept",)`, ...
    """

    socket: Socket
    owned: bool
    waiting: tuple[str, ...]


@attrs.frozen
class ProcessTimer:
    """A timer that will send a message to a process.

    Attributes:
        ref: the result of `send_after` or `start_timer`.
        left: seconds until then; None if another thread asks, which does not see trio's clock.
    """

    ref: Ref
    left: float | None


def parent_of(process: Process) -> Pid | None:
    """Return the process that has started it; for an adopted task that of the nursery's task."""
    if process.parent is not None:
        return process.parent
    task: trio.lowlevel.Task | None = getattr(process.body, "task", None)
    if task is None or not process.body.adopted or task.parent_nursery is None:
        return None
    parent = by_task.get(task.parent_nursery.parent_task)
    return None if parent is None or parent.node is not process.node else parent.pid


def _started(process: Process) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - process.began)


def _monitors(process: Process) -> list[Named]:
    return [monitored_by_name(target) for target in (process.monitors or {}).values()]


def actors_of(process: Process) -> list[SocketLifetime]:
    """Return the actors of the sockets that the process owns, or waits for.

    A socket monitors its owner, and who waits for it with a handle; a blocking caller is parked.
    """
    watchers = process.watched_by()
    actors = [actor for watcher in watchers if (actor := _actor(watcher)) is not None]
    waited_for = actor_waited_for(process)
    if waited_for is not None and waited_for not in actors:
        actors.append(waited_for)
    return [actor for actor in actors if actor.socket_object is not None]


def _sockets(process: Process) -> list[ProcessSocket]:
    pid = process.pid
    return [
        ProcessSocket(
            actor.socket_object,
            actor.turns.owner is pid,
            tuple(
                user.tag
                for lane in (actor.turns.read, actor.turns.write)
                for user in (lane.current, *lane.queue)
                if user is not None and user.pid is pid
            ),
        )
        for actor in actors_of(process)
    ]


def _actor(pid: Pid) -> SocketLifetime | None:
    process = alive.get(pid)
    if process is None or not isinstance(process.body, HandlerBody):
        return None
    actor = process.body.function
    return actor if isinstance(actor, SocketLifetime) else None


def _timers(process: Process) -> list[ProcessTimer]:
    try:
        now: float | None = trio.current_time()
    except RuntimeError:
        now = None
    found = []
    for ref, node in (process.timers or {}).items():
        timer = node.pending.get(ref)
        if timer is not None:
            left = None if now is None else max(0.0, timer.entry.deadline - now)
            found.append(ProcessTimer(ref, left))
    return found


def _current_function(process: Process) -> str | None:
    entry = program_entry_of(process)
    return None if entry is None else f"{entry.module}:{entry.function}"


def _memory(process: Process) -> int:
    mailbox, body = process.mailbox, process.body
    parts: list[Any] = [process, body, mailbox, mailbox.arrivals, mailbox.saved, body.code]
    parts += [process.links, process.monitors, process.watchers, process.timers, process.aliases]
    parts += frames_of(process)
    return sum(sys.getsizeof(part) for part in parts if part is not None)


ITEMS: Final[dict[str, Callable[[Process], Any]]] = {
    # The attributes of a `ProcessInfo`.
    "pid": lambda process: process.pid,
    "kind": lambda process: process.body.kind,
    "function": lambda process: process.body.describe(),
    "registered_name": lambda process: process.name,
    "label": lambda process: process.label,
    "status": status_of,
    "waits_for": waits_for,
    "message_queue_len": lambda process: len(process.mailbox),
    "reductions": lambda process: process.body.reductions,
    "parent": parent_of,
    "started": _started,
    "links": lambda process: list(process.links or ()),
    "monitors": _monitors,
    "monitored_by": Process.watched_by,
    "trap_exit": lambda process: process.trapping,
    "sockets": _sockets,
    "timers": _timers,
    "current_stacktrace": stack_of,
    "trio_task": lambda process: getattr(process.body, "task", None),
    "ended_by": lambda process: process.ended_by,
    # Those that are told only if they are asked for.
    "max_mailbox": limit_of,
    "dropped": dropped_by,
    "messages": lambda process: process.mailbox.messages(),
    "memory": _memory,
    "current_function": _current_function,
    "current_location": program_entry_of,
    "initial_call": lambda process: process.body.describe(),
}
