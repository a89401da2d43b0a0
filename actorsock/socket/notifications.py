"""What sockets put into mailboxes, and the select info that ties a message to its call."""

from typing import Any, Final, Literal

import attrs

from ..results import SelectRead
from ..runtime.identity import Ref
from .handle import Socket
from .turns import Kind

__all__ = [
    "KIND_OF",
    "AbortMessage",
    "CounterWrap",
    "SelectInfo",
    "SelectMessage",
    "SelectRead",
    "SocketDown",
    "Tag",
]

Tag = Literal[
    "accept",
    "connect",
    "recv",
    "recvfrom",
    "recvmsg",
    "send",
    "sendfile",
    "sendmsg",
    "sendto",
    "sendv",
]
"""The operation that waits."""

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
class SelectInfo:
    """Names a waiting operation: what `cancel` takes. Erlang's `{select_info, Tag, Handle}`."""

    tag: Tag
    ref: Ref
    """The handle: the select or abort message will carry it."""
    continuation: Any = attrs.field(default=None, eq=False, repr=False)
    """What a send that is continued with this info goes on with (flags, destination)."""


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
