"""The beginning and the end of a wait for a server: finding it, and abandoning the wait.

Shared by `calling`, `requests`, and everything else that waits for a message with a ref.
"""

from typing import Any

from ...arguments import shown
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.mailbox import NOTHING, anything
from ...runtime.core.messages import Exit
from ...runtime.core.process import Process, alive
from .registries import ServerRef, Via

__all__ = ["check_server", "find_server", "forget", "take_exit"]


def check_server(server: Any) -> ServerRef:
    """Return `server`; raise `TypeError` if it is neither a pid nor a name."""
    if type(server) is not Pid and not isinstance(server, (str, Via)):
        raise TypeError(f"server: expected a Pid, a registered name or a Via, got {shown(server)}")
    return server


def find_server(process: Process, server: ServerRef) -> Process | None:
    """Return the live process that `server` denotes; a name is looked up in `process`'s node."""
    pid: Pid | None
    if isinstance(server, str):
        pid = process.node.names.get(server)
    else:
        pid = server.whereis() if isinstance(server, Via) else server
    return None if pid is None else alive.get(pid)


def forget(process: Process, ref: Ref) -> None:
    """Stop waiting for messages with `ref`: remove those that came, and let no more come.

    The monitor and the alias of that ref are removed first, so that nothing can arrive between
    the two steps. Each of the three may be missing.
    """
    process.demonitor(ref)
    process.drop_alias(ref)
    process.mailbox.discard(ref, anything)


def take_exit(process: Process, pid: Pid) -> Exit | None:
    """Remove the `Exit` message of `pid` from the mailbox; return it, or None if there is none."""

    def its_exit(message: object) -> bool:
        return type(message) is Exit and message.pid is pid

    message = process.mailbox.take(its_exit, its_exit)
    return None if message is NOTHING else message
