"""What sockets put into mailboxes."""

from typing import Final, Literal

import attrs

from ...results import Tag
from ...runtime.core.identity import Ref
from .handle import Socket
from .turns import Kind

__all__ = [
    "KIND_OF",
    "AbortMessage",
    "CounterWrap",
    "SelectMessage",
    "SocketDown",
]

KIND_OF: Final[dict[Tag, Kind]] = {
    "accept": "accept",
    "connect": "connect",
    "recv": "recv",
    "recvfrom": "recv",
    "recvmsg": "recv",
    "send": "send",
    "sendfile": "send",
    "sendmsg": "send",
    "sendto": "send",
    "sendv": "send",
}
"""What each operation shares a queue with."""


@attrs.frozen
class SelectMessage:
    """It is the receiver's turn: call again.

    Documented as `<select, SockRef, Tag, Ref>`; Erlang's `{'$socket', Socket, select, Handle}`.
    """

    socket: Socket
    tag: Tag
    ref: Ref


@attrs.frozen
class AbortMessage:
    """The waiting operation has ended.

    Documented as `<abort, ...>`; Erlang's `{'$socket', Socket, abort, {Handle, Reason}}`.

    `reason` is `"closed"`, a POSIX name where the operation of the current user failed for
    everybody, or `"cancelled"` where a later accept of the same process took its place.
    """

    socket: Socket
    tag: Tag
    ref: Ref
    reason: str


@attrs.frozen
class CounterWrap:
    """A counter of the socket has passed 2**64 and begins anew; sent to the owner (otp `iow`)."""

    socket: Socket
    counter: str


@attrs.frozen
class SocketDown:
    """A monitored socket was closed; `{'DOWN', MRef, socket, Socket, closed}`."""

    ref: Ref
    socket: Socket
    reason: Literal["closed"] = "closed"
