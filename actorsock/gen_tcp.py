"""Streams over TCP, with active modes and packet types. Erlang's `gen_tcp`.

A socket belongs to the process that opened or accepted it. In an active mode its packets come as
messages into the owner's mailbox; a passive one is read with `recv`. Options, and all that holds
for UDP too, are in `actorsock.inet`.
"""

from .inet.calls.connecting import connect, fdopen
from .inet.calls.listening import accept, listen
from .inet.calls.streams import (
    close,
    close_nowait,
    controlling_process,
    recv,
    send,
    sendfile,
    shutdown,
    unrecv,
)
from .inet.driver.socket_objects import TcpSocket

__all__ = [
    "TcpSocket",
    "accept",
    "close",
    "close_nowait",
    "connect",
    "controlling_process",
    "fdopen",
    "listen",
    "recv",
    "send",
    "sendfile",
    "shutdown",
    "unrecv",
]
