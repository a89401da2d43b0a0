"""Looking at processes from outside."""

from typing import Any

import attrs
from trio.lowlevel import enable_ki_protection

from ..bodies.current import current_process
from ..bodies.status import Status, status_of
from ..core.identity import Pid, check_pid
from ..core.process import alive
from ..core.remote import Remote, RemoteName

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
    status: Status
    """`"waiting"`, in a call of this library or of trio; `"exiting"` while its code unwinds;
    otherwise `"running"`, also if it is ready to run and others run before it."""
    message_queue_len: int
    messages: list[Any]
    """The mailbox, oldest message first."""
    links: list[Pid]
    monitors: list[Pid | tuple[str, str]]
    """The processes that it monitors; `(name, node)` for one known by its name on another node."""
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
        ValueError: `pid` is of another node: only a monitor tells whether it has ended.

    Example::

        if not is_alive(worker):
            worker = spawn(work)
    """
    process = alive.get(check_pid(pid))
    if process is None:
        _refuse_remote(pid)
        return False
    return not process.ending


@enable_ki_protection
def process_info(pid: Pid) -> ProcessInfo | None:
    """Return a snapshot of a process, for debugging. Erlang's `process_info/1`.

    Args:
        pid: the process.

    Returns:
        A `ProcessInfo`, or None if the process has ended.

    Raises:
        TypeError: `pid` is not a `Pid`.
        ValueError: `pid` is of another node.

    Example::

        info = process_info(server)
        if info is not None and info.message_queue_len > 1000:
            print(f"{info.function} is {info.status} and overloaded")
    """
    process = alive.get(check_pid(pid))
    if process is None:
        _refuse_remote(pid)
        return None
    return ProcessInfo(
        pid=pid,
        kind=process.body.kind,
        function=process.body.describe(),
        registered_name=process.name,
        status=status_of(process),
        message_queue_len=len(process.mailbox),
        messages=process.mailbox.messages(),
        links=list(process.links or ()),
        monitors=[_monitored(target) for target in (process.monitors or {}).values()],
        monitored_by=[watcher for watcher, _ in (process.watchers or {}).values()],
        trap_exit=process.trapping,
    )


def _refuse_remote(pid: Pid) -> None:
    if isinstance(pid, Remote):
        raise ValueError(f"pid: {pid!r} is of another node: its state can't be seen from here")


def _monitored(target: Pid | Remote) -> Pid | tuple[str, str]:
    if isinstance(target, RemoteName):
        return target.name, target.node
    assert isinstance(target, Pid)
    return target
