"""Cancelling operations that wait: `cancel`."""

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok, SelectInfo
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import check_ref
from ..core.actor import CLOSED, actor_of
from ..core.notifications import ACTIVITY_OF, AbortMessage, SelectMessage
from ..core.socket_object import Socket

__all__ = ["cancel"]


@enable_ki_protection
def cancel(sock: Socket, info: SelectInfo) -> Ok[None] | Error:
    """Cancel an operation that waits. Erlang's `socket:cancel/2`.

    If it was the current user's, the next in the queue gets its turn. A select or abort message
    of the operation that is still in the caller's mailbox is removed.

    Args:
        sock: the socket.
        info: the `info` of the `Select` that the operation returned. Operations that share a
            queue stand in for each other: a recv may be cancelled with the tag `"recvmsg"`.

    Returns:
        `Ok()`, or `Error`:

        - `"select_info"`: no operation of the calling process waits under `info`: it was
          complete or cancelled before, or another process has started it. A select message of
          it stays in the mailbox; an abort message is removed.
        - `"closed"`: the socket is closed. The messages are removed as by a success.

    Raises:
        TypeError: `sock` is not a `Socket`, or `info` not a `SelectInfo` with a `Ref`.
        ValueError: the tag of `info` is not the name of an operation.

    Example::

        match socket.recv_nowait(sock):
            case Select(info):
                ok(socket.cancel(sock, info))
    """
    actor = actor_of(sock)
    if not isinstance(info, SelectInfo):
        raise TypeError(f"info: expected the SelectInfo of a Select, got {shown(info)}")
    activity = ACTIVITY_OF.get(info.tag) if isinstance(info.tag, str) else None
    if activity is None:
        raise ValueError(f"info: no Select carries the tag {shown(info.tag)}")
    check_ref(info.ref, "info.ref")
    process = current_process()
    removed: tuple[type[SelectMessage | AbortMessage], ...] = (SelectMessage, AbortMessage)
    result: Ok[None] | Error = Ok()
    if actor.turns.closed:
        result = CLOSED
    elif not actor.cancel(process.pid, activity, info.ref):
        # Erlang leaves a late select message of a complete operation in the mailbox, and so do we.
        # An abort message says nothing that this result does not.
        removed = (AbortMessage,)
        result = Error("select_info")

    def is_obsolete(message: object) -> bool:
        return isinstance(message, removed) and message.socket is sock

    process.mailbox.discard(info.ref, is_obsolete)
    return result
