"""The messages that sockets send to processes."""

from typing import Final, Literal

import attrs

from ..._native import class_of_values
from ...results import Tag
from ...runtime.core.identity import Ref
from ...runtime.core.messages import owed
from .socket_object import Socket
from .turns import Activity

__all__ = [
    "ACTIVITY_OF",
    "AbortMessage",
    "CounterWrap",
    "SelectMessage",
    "SocketDown",
]

ACTIVITY_OF: Final[dict[Tag, Activity]] = {
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
"""The activity of each operation: operations of one activity share a queue."""


@attrs.frozen
class SelectMessage(metaclass=class_of_values):
    """The message that it is the turn of the receiver: call again.

    Erlang's `{'$socket', Socket, select, Handle}`.

    Attributes:
        socket: the socket.
        tag: the name of the operation that waited, such as `"recv"`.
        ref: its handle, the `ref` of the `SelectInfo`.
    """

    socket: Socket
    tag: Tag
    ref: Ref


@attrs.frozen
class AbortMessage:
    """The message that a waiting operation of the receiver has ended.

    Erlang's `{'$socket', Socket, abort, {Handle, Reason}}`.

    Attributes:
        socket: the socket.
        tag: the name of the operation that waited, such as `"recv"`.
        ref: its handle, the `ref` of the `SelectInfo`.
        reason: `"closed"`; a POSIX name, if the operation of the current user failed and those
            behind it would too; or `"cancelled"`, if a later accept of the same process has
            replaced this one.
    """

    socket: Socket
    tag: Tag
    ref: Ref
    reason: str


@attrs.frozen
class CounterWrap:
    """The message to the owner that a counter has passed 2**64 and begins anew (option otp `iow`).

    Erlang's `{'$socket', Socket, counter_wrap, Counter}`.

    Attributes:
        socket: the socket.
        counter: the name of the counter, as in the `counters` of `info`.
    """

    socket: Socket
    counter: str


@attrs.frozen
class SocketDown:
    """The message that a socket which the receiver monitors was closed.

    Erlang's `{'DOWN', MRef, socket, Socket, closed}`.

    Attributes:
        ref: the reference that `monitor` returned.
        socket: the socket.
        reason: always `"closed"`.
    """

    ref: Ref
    socket: Socket
    reason: Literal["closed"] = "closed"


owed.update((SelectMessage, AbortMessage, CounterWrap, SocketDown))
