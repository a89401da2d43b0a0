"""Looking at processes from outside."""

from typing import Any

import attrs
from trio.lowlevel import enable_ki_protection

from ..bodies.current import current_process
from ..core.identity import Pid, check_pid
from ..core.process import alive

__all__ = ["ProcessInfo", "is_alive", "process_info", "processes"]


@attrs.frozen
class ProcessInfo:
    """What `process_info` tells of a process."""

    pid: Pid
    kind: str
    """`"task"`, `"light"` or `"handler"`: what runs it."""
    function: str
    registered_name: str | None
    status: str
    """`"running"`, `"waiting"`, or `"exiting"` while its code unwinds."""
    message_queue_len: int
    messages: list[Any]
    links: list[Pid]
    monitors: list[Pid]
    monitored_by: list[Pid]
    trap_exit: bool


@enable_ki_protection
def processes() -> list[Pid]:
    """The pid of every process of this runtime, oldest first. Erlang's `processes/0`."""
    node = current_process().node
    return [pid for pid, process in alive.copy().items() if process.node is node]


@enable_ki_protection
def is_alive(pid: Pid) -> bool:
    """Whether `pid` has neither ended nor is ending. Erlang's `is_process_alive/1`."""
    process = alive.get(check_pid(pid))
    return process is not None and not process.ending


@enable_ki_protection
def process_info(pid: Pid) -> ProcessInfo | None:
    """What is known of a process; None if it has ended. Erlang's `process_info/1`."""
    process = alive.get(check_pid(pid))
    if process is None:
        return None
    waiting = process.body.parked
    return ProcessInfo(
        pid=pid,
        kind=process.body.kind,
        function=process.body.describe(),
        registered_name=process.name,
        status="exiting" if process.ending else "waiting" if waiting else "running",
        message_queue_len=len(process.mailbox),
        messages=process.mailbox.messages(),
        links=list(process.links or ()),
        monitors=list((process.monitors or {}).values()),
        monitored_by=[watcher for watcher, _ in (process.watchers or {}).values()],
        trap_exit=process.trapping,
    )
