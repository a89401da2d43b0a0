"""TLS over TCP, with active modes and packet types. Erlang's `ssl`.

A connection belongs to the process that made its handshake. As with `gen_tcp`, packets of an active
socket come as messages (`Ssl` and others) into the owner's mailbox; a passive one is read with
`recv`. TLS itself is that of Python's module of the same name: within this package `import ssl` is
the standard library's.
"""

from .inet.rules.messages import Ssl, SslClosed, SslError, SslPassive
from .tls.calls.accepting import handshake, listen, transport_accept
from .tls.calls.connecting import connect
from .tls.calls.informing import (
    cipher_suites,
    connection_information,
    format_error,
    getstat,
    negotiated_protocol,
    peercert,
    peername,
    sockname,
)
from .tls.calls.options import getopts, setopts
from .tls.calls.transferring import (
    close,
    close_nowait,
    controlling_process,
    recv,
    send,
    shutdown,
)
from .tls.driver.ssl_socket import SslSocket

__all__ = [
    "Ssl",
    "SslClosed",
    "SslError",
    "SslPassive",
    "SslSocket",
    "cipher_suites",
    "close",
    "close_nowait",
    "connect",
    "connection_information",
    "controlling_process",
    "format_error",
    "getopts",
    "getstat",
    "handshake",
    "listen",
    "negotiated_protocol",
    "peercert",
    "peername",
    "recv",
    "send",
    "setopts",
    "shutdown",
    "sockname",
    "transport_accept",
]
