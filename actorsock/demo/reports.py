"""What the processes of the demonstration tell each other."""

import attrs

from ..socket import Socket

__all__ = ["Aborted", "Accepted", "Came", "Listening", "Served", "Yours"]


@attrs.frozen
class Listening:
    """Server to main: clients may come."""

    sock: Socket
    port: int


@attrs.frozen
class Yours:
    """Server to connection: this socket is owned by the receiver now."""

    sock: Socket


@attrs.frozen
class Served:
    """Connection to server: the peer has finished."""

    size: int


@attrs.frozen
class Accepted:
    """Server to main, when it ends: how many connections there were, and what they echoed."""

    connections: int
    size: int


@attrs.frozen
class Came:
    """Client to main: everything came back as it was sent."""

    lines: int
    size: int
    selects: int
    """Select messages that it was sent."""


@attrs.frozen
class Aborted:
    """Waiter to main: the abort message came."""
