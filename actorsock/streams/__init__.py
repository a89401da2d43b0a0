"""Streams, listeners and servers of TCP connections for programs written against trio.

The classes implement `trio.abc.HalfCloseableStream` and `trio.abc.Listener`, with trio's
exceptions and checkpoints, so that code written for these interfaces (`trio.SSLStream`, for
example) works on them. Below are the sockets of `actorsock.socket`: each is owned by a process,
and is closed when its owner ends.
"""

from .connecting import open_tcp_stream
from .listeners import SocketListener, open_tcp_listeners
from .serving import serve_listeners, serve_tcp
from .socket_stream import SocketStream

__all__ = [
    "SocketListener",
    "SocketStream",
    "open_tcp_listeners",
    "open_tcp_stream",
    "serve_listeners",
    "serve_tcp",
]
