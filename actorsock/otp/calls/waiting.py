"""The beginning and the end of a wait for a server: finding it, and abandoning the wait.

Shared by `calling`, `requests`, and everything else that waits for a message with a ref.
"""

from ...arguments import shown
from ...runtime.api.naming import elsewhere
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.mailbox import NOTHING, anything
from ...runtime.core.messages import Exit
from ...runtime.core.process import Process, alive
from ...runtime.core.remote import Remote
from .registries import ServerRef, Via

__all__ = ["find_server", "forget", "take_exit", "watch"]


def find_server(process: Process, server: ServerRef) -> Process | Remote | None:
    """Return the live process that `server` denotes; a name is looked up in `process`'s node.

    A process of another node may have ended: its monitor tells. Raises `TypeError` if `server` is
    none of the forms of `ServerRef`.
    """
    pid: Pid | Remote | None
    if type(server) is Pid:
        pid = server
    elif isinstance(server, Via):
        pid = server.whereis()
    else:
        name = server if isinstance(server, str) else elsewhere(process.node, server)
        if name is None:
            raise TypeError(
                "server: expected a Pid, a registered name, a Via or (name, node) in a cluster, "
                f"got {shown(server)}"
            )
        pid = process.node.names.get(name) if isinstance(name, str) else name
    return pid if pid is None or isinstance(pid, Remote) else alive.get(pid)


def watch(process: Process, target: Process | Remote, ref: Ref) -> None:
    """Make `ref` a monitor of the server, and an alias until the first answer."""
    if isinstance(target, Remote):
        process.monitor_elsewhere(target, ref)
    else:
        process.monitor(target, target.pid, ref)
    process.add_alias(ref, "reply_demonitor")


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
