"""The messages between the processes of the demonstration."""

import attrs

from ..socket import Socket

__all__ = ["Aborted", "Accepted", "Echoed", "Listening", "Serve", "Served"]


@attrs.frozen
class Listening:
    """Server to main: clients can connect."""

    sock: Socket
    port: int


@attrs.frozen
class Serve:
    """Server to connection: serve this socket, which the receiver owns now."""

    sock: Socket


@attrs.frozen
class Served:
    """Connection to server: the peer has closed; so many bytes were echoed."""

    size: int


@attrs.frozen
class Accepted:
    """Server to main, at the end: the number of connections, and the bytes that they echoed."""

    connections: int
    size: int


@attrs.frozen
class Echoed:
    """Client to main: everything was received back as it was sent."""

    lines: int
    size: int
    selects: int
    """The number of select messages that the client received."""


@attrs.frozen
class Aborted:
    """Waiter to main: the abort message arrived."""
