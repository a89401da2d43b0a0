"""Sockets owned by processes: one function for each function of Erlang's `socket` module.

What cannot block is a plain function. What can block is `async` and takes a `timeout`; its
`_nowait` form is a plain function that answers `Select` instead of waiting and later sends a
`SelectMessage` or `AbortMessage` to the caller's mailbox.
"""

from .address import SockAddrIn, SockAddrIn6, SockAddrNative, SockAddrUn, SockAddrUnspec
from .cancelling import cancel
from .connections import accept, accept_nowait, connect, connect_nowait
from .control import ControlMessage
from .handle import Socket
from .messages import Msg
from .notifications import AbortMessage, CounterWrap, SelectInfo, SelectMessage, SocketDown
from .opening import bind, close, listen, open, peername, shutdown, sockname
from .receiving import recv, recv_nowait, recvfrom, recvfrom_nowait, recvmsg, recvmsg_nowait
from .sending import send, send_nowait, sendto, sendto_nowait

__all__ = [
    "AbortMessage",
    "ControlMessage",
    "CounterWrap",
    "Msg",
    "SelectInfo",
    "SelectMessage",
    "SockAddrIn",
    "SockAddrIn6",
    "SockAddrNative",
    "SockAddrUn",
    "SockAddrUnspec",
    "Socket",
    "SocketDown",
    "accept",
    "accept_nowait",
    "bind",
    "cancel",
    "close",
    "connect",
    "connect_nowait",
    "listen",
    "open",
    "peername",
    "recv",
    "recv_nowait",
    "recvfrom",
    "recvfrom_nowait",
    "recvmsg",
    "recvmsg_nowait",
    "send",
    "send_nowait",
    "sendto",
    "sendto_nowait",
    "shutdown",
    "sockname",
]
