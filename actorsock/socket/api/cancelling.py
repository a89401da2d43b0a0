"""Taking back what waits: `cancel`."""

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok, SelectInfo
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import check_ref
from ..core.actor import CLOSED, actor_of
from ..core.handle import Socket
from ..core.notifications import KIND_OF, AbortMessage, SelectMessage

__all__ = ["cancel"]


@enable_ki_protection
def cancel(sock: Socket, info: SelectInfo) -> Ok[None] | Error:
    """Cancel an operation that waits; `info` is what its `Select` carried. Documented `cancel/2`.

    The next in the queue gets its turn, and a select (or abort) message of this operation that
    is still in the mailbox is removed. Only the process that asked can cancel.

    `Error("select_info")`: nothing of the caller's waits under `info`. `Error("closed")`.
    """
    actor = actor_of(sock)
    if not isinstance(info, SelectInfo):
        raise TypeError(f"info: expected the SelectInfo of a Select, got {shown(info)}")
    # Operations of one kind stand in for each other: a recv may be cancelled as a recvmsg.
    kind = KIND_OF.get(info.tag) if isinstance(info.tag, str) else None
    if kind is None:
        raise ValueError(f"info: no Select carries the tag {shown(info.tag)}")
    check_ref(info.ref, "info.ref")
    process = current_process()
    told: tuple[type[SelectMessage | AbortMessage], ...] = (SelectMessage, AbortMessage)
    answer: Ok[None] | Error = Ok()
    if actor.turns.closed:
        answer = CLOSED
    elif not actor.cancel(process.pid, kind, info.ref):
        # A select of an operation that is complete stays; an abort has nothing left to tell.
        told = (AbortMessage,)
        answer = Error("select_info")

    def is_ours(message: object) -> bool:
        return isinstance(message, told) and message.socket is sock

    process.mailbox.discard(info.ref, is_ours)
    return answer
