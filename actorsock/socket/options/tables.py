"""The options of the levels socket, ip, ipv6, tcp, udp and sctp: one table for each level.

Responsible for which options there are, what they are called in C, which kind of value each
takes and gives, and which of them this platform has. How a value is translated is the
business of the codecs; the level otp, which no kernel knows, has a module of its own.

A row has the documented name, the constant of C's header files, its number on Linux for a
Python without the constant (none if Linux has no such option), and the codecs of setting and
of getting. `NO` means that the option cannot be set, or got; both, that it is known by name
only: no Linux has it, or its value has no agreed form (the native mode still reaches it).
"""

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import attrs

from ...arguments import restated, shown
from ..values.codecs import (
    BOOLEAN,
    BYTE,
    CONGESTION,
    DEVICE,
    DOMAIN,
    HOPS,
    IN_ADDR,
    INTEGER,
    LINGER,
    MEMBERSHIP,
    MEMBERSHIP6,
    MSG_FILTER,
    MTU_DISCOVER,
    PEERCRED,
    PROTOCOL,
    SCTP_ASSOC,
    SCTP_DELAY,
    SCTP_EVENTS,
    SCTP_INITMSG,
    SCTP_KEY,
    SCTP_RTOINFO,
    SCTP_SEND,
    SCTP_VALUE,
    SOURCE_MEMBERSHIP,
    TCP_INFO,
    TIMEVAL,
    TOS,
    TYPE,
    UNSIGNED,
    Codec,
)
from .pktoptions import PKTOPTIONS

__all__ = ["LEVELS", "Option", "find", "options", "supported"]


@attrs.frozen(eq=False)
class Option:
    """A socket option of the operating system; the documented `socket_option()`.

    `level` and `name` are the documented words, `level_number` and `number` what
    `setsockopt` and `getsockopt` take for them; `number` is `None` if the platform lacks the
    option. `value` says in words what `encode` accepts, or what a get-only option gives.

    `encode` turns a value into an integer, to be passed as a C int, or bytes. It raises
    `TypeError` or `ValueError` naming the option, the value and what is accepted. It is `None`
    if the option may not be set. `decode` turns the bytes that the kernel wrote into the value
    and never raises; it is `None` if the option may not be got. `size` is how many bytes to
    offer the kernel. `request`, if not empty, is what they must hold before the call: the
    kernel looks there for the association that is meant.
    """

    level: str
    name: str
    level_number: int
    number: int | None
    value: str
    encode: Callable[[object], int | bytes] | None
    decode: Callable[[bytes], object] | None
    size: int
    request: bytes


def find(level: object, name: object) -> Option:
    """The option `name` of `level`, both documented words such as `"socket"`, `"keepalive"`.

    Raises `TypeError` if one of them is not a str, `ValueError` if one is unknown, naming what
    is accepted. An option that is known but that this platform lacks is found; its `number`
    is `None`. Documented counterpart: the `{Level, Opt}` of `setopt` and `getopt`.
    """
    if not isinstance(level, str):
        raise TypeError(f"level: {shown(level)} is not a str; accepted are {_LEVEL_WORDS}")
    if not isinstance(name, str):
        raise TypeError(f"option: {shown(name)} is not a str, the name of an option")
    table = _OPTIONS.get(level)
    if table is None:
        raise ValueError(f"level: {shown(level)} is unknown; accepted are {_LEVEL_WORDS}")
    option = table.get(name)
    if option is None:
        raise ValueError(
            f"option: {shown(name)} is unknown to level {level!r}; accepted are {', '.join(table)}"
        )
    return option


def options(level: str) -> tuple[Option, ...]:
    """Every option that `level` knows by name, in the order of its table; else nothing."""
    return tuple(_OPTIONS.get(level, {}).values())


def supported(level: object) -> dict[str, bool]:
    """The names of the options of `level`, and whether each may be set or got on this platform.

    An unknown level, a number and `"otp"` have none: the result is empty. Documented
    counterpart: `supports(options, Level)`.
    """
    table = _OPTIONS.get(level, {}) if isinstance(level, str) else {}
    return {
        name: option.number is not None
        and (option.encode is not None or option.decode is not None)
        and (level, name) not in _NOT_ANNOUNCED
        for name, option in table.items()
    }


# It works, but `peek` with it in force gives something else at each call, so the documentation
# does not offer it to programs that ask.
_NOT_ANNOUNCED: Final = {("socket", "peek_off")}

_Row: TypeAlias = tuple[str, str, int | None, Codec | None, Codec | None]
NO: Final = None

# fmt: off
_SOCKET: Final[tuple[_Row, ...]] = (
    # name                     constant                Linux  set                get
    ("acceptconn",             "SO_ACCEPTCONN",        30,    NO,                BOOLEAN),
    ("acceptfilter",           "SO_ACCEPTFILTER",      None,  NO,                NO),
    ("bindtodevice",           "SO_BINDTODEVICE",      25,    DEVICE,            DEVICE),
    ("broadcast",              "SO_BROADCAST",         6,     BOOLEAN,           BOOLEAN),
    ("bsp_state",              "SO_BSP_STATE",         None,  NO,                NO),
    ("busy_poll",              "SO_BUSY_POLL",         46,    INTEGER,           INTEGER),
    ("debug",                  "SO_DEBUG",             1,     INTEGER,           INTEGER),
    ("domain",                 "SO_DOMAIN",            39,    NO,                DOMAIN),
    ("dontroute",              "SO_DONTROUTE",         5,     BOOLEAN,           BOOLEAN),
    ("error",                  "SO_ERROR",             4,     NO,                INTEGER),
    ("exclusiveaddruse",       "SO_EXCLUSIVEADDRUSE",  None,  BOOLEAN,           BOOLEAN),
    ("keepalive",              "SO_KEEPALIVE",         9,     BOOLEAN,           BOOLEAN),
    ("linger",                 "SO_LINGER",            13,    LINGER,            LINGER),
    ("mark",                   "SO_MARK",              36,    UNSIGNED,          UNSIGNED),
    ("max_msg_size",           "SO_MAX_MSG_SIZE",      None,  NO,                NO),
    ("maxdg",                  "SO_MAXDG",             None,  NO,                NO),
    ("oobinline",              "SO_OOBINLINE",         10,    BOOLEAN,           BOOLEAN),
    ("passcred",               "SO_PASSCRED",          16,    BOOLEAN,           BOOLEAN),
    ("peek_off",               "SO_PEEK_OFF",          42,    INTEGER,           INTEGER),
    ("peercred",               "SO_PEERCRED",          17,    NO,                PEERCRED),
    ("priority",               "SO_PRIORITY",          12,    INTEGER,           INTEGER),
    ("protocol",               "SO_PROTOCOL",          38,    NO,                PROTOCOL),
    ("rcvbuf",                 "SO_RCVBUF",            8,     INTEGER,           INTEGER),
    ("rcvbufforce",            "SO_RCVBUFFORCE",       33,    INTEGER,           NO),
    ("rcvlowat",               "SO_RCVLOWAT",          18,    INTEGER,           INTEGER),
    ("rcvtimeo",               "SO_RCVTIMEO",          20,    TIMEVAL,           TIMEVAL),
    ("reuseaddr",              "SO_REUSEADDR",         2,     BOOLEAN,           BOOLEAN),
    ("reuseport",              "SO_REUSEPORT",         15,    BOOLEAN,           BOOLEAN),
    ("rxq_ovfl",               "SO_RXQ_OVFL",          40,    BOOLEAN,           BOOLEAN),
    ("setfib",                 "SO_SETFIB",            None,  NO,                NO),
    ("sndbuf",                 "SO_SNDBUF",            7,     INTEGER,           INTEGER),
    ("sndbufforce",            "SO_SNDBUFFORCE",       32,    INTEGER,           NO),
    ("sndlowat",               "SO_SNDLOWAT",          19,    NO,                INTEGER),
    ("sndtimeo",               "SO_SNDTIMEO",          21,    TIMEVAL,           TIMEVAL),
    ("timestamp",              "SO_TIMESTAMP",         29,    BOOLEAN,           BOOLEAN),
    ("type",                   "SO_TYPE",              3,     NO,                TYPE),
)

_IP: Final[tuple[_Row, ...]] = (
    # name                     constant                     Linux  set                get
    ("add_membership",         "IP_ADD_MEMBERSHIP",         35,    MEMBERSHIP,        NO),
    ("add_source_membership",  "IP_ADD_SOURCE_MEMBERSHIP",  39,    SOURCE_MEMBERSHIP, NO),
    ("block_source",           "IP_BLOCK_SOURCE",           38,    SOURCE_MEMBERSHIP, NO),
    ("dontfrag",               "IP_DONTFRAG",               None,  BOOLEAN,           BOOLEAN),
    ("drop_membership",        "IP_DROP_MEMBERSHIP",        36,    MEMBERSHIP,        NO),
    ("drop_source_membership", "IP_DROP_SOURCE_MEMBERSHIP", 40,    SOURCE_MEMBERSHIP, NO),
    ("freebind",               "IP_FREEBIND",               15,    BOOLEAN,           BOOLEAN),
    ("hdrincl",                "IP_HDRINCL",                3,     BOOLEAN,           BOOLEAN),
    ("minttl",                 "IP_MINTTL",                 21,    INTEGER,           INTEGER),
    ("msfilter",               "IP_MSFILTER",               41,    MSG_FILTER,        NO),
    ("mtu",                    "IP_MTU",                    14,    NO,                INTEGER),
    ("mtu_discover",           "IP_MTU_DISCOVER",           10,    MTU_DISCOVER,      MTU_DISCOVER),
    ("multicast_all",          "IP_MULTICAST_ALL",          49,    BOOLEAN,           BOOLEAN),
    ("multicast_if",           "IP_MULTICAST_IF",           32,    IN_ADDR,           IN_ADDR),
    ("multicast_loop",         "IP_MULTICAST_LOOP",         34,    BOOLEAN,           BOOLEAN),
    ("multicast_ttl",          "IP_MULTICAST_TTL",          33,    INTEGER,           INTEGER),
    ("nodefrag",               "IP_NODEFRAG",               22,    BOOLEAN,           BOOLEAN),
    ("options",                "IP_OPTIONS",                4,     NO,                NO),
    ("pktinfo",                "IP_PKTINFO",                8,     BOOLEAN,           BOOLEAN),
    ("pktoptions",             "IP_PKTOPTIONS",             9,     NO,                PKTOPTIONS),
    ("recvdstaddr",            "IP_RECVDSTADDR",            None,  BOOLEAN,           BOOLEAN),
    ("recverr",                "IP_RECVERR",                11,    BOOLEAN,           BOOLEAN),
    ("recvif",                 "IP_RECVIF",                 None,  BOOLEAN,           BOOLEAN),
    ("recvopts",               "IP_RECVOPTS",               6,     BOOLEAN,           BOOLEAN),
    ("recvorigdstaddr",        "IP_RECVORIGDSTADDR",        20,    BOOLEAN,           BOOLEAN),
    ("recvtos",                "IP_RECVTOS",                13,    BOOLEAN,           BOOLEAN),
    ("recvttl",                "IP_RECVTTL",                12,    BOOLEAN,           BOOLEAN),
    ("retopts",                "IP_RETOPTS",                7,     BOOLEAN,           BOOLEAN),
    ("router_alert",           "IP_ROUTER_ALERT",           5,     INTEGER,           INTEGER),
    ("sendsrcaddr",            "IP_SENDSRCADDR",            None,  BOOLEAN,           BOOLEAN),
    ("tos",                    "IP_TOS",                    1,     TOS,               TOS),
    ("transparent",            "IP_TRANSPARENT",            19,    BOOLEAN,           BOOLEAN),
    ("ttl",                    "IP_TTL",                    2,     INTEGER,           INTEGER),
    ("unblock_source",         "IP_UNBLOCK_SOURCE",         37,    SOURCE_MEMBERSHIP, NO),
)

_IPV6: Final[tuple[_Row, ...]] = (
    # name                     constant                     Linux  set                get
    ("add_membership",         "IPV6_JOIN_GROUP",           20,    MEMBERSHIP6,       NO),
    ("addrform",               "IPV6_ADDRFORM",             1,     DOMAIN,            NO),
    ("auth_level",             "IPV6_AUTH_LEVEL",           None,  NO,                NO),
    ("authhdr",                "IPV6_AUTHHDR",              10,    BOOLEAN,           BOOLEAN),
    ("checksum",               "IPV6_CHECKSUM",             7,     INTEGER,           INTEGER),
    ("drop_membership",        "IPV6_LEAVE_GROUP",          21,    MEMBERSHIP6,       NO),
    ("dstopts",                "IPV6_DSTOPTS",              59,    BOOLEAN,           BOOLEAN),
    ("esp_network_level",      "IPV6_ESP_NETWORK_LEVEL",    None,  NO,                NO),
    ("esp_trans_level",        "IPV6_ESP_TRANS_LEVEL",      None,  NO,                NO),
    ("faith",                  "IPV6_FAITH",                None,  NO,                NO),
    ("flowinfo",               "IPV6_FLOWINFO",             11,    BOOLEAN,           BOOLEAN),
    ("hoplimit",               "IPV6_HOPLIMIT",             52,    BOOLEAN,           BOOLEAN),
    ("hopopts",                "IPV6_HOPOPTS",              54,    BOOLEAN,           BOOLEAN),
    ("ipcomp_level",           "IPV6_IPCOMP_LEVEL",         None,  NO,                NO),
    ("join_group",             "IPV6_JOIN_GROUP",           20,    MEMBERSHIP6,       NO),
    ("leave_group",            "IPV6_LEAVE_GROUP",          21,    MEMBERSHIP6,       NO),
    ("mtu",                    "IPV6_MTU",                  24,    INTEGER,           INTEGER),
    ("mtu_discover",           "IPV6_MTU_DISCOVER",         23,    MTU_DISCOVER,      MTU_DISCOVER),
    ("multicast_hops",         "IPV6_MULTICAST_HOPS",       18,    HOPS,              HOPS),
    ("multicast_if",           "IPV6_MULTICAST_IF",         17,    INTEGER,           INTEGER),
    ("multicast_loop",         "IPV6_MULTICAST_LOOP",       19,    BOOLEAN,           BOOLEAN),
    ("pktoptions",             "IPV6_2292PKTOPTIONS",       6,     NO,                PKTOPTIONS),
    ("portrange",              "IPV6_PORTRANGE",            None,  NO,                NO),
    ("recverr",                "IPV6_RECVERR",              25,    BOOLEAN,           BOOLEAN),
    ("recvhoplimit",           "IPV6_RECVHOPLIMIT",         51,    BOOLEAN,           BOOLEAN),
    ("recvpktinfo",            "IPV6_RECVPKTINFO",          49,    BOOLEAN,           BOOLEAN),
    ("recvtclass",             "IPV6_RECVTCLASS",           66,    BOOLEAN,           BOOLEAN),
    ("router_alert",           "IPV6_ROUTER_ALERT",         22,    INTEGER,           INTEGER),
    ("rthdr",                  "IPV6_RTHDR",                57,    BOOLEAN,           BOOLEAN),
    ("tclass",                 "IPV6_TCLASS",               67,    INTEGER,           INTEGER),
    ("unicast_hops",           "IPV6_UNICAST_HOPS",         16,    HOPS,              HOPS),
    ("use_min_mtu",            "IPV6_USE_MIN_MTU",          None,  BOOLEAN,           BOOLEAN),
    ("v6only",                 "IPV6_V6ONLY",               26,    BOOLEAN,           BOOLEAN),
)

_TCP: Final[tuple[_Row, ...]] = (
    # name                     constant                     Linux  set                get
    ("congestion",             "TCP_CONGESTION",            13,    CONGESTION,        CONGESTION),
    ("cork",                   "TCP_CORK",                  3,     BOOLEAN,           BOOLEAN),
    ("info",                   "TCP_INFO",                  11,    NO,                TCP_INFO),
    ("keepcnt",                "TCP_KEEPCNT",               6,     INTEGER,           INTEGER),
    ("keepidle",               "TCP_KEEPIDLE",              4,     INTEGER,           INTEGER),
    ("keepintvl",              "TCP_KEEPINTVL",             5,     INTEGER,           INTEGER),
    ("maxseg",                 "TCP_MAXSEG",                2,     INTEGER,           INTEGER),
    ("md5sig",                 "TCP_MD5SIG",                14,    NO,                NO),
    ("nodelay",                "TCP_NODELAY",               1,     BOOLEAN,           BOOLEAN),
    ("noopt",                  "TCP_NOOPT",                 None,  BOOLEAN,           BOOLEAN),
    ("nopush",                 "TCP_NOPUSH",                None,  BOOLEAN,           BOOLEAN),
    ("syncnt",                 "TCP_SYNCNT",                7,     INTEGER,           INTEGER),
    ("user_timeout",           "TCP_USER_TIMEOUT",          18,    UNSIGNED,          UNSIGNED),
)

_UDP: Final[tuple[_Row, ...]] = (
    # name                     constant                     Linux  set                get
    ("cork",                   "UDP_CORK",                  1,     BOOLEAN,           BOOLEAN),
)

_SCTP: Final[tuple[_Row, ...]] = (
    # name                     constant                       Linux  set           get
    ("adaption_layer",         "SCTP_ADAPTATION_LAYER",       7,     UNSIGNED,     UNSIGNED),
    ("associnfo",              "SCTP_ASSOCINFO",              1,     SCTP_ASSOC,   SCTP_ASSOC),
    ("auth_active_key",        "SCTP_AUTH_ACTIVE_KEY",        24,    SCTP_KEY,     SCTP_KEY),
    ("auth_asconf",            "SCTP_AUTO_ASCONF",            30,    BOOLEAN,      BOOLEAN),
    ("auth_chunk",             "SCTP_AUTH_CHUNK",             21,    BYTE,         NO),
    ("auth_delete_key",        "SCTP_AUTH_DELETE_KEY",        25,    SCTP_KEY,     NO),
    ("auth_key",               "SCTP_AUTH_KEY",               23,    NO,           NO),
    ("autoclose",              "SCTP_AUTOCLOSE",              4,     INTEGER,      INTEGER),
    ("context",                "SCTP_CONTEXT",                17,    SCTP_VALUE,   SCTP_VALUE),
    ("default_send_params",    "SCTP_DEFAULT_SEND_PARAM",     10,    SCTP_SEND,    SCTP_SEND),
    ("delayed_ack_time",       "SCTP_DELAYED_ACK_TIME",       16,    SCTP_DELAY,   SCTP_DELAY),
    ("disable_fragments",      "SCTP_DISABLE_FRAGMENTS",      8,     BOOLEAN,      BOOLEAN),
    ("events",                 "SCTP_EVENTS",                 11,    SCTP_EVENTS,  NO),
    ("explicit_eor",           "SCTP_EXPLICIT_EOR",           None,  BOOLEAN,      BOOLEAN),
    ("fragment_interleave",    "SCTP_FRAGMENT_INTERLEAVE",    18,    INTEGER,      INTEGER),
    ("get_peer_addr_info",     "SCTP_GET_PEER_ADDR_INFO",     15,    NO,           NO),
    ("hmac_ident",             "SCTP_HMAC_IDENT",             22,    NO,           NO),
    ("i_want_mapped_v4_addr",  "SCTP_I_WANT_MAPPED_V4_ADDR",  12,    BOOLEAN,      BOOLEAN),
    ("initmsg",                "SCTP_INITMSG",                2,     SCTP_INITMSG, SCTP_INITMSG),
    ("local_auth_chunks",      "SCTP_LOCAL_AUTH_CHUNKS",      27,    NO,           NO),
    ("maxburst",               "SCTP_MAX_BURST",              20,    SCTP_VALUE,   SCTP_VALUE),
    ("maxseg",                 "SCTP_MAXSEG",                 13,    INTEGER,      INTEGER),
    ("nodelay",                "SCTP_NODELAY",                3,     BOOLEAN,      BOOLEAN),
    ("partial_delivery_point", "SCTP_PARTIAL_DELIVERY_POINT", 19,    UNSIGNED,     UNSIGNED),
    ("peer_addr_params",       "SCTP_PEER_ADDR_PARAMS",       9,     NO,           NO),
    ("peer_auth_chunks",       "SCTP_PEER_AUTH_CHUNKS",       26,    NO,           NO),
    ("primary_addr",           "SCTP_PRIMARY_ADDR",           6,     NO,           NO),
    ("reset_streams",          "SCTP_RESET_STREAMS",          119,   NO,           NO),
    ("rtoinfo",                "SCTP_RTOINFO",                0,     SCTP_RTOINFO, SCTP_RTOINFO),
    ("set_peer_primary_addr",  "SCTP_SET_PEER_PRIMARY_ADDR",  5,     NO,           NO),
    ("status",                 "SCTP_STATUS",                 14,    NO,           NO),
    ("use_ext_recvinfo",       "SCTP_USE_EXT_RECVINFO",       None,  BOOLEAN,      BOOLEAN),
)
# fmt: on

_TABLES: Final[dict[str, tuple[int, tuple[_Row, ...]]]] = {
    "socket": (socket.SOL_SOCKET, _SOCKET),
    "ip": (0, _IP),
    "ipv6": (41, _IPV6),
    "tcp": (6, _TCP),
    "udp": (17, _UDP),
    "sctp": (132, _SCTP),
}

LEVELS: Final = tuple(_TABLES)
"""The levels that have a table here, in documented order; `"otp"` is not among them."""

_LEVEL_WORDS: Final = ", ".join(("otp", *LEVELS))


def _number(constant: str, linux: int | None) -> int | None:
    number = getattr(socket, constant, None)
    if isinstance(number, int):
        return int(number)
    return linux if sys.platform == "linux" else None


def _encode(
    what: str, accepts: str, encode: Callable[[object], int | bytes], value: object
) -> int | bytes:
    try:
        return encode(value)
    except (TypeError, ValueError) as problem:
        text = f"option {what}: {shown(value)} is refused: {problem}; accepted: {accepts}"
        raise restated(problem, text) from None


def _option(level: str, level_number: int, row: _Row) -> Option:
    name, constant, linux, to_set, to_get = row
    encode = to_set.encode if to_set else None
    described = to_set or to_get
    value = described.accepts if described else "nothing"
    return Option(
        level=level,
        name=name,
        level_number=level_number,
        number=_number(constant, linux),
        value=value,
        encode=partial(_encode, f"{level}/{name}", value, encode) if encode else None,
        decode=to_get.decode if to_get else None,
        size=to_get.size if to_get else 0,
        request=to_get.request if to_get else b"",
    )


_OPTIONS: Final[dict[str, dict[str, Option]]] = {
    level: {row[0]: _option(level, level_number, row) for row in rows}
    for level, (level_number, rows) in _TABLES.items()
}
