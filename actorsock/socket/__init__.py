"""Sockets owned by processes: one function for each function of Erlang's `socket` module.

A function that never waits is a plain function. A function that may wait is `async` and has a
`timeout` in seconds. Its `_nowait` form is a plain function: where it would have to wait, it
returns `Select`, and later sends a `SelectMessage` or an `AbortMessage` to the caller's mailbox.

Results are `Ok`, `Error` and `Select` of the package `actorsock`. Wrong arguments raise `TypeError`
or `ValueError`, naming the argument; all other failures are returned.
"""

from ..results import SelectInfo, SelectRead
from .api.cancelling import cancel
from .api.configuring import getopt, setopt
from .api.connecting import accept, accept_nowait, connect, connect_nowait
from .api.from_fd import open_fd
from .api.informing import (
    SocketInfo,
    SocketsInfo,
    cancel_monitor,
    debug,
    info,
    monitor,
    monitored_by,
    number_of,
    number_of_monitors,
    use_registry,
    which_monitors,
    which_sockets,
)
from .api.ioctl import Interface, InterfaceMap, ioctl
from .api.opening import (
    bind,
    close,
    close_nowait,
    listen,
    open,
    peername,
    shutdown,
    sockname,
)
from .api.receiving import recv, recv_nowait, recvfrom, recvfrom_nowait, recvmsg, recvmsg_nowait
from .api.sending import (
    send,
    send_nowait,
    sendfile,
    sendfile_nowait,
    sendmsg,
    sendmsg_nowait,
    sendto,
    sendto_nowait,
    sendv,
    sendv_nowait,
)
from .api.support import is_supported, supports
from .core.notifications import AbortMessage, CounterWrap, SelectMessage, SocketDown
from .core.socket_object import Socket
from .options import (
    Credentials,
    Linger,
    Membership,
    Membership6,
    MsgFilter,
    SctpAssocParams,
    SctpAssocValue,
    SctpAuthKeyId,
    SctpDelayedAck,
    SctpEventSubscribe,
    SctpInitMsg,
    SctpRtoInfo,
    SctpSendParams,
    SourceMembership,
    TcpInfo,
    TimeVal,
)
from .values.address import SockAddrIn, SockAddrIn6, SockAddrNative, SockAddrUn, SockAddrUnspec
from .values.control import ControlMessage
from .values.control_types import ExtendedError, Ip6PktInfo, IpPktInfo
from .values.flags import Flag
from .values.kinds import Domain, Protocol, Type
from .values.messages import Msg

__all__ = [
    "AbortMessage",
    "ControlMessage",
    "CounterWrap",
    "Credentials",
    "Domain",
    "ExtendedError",
    "Flag",
    "Interface",
    "InterfaceMap",
    "Ip6PktInfo",
    "IpPktInfo",
    "Linger",
    "Membership",
    "Membership6",
    "Msg",
    "MsgFilter",
    "Protocol",
    "SctpAssocParams",
    "SctpAssocValue",
    "SctpAuthKeyId",
    "SctpDelayedAck",
    "SctpEventSubscribe",
    "SctpInitMsg",
    "SctpRtoInfo",
    "SctpSendParams",
    "SelectInfo",
    "SelectMessage",
    "SelectRead",
    "SockAddrIn",
    "SockAddrIn6",
    "SockAddrNative",
    "SockAddrUn",
    "SockAddrUnspec",
    "Socket",
    "SocketDown",
    "SocketInfo",
    "SocketsInfo",
    "SourceMembership",
    "TcpInfo",
    "TimeVal",
    "Type",
    "accept",
    "accept_nowait",
    "bind",
    "cancel",
    "cancel_monitor",
    "close",
    "close_nowait",
    "connect",
    "connect_nowait",
    "debug",
    "getopt",
    "info",
    "ioctl",
    "is_supported",
    "listen",
    "monitor",
    "monitored_by",
    "number_of",
    "number_of_monitors",
    "open",
    "open_fd",
    "peername",
    "recv",
    "recv_nowait",
    "recvfrom",
    "recvfrom_nowait",
    "recvmsg",
    "recvmsg_nowait",
    "send",
    "send_nowait",
    "sendfile",
    "sendfile_nowait",
    "sendmsg",
    "sendmsg_nowait",
    "sendto",
    "sendto_nowait",
    "sendv",
    "sendv_nowait",
    "setopt",
    "shutdown",
    "sockname",
    "supports",
    "use_registry",
    "which_monitors",
    "which_sockets",
]
