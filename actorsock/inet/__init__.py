"""Erlang's `inet`: addresses as text, the words of errors, and the packets of streams.

The pure part of what `gen_tcp`, `gen_udp`, `inet` and `ssl` are made of; nothing here does I/O.
"""

from .names.addresses import (
    ipv4_mapped_ipv6_address,
    is_ip_address,
    is_ipv4_address,
    is_ipv6_address,
    ntoa,
    parse_address,
    parse_ipv4_address,
    parse_ipv4strict_address,
    parse_ipv6_address,
    parse_ipv6strict_address,
    parse_strict_address,
)
from .names.error_texts import format_error
from .rules.messages import (
    Http,
    PortData,
    Ssl,
    SslClosed,
    SslError,
    SslPassive,
    Tcp,
    TcpClosed,
    TcpError,
    TcpPassive,
    TlsData,
    Udp,
    UdpError,
    UdpPassive,
)
from .packets.decoding import decode_packet
from .packets.results import (
    AbsoluteURI,
    AbsPath,
    HttpError,
    HttpHeader,
    HttpRequest,
    HttpResponse,
    More,
    Scheme,
    TlsRecord,
)
from .packets.rules import PacketType

__all__ = [
    "AbsPath",
    "AbsoluteURI",
    "Http",
    "HttpError",
    "HttpHeader",
    "HttpRequest",
    "HttpResponse",
    "More",
    "PacketType",
    "PortData",
    "Scheme",
    "Ssl",
    "SslClosed",
    "SslError",
    "SslPassive",
    "Tcp",
    "TcpClosed",
    "TcpError",
    "TcpPassive",
    "TlsData",
    "TlsRecord",
    "Udp",
    "UdpError",
    "UdpPassive",
    "decode_packet",
    "format_error",
    "ipv4_mapped_ipv6_address",
    "is_ip_address",
    "is_ipv4_address",
    "is_ipv6_address",
    "ntoa",
    "parse_address",
    "parse_ipv4_address",
    "parse_ipv4strict_address",
    "parse_ipv6_address",
    "parse_ipv6strict_address",
    "parse_strict_address",
]
