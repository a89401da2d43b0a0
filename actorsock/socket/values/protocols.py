"""Protocols by name and number, and the levels of options, which are protocol numbers too.

The names are a table of our own, so that results do not depend on the files that a system has
installed. A name that is missing from the table is looked up in the system's protocol list
(`/etc/protocols`). The table does not say which protocols a kernel can run.
"""

import socket
from typing import Final, Literal

from ...arguments import shown
from .c_integers import INT_MAX, named_c_int

__all__ = ["ProtocolName", "native_level", "protocol_name", "protocol_names", "protocol_number"]

# fmt: off
ProtocolName = Literal[
    "ip", "hopopt", "icmp", "igmp", "ggp", "ipencap", "ip-encap", "st", "tcp", "egp", "igp", "pup",
    "udp", "hmp", "xns-idp", "rdp", "iso-tp4", "dccp", "xtp", "ddp", "idpr-cmtp", "ipv6",
    "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "esp", "ipsec-esp", "ah", "ipsec-ah", "skip",
    "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "rspf", "cphb", "vmtp", "eigrp", "ospf", "ospfigp",
    "ax.25", "ipip", "etherip", "encap", "pim", "ipcomp", "vrrp", "l2tp", "isis", "sctp", "fc",
    "mobility-header", "udplite", "mpls-in-ip", "manet", "hip", "shim6", "wesp", "rohc", "ethernet",
    "mptcp",
]
"""The name of a protocol, official or alias, in lower case."""
# fmt: on

# Number: the official name, then the alias if it is more than the official name in capitals.
# Results have the official name; arguments may be any of them.
_NAMES: Final[dict[int, tuple[ProtocolName, ...]]] = {
    0: ("ip", "hopopt"),
    1: ("icmp",),
    2: ("igmp",),
    3: ("ggp",),
    4: ("ipencap", "ip-encap"),
    5: ("st",),
    6: ("tcp",),
    8: ("egp",),
    9: ("igp",),
    12: ("pup",),
    17: ("udp",),
    20: ("hmp",),
    22: ("xns-idp",),
    27: ("rdp",),
    29: ("iso-tp4",),
    33: ("dccp",),
    36: ("xtp",),
    37: ("ddp",),
    38: ("idpr-cmtp",),
    41: ("ipv6",),
    43: ("ipv6-route",),
    44: ("ipv6-frag",),
    45: ("idrp",),
    46: ("rsvp",),
    47: ("gre",),
    50: ("esp", "ipsec-esp"),
    51: ("ah", "ipsec-ah"),
    57: ("skip",),
    58: ("ipv6-icmp",),
    59: ("ipv6-nonxt",),
    60: ("ipv6-opts",),
    73: ("rspf", "cphb"),
    81: ("vmtp",),
    88: ("eigrp",),
    89: ("ospf", "ospfigp"),
    93: ("ax.25",),
    94: ("ipip",),
    97: ("etherip",),
    98: ("encap",),
    103: ("pim",),
    108: ("ipcomp",),
    112: ("vrrp",),
    115: ("l2tp",),
    124: ("isis",),
    132: ("sctp",),
    133: ("fc",),
    135: ("mobility-header",),
    136: ("udplite",),
    137: ("mpls-in-ip",),
    138: ("manet",),
    139: ("hip",),
    140: ("shim6",),
    141: ("wesp",),
    142: ("rohc",),
    143: ("ethernet",),
    262: ("mptcp",),
}
_NUMBERS: Final[dict[str, int]] = {
    name: number for number, names in _NAMES.items() for name in names
}


def protocol_number(name: str) -> int | None:
    """Return the number of a protocol by any of its names, in lower or upper case; else None."""
    number = _NUMBERS.get(name.lower())
    if number is not None:
        return number
    try:
        return socket.getprotobyname(name)
    except (OSError, ValueError):  # unknown; or no valid C string (a NUL, a lone surrogate)
        return None


def protocol_names() -> tuple[str, ...]:
    """Return every name in the table, official ones and aliases."""
    return tuple(_NUMBERS)


def protocol_name(number: int) -> ProtocolName | int:
    """Return the official name of a protocol number; the number itself if the table lacks it."""
    return _NAMES[number][0] if number in _NAMES else number


_LEVEL: Final = f'an integer up to {INT_MAX}, "socket" or the name of a protocol'


def native_level(level: object) -> int:
    """Return the number of a level: an integer as it is, `"socket"`, or any protocol name.

    It is the `Level` of Erlang's `setopt_native`, `getopt_native` and of control messages.

    Raises:
        TypeError: the level is neither a str nor an integer.
        ValueError: the name is unknown; this includes `"otp"`, a level without a number. Or the
            integer does not fit a C int.
    """
    if not isinstance(level, str):
        return named_c_int("level", level, _LEVEL)
    number = socket.SOL_SOCKET if level == "socket" else protocol_number(level)
    if number is None:
        raise ValueError(f"level: {shown(level)} is unknown; accepted: {_LEVEL}")
    return number
