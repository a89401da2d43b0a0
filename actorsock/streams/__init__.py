"""For trio users: streams, listeners and servers of TCP connections on sockets of processes.

The shapes, the errors and the checkpoints are trio's, so that whatever is written for
`trio.abc.HalfCloseableStream` and `trio.abc.Listener` works on them, `trio.SSLStream` first of
all. What is below them are the sockets of `actorsock.socket`: owned by a process, and closed
when it ends.
"""

from .listening import open_tcp_listeners
from .opening import open_tcp_stream
from .serving import serve_listeners, serve_tcp
from .socket_listener import SocketListener
from .socket_stream import SocketStream

__all__ = [
    "SocketListener",
    "SocketStream",
    "open_tcp_listeners",
    "open_tcp_stream",
    "serve_listeners",
    "serve_tcp",
]
