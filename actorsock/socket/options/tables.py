"""The options of the levels socket, ip, ipv6, tcp, udp and sctp: one table for each level.

To add an option, add a row: its name in Erlang's documentation, its number on Linux, the codec of
its value, and whether it can be set, read, or both. Neither means that it is known by name only:
no Linux has it, or its value has no agreed form (native mode still reaches it). The codecs are in
the package `values`; the level otp, which no kernel knows, has the module `otp`.
"""

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, Literal, TypeAlias

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
from ..values.control import CONTROL_MESSAGES

__all__ = ["LEVELS", "Option", "find", "options", "supported"]


@attrs.frozen(eq=False)
class Option:
    """A socket option of the operating system. Erlang's `socket_option()`.

    Attributes:
        level: the word of its level, such as `"socket"`.
        name: its word, such as `"keepalive"`.
        level_number: the number of the level for `setsockopt` and `getsockopt`.
        number: the number of the option for them; None if this platform lacks it.
        value: the values that `encode` accepts, in words; of an option that is only read, the
            values that `decode` returns.
        encode: turns a value into bytes, or an integer to be passed as a C int. It raises
            `TypeError` or `ValueError` with the option, the value and what is accepted. None
            if the option cannot be set.
        decode: turns the bytes that the kernel wrote into a value; it never raises. None if
            the option cannot be read.
        size: how many bytes to offer the kernel when the option is read.
        request: the bytes to put into the buffer before that; see `Codec`.
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
    """Return the option `name` of `level`, such as `"socket"`, `"keepalive"`.

    An option that is known but that this platform lacks is found; its `number` is None.

    Raises:
        TypeError: the level or the name is not a str.
        ValueError: the level or the name is unknown; the text has those that are accepted.
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
    """Return every option of `level`, in the order of its table; of an unknown level, none."""
    return tuple(_OPTIONS.get(level, {}).values())


def supported(level: object) -> dict[str, bool]:
    """Return the names of the options of `level`, and True if this platform has them.

    Of an unknown level, a number and `"otp"` the result is empty. Erlang's
    `supports(options, Level)`.
    """
    table = _OPTIONS.get(level, {}) if isinstance(level, str) else {}
    return {
        name: option.number is not None
        and (option.encode is not None or option.decode is not None)
        and (level, name) not in _NOT_ANNOUNCED
        for name, option in table.items()
    }


# peek_off works, but with it two `recv` with the flag `peek` return different data. Erlang's
# documentation says that it is not offered to programs that ask what is supported.
_NOT_ANNOUNCED: Final = {("socket", "peek_off")}

_Row: TypeAlias = tuple[str, int | None, Codec, Literal["set get", "set", "get", ""]]

NO_VALUE: Final = Codec("nothing", 0)
"""Of an option that exists by name only."""

# The number is Linux's; it is used there if Python has no constant. None: no Linux has the option.
# fmt: off
_SOCKET: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("acceptconn",              30,    BOOLEAN,           "get"),
    ("acceptfilter",            None,  NO_VALUE,          ""),
    ("bindtodevice",            25,    DEVICE,            "set get"),
    ("broadcast",               6,     BOOLEAN,           "set get"),
    ("bsp_state",               None,  NO_VALUE,          ""),
    ("busy_poll",               46,    INTEGER,           "set get"),
    ("debug",                   1,     INTEGER,           "set get"),
    ("domain",                  39,    DOMAIN,            "get"),
    ("dontroute",               5,     BOOLEAN,           "set get"),
    ("error",                   4,     INTEGER,           "get"),
    ("exclusiveaddruse",        None,  BOOLEAN,           "set get"),
    ("keepalive",               9,     BOOLEAN,           "set get"),
    ("linger",                  13,    LINGER,            "set get"),
    ("mark",                    36,    UNSIGNED,          "set get"),
    ("max_msg_size",            None,  NO_VALUE,          ""),
    ("maxdg",                   None,  NO_VALUE,          ""),
    ("oobinline",               10,    BOOLEAN,           "set get"),
    ("passcred",                16,    BOOLEAN,           "set get"),
    ("peek_off",                42,    INTEGER,           "set get"),
    ("peercred",                17,    PEERCRED,          "get"),
    ("priority",                12,    INTEGER,           "set get"),
    ("protocol",                38,    PROTOCOL,          "get"),
    ("rcvbuf",                  8,     INTEGER,           "set get"),
    ("rcvbufforce",             33,    INTEGER,           "set"),
    ("rcvlowat",                18,    INTEGER,           "set get"),
    ("rcvtimeo",                20,    TIMEVAL,           "set get"),
    ("reuseaddr",               2,     BOOLEAN,           "set get"),
    ("reuseport",               15,    BOOLEAN,           "set get"),
    ("rxq_ovfl",                40,    BOOLEAN,           "set get"),
    ("setfib",                  None,  NO_VALUE,          ""),
    ("sndbuf",                  7,     INTEGER,           "set get"),
    ("sndbufforce",             32,    INTEGER,           "set"),
    ("sndlowat",                19,    INTEGER,           "get"),
    ("sndtimeo",                21,    TIMEVAL,           "set get"),
    ("timestamp",               29,    BOOLEAN,           "set get"),
    ("type",                    3,     TYPE,              "get"),
)

_IP: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("add_membership",          35,    MEMBERSHIP,        "set"),
    ("add_source_membership",   39,    SOURCE_MEMBERSHIP, "set"),
    ("block_source",            38,    SOURCE_MEMBERSHIP, "set"),
    ("dontfrag",                None,  BOOLEAN,           "set get"),
    ("drop_membership",         36,    MEMBERSHIP,        "set"),
    ("drop_source_membership",  40,    SOURCE_MEMBERSHIP, "set"),
    ("freebind",                15,    BOOLEAN,           "set get"),
    ("hdrincl",                 3,     BOOLEAN,           "set get"),
    ("minttl",                  21,    INTEGER,           "set get"),
    ("msfilter",                41,    MSG_FILTER,        "set"),
    ("mtu",                     14,    INTEGER,           "get"),
    ("mtu_discover",            10,    MTU_DISCOVER,      "set get"),
    ("multicast_all",           49,    BOOLEAN,           "set get"),
    ("multicast_if",            32,    IN_ADDR,           "set get"),
    ("multicast_loop",          34,    BOOLEAN,           "set get"),
    ("multicast_ttl",           33,    INTEGER,           "set get"),
    ("nodefrag",                22,    BOOLEAN,           "set get"),
    ("options",                 4,     NO_VALUE,          ""),
    ("pktinfo",                 8,     BOOLEAN,           "set get"),
    ("pktoptions",              9,     CONTROL_MESSAGES,  "get"),
    ("recvdstaddr",             None,  BOOLEAN,           "set get"),
    ("recverr",                 11,    BOOLEAN,           "set get"),
    ("recvif",                  None,  BOOLEAN,           "set get"),
    ("recvopts",                6,     BOOLEAN,           "set get"),
    ("recvorigdstaddr",         20,    BOOLEAN,           "set get"),
    ("recvtos",                 13,    BOOLEAN,           "set get"),
    ("recvttl",                 12,    BOOLEAN,           "set get"),
    ("retopts",                 7,     BOOLEAN,           "set get"),
    ("router_alert",            5,     INTEGER,           "set get"),
    ("sendsrcaddr",             None,  BOOLEAN,           "set get"),
    ("tos",                     1,     TOS,               "set get"),
    ("transparent",             19,    BOOLEAN,           "set get"),
    ("ttl",                     2,     INTEGER,           "set get"),
    ("unblock_source",          37,    SOURCE_MEMBERSHIP, "set"),
)

_IPV6: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("add_membership",          20,    MEMBERSHIP6,       "set"),
    ("addrform",                1,     DOMAIN,            "set"),
    ("auth_level",              None,  NO_VALUE,          ""),
    ("authhdr",                 10,    BOOLEAN,           "set get"),
    ("checksum",                7,     INTEGER,           "set get"),
    ("drop_membership",         21,    MEMBERSHIP6,       "set"),
    ("dstopts",                 59,    BOOLEAN,           "set get"),
    ("esp_network_level",       None,  NO_VALUE,          ""),
    ("esp_trans_level",         None,  NO_VALUE,          ""),
    ("faith",                   None,  NO_VALUE,          ""),
    ("flowinfo",                11,    BOOLEAN,           "set get"),
    ("hoplimit",                52,    BOOLEAN,           "set get"),
    ("hopopts",                 54,    BOOLEAN,           "set get"),
    ("ipcomp_level",            None,  NO_VALUE,          ""),
    ("join_group",              20,    MEMBERSHIP6,       "set"),
    ("leave_group",             21,    MEMBERSHIP6,       "set"),
    ("mtu",                     24,    INTEGER,           "set get"),
    ("mtu_discover",            23,    MTU_DISCOVER,      "set get"),
    ("multicast_hops",          18,    HOPS,              "set get"),
    ("multicast_if",            17,    INTEGER,           "set get"),
    ("multicast_loop",          19,    BOOLEAN,           "set get"),
    ("pktoptions",              6,     CONTROL_MESSAGES,  "get"),
    ("portrange",               None,  NO_VALUE,          ""),
    ("recverr",                 25,    BOOLEAN,           "set get"),
    ("recvhoplimit",            51,    BOOLEAN,           "set get"),
    ("recvpktinfo",             49,    BOOLEAN,           "set get"),
    ("recvtclass",              66,    BOOLEAN,           "set get"),
    ("router_alert",            22,    INTEGER,           "set get"),
    ("rthdr",                   57,    BOOLEAN,           "set get"),
    ("tclass",                  67,    INTEGER,           "set get"),
    ("unicast_hops",            16,    HOPS,              "set get"),
    ("use_min_mtu",             None,  BOOLEAN,           "set get"),
    ("v6only",                  26,    BOOLEAN,           "set get"),
)

_TCP: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("congestion",              13,    CONGESTION,        "set get"),
    ("cork",                    3,     BOOLEAN,           "set get"),
    ("info",                    11,    TCP_INFO,          "get"),
    ("keepcnt",                 6,     INTEGER,           "set get"),
    ("keepidle",                4,     INTEGER,           "set get"),
    ("keepintvl",               5,     INTEGER,           "set get"),
    ("maxseg",                  2,     INTEGER,           "set get"),
    ("md5sig",                  14,    NO_VALUE,          ""),
    ("nodelay",                 1,     BOOLEAN,           "set get"),
    ("noopt",                   None,  BOOLEAN,           "set get"),
    ("nopush",                  None,  BOOLEAN,           "set get"),
    ("syncnt",                  7,     INTEGER,           "set get"),
    ("user_timeout",            18,    UNSIGNED,          "set get"),
)

_UDP: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("cork",                    1,     BOOLEAN,           "set get"),
)

_SCTP: Final[tuple[_Row, ...]] = (
    # name                      Linux  value              access
    ("adaption_layer",          7,     UNSIGNED,          "set get"),
    ("associnfo",               1,     SCTP_ASSOC,        "set get"),
    ("auth_active_key",         24,    SCTP_KEY,          "set get"),
    ("auth_asconf",             30,    BOOLEAN,           "set get"),
    ("auth_chunk",              21,    BYTE,              "set"),
    ("auth_delete_key",         25,    SCTP_KEY,          "set"),
    ("auth_key",                23,    NO_VALUE,          ""),
    ("autoclose",               4,     INTEGER,           "set get"),
    ("context",                 17,    SCTP_VALUE,        "set get"),
    ("default_send_params",     10,    SCTP_SEND,         "set get"),
    ("delayed_ack_time",        16,    SCTP_DELAY,        "set get"),
    ("disable_fragments",       8,     BOOLEAN,           "set get"),
    ("events",                  11,    SCTP_EVENTS,       "set"),
    ("explicit_eor",            None,  BOOLEAN,           "set get"),
    ("fragment_interleave",     18,    INTEGER,           "set get"),
    ("get_peer_addr_info",      15,    NO_VALUE,          ""),
    ("hmac_ident",              22,    NO_VALUE,          ""),
    ("i_want_mapped_v4_addr",   12,    BOOLEAN,           "set get"),
    ("initmsg",                 2,     SCTP_INITMSG,      "set get"),
    ("local_auth_chunks",       27,    NO_VALUE,          ""),
    ("maxburst",                20,    SCTP_VALUE,        "set get"),
    ("maxseg",                  13,    INTEGER,           "set get"),
    ("nodelay",                 3,     BOOLEAN,           "set get"),
    ("partial_delivery_point",  19,    UNSIGNED,          "set get"),
    ("peer_addr_params",        9,     NO_VALUE,          ""),
    ("peer_auth_chunks",        26,    NO_VALUE,          ""),
    ("primary_addr",            6,     NO_VALUE,          ""),
    ("reset_streams",           119,   NO_VALUE,          ""),
    ("rtoinfo",                 0,     SCTP_RTOINFO,      "set get"),
    ("set_peer_primary_addr",   5,     NO_VALUE,          ""),
    ("status",                  14,    NO_VALUE,          ""),
    ("use_ext_recvinfo",        None,  BOOLEAN,           "set get"),
)
# fmt: on

# The number of the level, the beginning of its constants in C, and its options.
_TABLES: Final[dict[str, tuple[int, str, tuple[_Row, ...]]]] = {
    "socket": (socket.SOL_SOCKET, "SO_", _SOCKET),
    "ip": (0, "IP_", _IP),
    "ipv6": (41, "IPV6_", _IPV6),
    "tcp": (6, "TCP_", _TCP),
    "udp": (17, "UDP_", _UDP),
    "sctp": (132, "SCTP_", _SCTP),
}

# A constant is the name in capitals but for these.
_OTHER_CONSTANTS: Final = {
    ("ipv6", "add_membership"): "IPV6_JOIN_GROUP",
    ("ipv6", "drop_membership"): "IPV6_LEAVE_GROUP",
    ("ipv6", "pktoptions"): "IPV6_2292PKTOPTIONS",
    ("sctp", "adaption_layer"): "SCTP_ADAPTATION_LAYER",
    ("sctp", "auth_asconf"): "SCTP_AUTO_ASCONF",
    ("sctp", "default_send_params"): "SCTP_DEFAULT_SEND_PARAM",
    ("sctp", "maxburst"): "SCTP_MAX_BURST",
}

LEVELS: Final = tuple(_TABLES)
"""The levels with a table here, in the order of Erlang's documentation; `"otp"` is not one."""

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


def _option(level: str, row: _Row) -> Option:
    level_number, prefix, _ = _TABLES[level]
    name, linux, codec, access = row
    constant = _OTHER_CONSTANTS.get((level, name), prefix + name.upper())
    encode = codec.encode if "set" in access else None
    gets = "get" in access
    return Option(
        level=level,
        name=name,
        level_number=level_number,
        number=_number(constant, linux),
        value=codec.accepts,
        encode=partial(_encode, f"{level}/{name}", codec.accepts, encode) if encode else None,
        decode=codec.decode if gets else None,
        size=codec.size if gets else 0,
        request=codec.request if gets else b"",
    )


_OPTIONS: Final[dict[str, dict[str, Option]]] = {
    level: {row[0]: _option(level, row) for row in rows} for level, (_, _, rows) in _TABLES.items()
}
