"""Not waiting any more: what may have come, or could still come, is taken away."""

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.mailbox import NOTHING, anything
from ...runtime.core.messages import Exit
from ...runtime.core.process import Process

__all__ = ["forget", "take_exit"]


def forget(process: Process, ref: Ref) -> None:
    """Nothing that carries `ref` comes to `process` from here on, and what has come is removed.

    Its monitor and its alias are gone too, if they were there.
    """
    process.demonitor(ref)
    process.drop_alias(ref)
    process.mailbox.discard(ref, anything)


def take_exit(process: Process, pid: Pid) -> Exit | None:
    """Remove the `Exit` of `pid` from the mailbox of `process`; None if it has not come."""

    def its_exit(message: object) -> bool:
        return type(message) is Exit and message.pid is pid

    message = process.mailbox.take(its_exit, its_exit)
    return None if message is NOTHING else message
