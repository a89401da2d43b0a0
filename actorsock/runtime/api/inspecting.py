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
    """The result of `process_info`: a snapshot of one process."""

    pid: Pid
    kind: str
    """The body that runs it: `"task"`, `"light"` or `"handler"`."""
    function: str
    """The function that it runs, as `module:qualified name`."""
    registered_name: str | None
    status: str
    """`"running"`, `"waiting"`, or `"exiting"` while its code unwinds."""
    message_queue_len: int
    messages: list[Any]
    """The mailbox, oldest message first."""
    links: list[Pid]
    monitors: list[Pid]
    """The processes that it monitors."""
    monitored_by: list[Pid]
    """The processes that monitor it."""
    trap_exit: bool


@enable_ki_protection
def processes() -> list[Pid]:
    """Return the pid of every process of this runtime, oldest first. Erlang's `processes/0`.

    Example::

        for pid in processes():
            print(pid, process_info(pid).function)
    """
    node = current_process().node
    # The table is shared by runtimes in all threads. It may change while it is iterated over, but
    # not while `copy`, a single step of the interpreter, runs.
    return [pid for pid, process in alive.copy().items() if process.node is node]


@enable_ki_protection
def is_alive(pid: Pid) -> bool:
    """Return True if the process has not ended and is not ending. Erlang's `is_process_alive/1`.

    Args:
        pid: the process.

    Raises:
        TypeError: `pid` is not a `Pid`.

    Example::

        if not is_alive(worker):
            worker = spawn(work)
    """
    process = alive.get(check_pid(pid))
    return process is not None and not process.ending


@enable_ki_protection
def process_info(pid: Pid) -> ProcessInfo | None:
    """Return a snapshot of a process, for debugging. Erlang's `process_info/1`.

    Args:
        pid: the process.

    Returns:
        A `ProcessInfo`, or None if the process has ended.

    Raises:
        TypeError: `pid` is not a `Pid`.

    Example::

        info = process_info(server)
        if info is not None and info.message_queue_len > 1000:
            print(f"{info.function} is {info.status} and overloaded")
    """
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
