"""Looking at processes from outside."""

from typing import Any

from trio.lowlevel import enable_ki_protection

from ..bodies.current import current_process
from ..core.identity import Pid, check_pid
from ..core.process import alive, processes_of
from ..core.remote import refuse_remote

__all__ = ["is_alive", "processes", "set_label"]


@enable_ki_protection
def processes() -> list[Pid]:
    """Return the pid of every process of this runtime, oldest first. Erlang's `processes/0`.

    Example::

        for pid in processes():
            print(pid, process_info(pid).function)
    """
    return [process.pid for process in processes_of(current_process().node)]


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
        refuse_remote(pid)
        return False
    return not process.ending


@enable_ki_protection
def set_label(label: Any) -> None:
    """Give the calling process a label, for people who look at it. Erlang's `proc_lib:set_label/1`.

    Any number of processes may have the same label, and nothing is found by it. It says what a
    process without a name is for.

    Args:
        label: any object; `process_info(pid).label` is it from now on.

    Example::

        set_label(("session", user))
    """
    current_process().label = label
