"""Protocol names: the numbers of the Internet's protocols under the names systems give them.

Responsible for translating between the two. The names are a table of our own, so that they do
not depend on what a system has installed; a name that is not in it is looked up in the
system's protocol list (`/etc/protocols`). It does not know which protocols a kernel can run.
"""

import socket
from typing import Final, Literal

__all__ = ["ProtocolName", "protocol_name", "protocol_names", "protocol_number"]

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
"""The names in the table."""
# fmt: on

# Each protocol under its official name and, where it is not the same in capitals, its alias.
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
    """The number of a protocol, under any of its names in lower or upper case; else `None`."""
    number = _NUMBERS.get(name.lower())
    if number is not None:
        return number
    try:
        return socket.getprotobyname(name)
    except (OSError, ValueError):  # unknown; or no name at all (a NUL, a lone surrogate)
        return None


def protocol_names() -> tuple[str, ...]:
    """Every name in the table, official ones and aliases."""
    return tuple(_NUMBERS)


def protocol_name(number: int) -> ProtocolName | int:
    """The name of a protocol number as results give it; the number itself if it has none."""
    return _NAMES[number][0] if number in _NAMES else number
