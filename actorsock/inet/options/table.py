"""The option table: for each option where it may be given, its values, and what it does here."""

import math
import struct
from collections.abc import Callable, Mapping
from socket import inet_aton
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...arguments import restated, shown
from ...socket.values.records import Linger, Membership, Membership6, SourceMembership
from . import checks

__all__ = ["OPTIONS", "Effect", "Family", "Kernel", "Option", "Transport"]

Transport: TypeAlias = Literal["tcp", "udp"]
Family: TypeAlias = Literal["inet", "inet6", "local"]
Effect: TypeAlias = Literal["library", "kernel", "ignored", "einval"]


def _same(value: Any) -> Any:
    return value


@attrs.frozen(eq=False)
class Kernel:
    """The socket option that an option stands for.

    Attributes:
        level: the level, and
        name: the name that `socket.setopt` knows.
        give: turns a value of inet into one for `socket.setopt`, or into the bytes for the system.
        take: turns what `socket.getopt` gives into a value of inet.
        native: read the option as a C int, since its words hide some of its bits.
        tolerant: errors of the system are ignored, as Erlang does.
    """

    level: str
    name: str
    give: Callable[[Any], Any] = _same
    take: Callable[[Any], Any] = _same
    native: bool = False
    tolerant: bool = False


@attrs.frozen(eq=False)
class Option:
    """One option.

    Attributes:
        name: the name.
        where: where it may be given: C `connect`, L `listen`, U `gen_udp.open`, s `setopts`;
            A: an accepted socket inherits it.
        on: the transports that have it.
        get: the transports on which `getopts` gives it; on others it leaves it out.
        accepts: the values, in words.
        check: returns the value to keep; raises `TypeError` or `ValueError` with a text that
            names the option, the value, and what is accepted.
        default: the value at the start; None if the system has one, or if there is none.
        does: what it does here, in a few words.
        kernel: the socket option of each family that has one.
        elsewhere: the effect of setting it on a transport or family that does not have it.
        repeats: each of several in one list counts.
    """

    name: str
    where: str
    on: frozenset[str]
    get: frozenset[str]
    accepts: str
    check: Callable[[Any], Any]
    default: Any
    does: str
    kernel: Mapping[Family, Kernel]
    elsewhere: Literal["ignored", "einval"] = "ignored"
    repeats: bool = False

    @property
    def inherited(self) -> bool:
        """Tell if an accepted socket takes the value of the listening one."""
        return "A" in self.where

    def effect(self, transport: Transport, family: Family) -> Effect:
        """Return what setting the option does on a socket."""
        if transport not in self.on or (self.kernel and family not in self.kernel):
            return self.elsewhere
        return "kernel" if self.kernel else "library"

    def is_given(self, transport: Transport, family: Family) -> bool:
        """Tell if `getopts` gives the option of a socket."""
        return transport in self.get and (not self.kernel or family in self.kernel)


def _kernel(level: str, name: str, *families: Family, **conversion: Any) -> dict[Family, Kernel]:
    option = Kernel(level, name, **conversion)
    return dict.fromkeys(families or ("inet", "inet6", "local"), option)


def _tcp(name: str, **conversion: Any) -> dict[Family, Kernel]:
    return _kernel("tcp", name, "inet", "inet6", **conversion)


def _linger(value: Any) -> tuple[bool, int]:
    return value.onoff, value.linger if value.onoff else 0


def _membership(value: tuple[Any, ...]) -> Membership | bytes:
    group, interface, *index = value
    if not index:
        return Membership(group, interface)
    # struct ip_mreqn, which `socket` has no record for: the index of the interface counts.
    return struct.pack("4s4si", inet_aton(group), inet_aton(interface), *index)


def _source_membership(value: tuple[str, str, str]) -> SourceMembership:
    group, interface, source = value
    return SourceMembership(group, interface, source)


def _membership6(value: tuple[Any, ...]) -> Membership6:
    return Membership6(*value[:2])


# The options of IPv4 are those of a socket of IPv6 too, for what it sends to mapped addresses.
_BY_ADDRESS: Final[tuple[Family, ...]] = ("inet", "inet6")
_BOOL: Final = ("True or False", checks.boolean)
_INT: Final = ("an integer", checks.integer)
_LINGER: Final = _kernel("socket", "linger", give=lambda value: Linger(*value), take=_linger)
_ADD: Final[Mapping[Family, Kernel]] = {
    **_kernel("ip", "add_membership", "inet", give=_membership, tolerant=True),
    **_kernel("ipv6", "add_membership", "inet6", give=_membership6, tolerant=True),
}
_DROP: Final[Mapping[Family, Kernel]] = {
    **_kernel("ip", "drop_membership", "inet", give=_membership, tolerant=True),
    **_kernel("ipv6", "drop_membership", "inet6", give=_membership6, tolerant=True),
}
_ADD_SOURCE: Final = _kernel("ip", "add_source_membership", "inet", give=_source_membership)
_DROP_SOURCE: Final = _kernel("ip", "drop_source_membership", "inet", give=_source_membership)
_MULTICAST_IF: Final[Mapping[Family, Kernel]] = {
    **_kernel("ip", "multicast_if", "inet", tolerant=True),
    **_kernel("ipv6", "multicast_if", "inet6", tolerant=True),
}
_MULTICAST_TTL: Final[Mapping[Family, Kernel]] = {
    **_kernel("ip", "multicast_ttl", "inet", tolerant=True),
    **_kernel("ipv6", "multicast_hops", "inet6", tolerant=True),
}
_MULTICAST_LOOP: Final[Mapping[Family, Kernel]] = {
    **_kernel("ip", "multicast_loop", "inet"),
    **_kernel("ipv6", "multicast_loop", "inet6"),
}
_ADDRESS: Final = ('an address, "any", "loopback", or ("local", path)', checks.local_address)
_MEMBERSHIP: Final = ("(group, interface) or (group, interface, index)", checks.membership)
_SOURCE: Final = ("(group, interface, source)", checks.source_membership)
_NO_MODULE: Final = ("nothing: the transport cannot be replaced here", checks.nothing)

_Row: TypeAlias = tuple[
    str, str, str, str, tuple[str, Callable[[Any], Any]], Any, str, Mapping[Family, Kernel]
]
_NO: Final[dict[Family, Kernel]] = {}

# fmt: off
_ROWS: Final[tuple[_Row, ...]] = (
    # name, where, on, get, (accepts, check), default, what it does here, kernel
    ("active", "CLAUs", "tu", "tu",
     ('True, False, "once", or an integer -32768..32767', checks.active), True,
     "how many messages the socket may send its owner unasked", _NO),
    ("mode", "CLAUs", "tu", "tu", ('"binary" or "list"', checks.one_of("binary", "list")), "binary",
     "the form of received data: bytes, or text with one character for each byte", _NO),
    ("packet", "CLAs", "tu", "tu", ("a packet type", checks.packet), 0, "the packet type", _NO),
    ("packet_size", "CLAs", "tu", "tu", ("0..2**32-1; 0: no limit", checks.packet_size), 0,
     "the most bytes of a packet", _NO),
    ("line_delimiter", "Cs", "tu", "", ("an integer or one byte", checks.delimiter), b"\n",
     "the byte that ends a line", _NO),
    ("header", "CLAUs", "tu", "tu", ("an integer >= 0", checks.at_least(0)), 0,
     "how many bytes of received data come as integers in front", _NO),
    ("deliver", "CLAUs", "tu", "tu", ('"term" or "port"', checks.one_of("term", "port")), "term",
     "the message for received data: Tcp or Udp, or PortData", _NO),
    ("buffer", "CLAUs", "tu", "tu", ("an integer; below 1 is 1", checks.size), 9216,
     "the most bytes of one raw read, of one line, of one datagram", _NO),
    ("recbuf", "CLAUs", "tu", "tu", _INT, None,
     "the kernel's receive buffer; raises `buffer` unless that was set",
     _kernel("socket", "rcvbuf")),
    ("sndbuf", "CLAUs", "tu", "tu", _INT, None, "the kernel's send buffer",
     _kernel("socket", "sndbuf")),
    ("nodelay", "CLAs", "t", "t", _BOOL, False, "sends small packets at once", _tcp("nodelay")),
    ("keepalive", "CLAs", "tu", "tu", _BOOL, False, "probes an idle connection",
     _kernel("socket", "keepalive")),
    ("linger", "CLAs", "tu", "tu", ("(bool, seconds)", checks.linger), (False, 0),
     "how long `close` waits for unsent data", _LINGER),
    ("delay_send", "CLAs", "t", "t", _BOOL, False, "gathers small sends", _NO),
    ("send_timeout", "CLAs", "t", "t", ("seconds; math.inf: none", checks.seconds), math.inf,
     "how long a send waits while the socket is busy", _NO),
    ("send_timeout_close", "CLAs", "t", "t", _BOOL, False,
     "a send that timed out ends the connection", _NO),
    ("high_watermark", "CLAs", "t", "t", ("an integer", checks.watermark), 8192,
     "queued bytes at which a socket becomes busy", _NO),
    ("low_watermark", "CLAs", "t", "t", ("an integer", checks.watermark), 4096,
     "queued bytes below which a socket is busy no more", _NO),
    ("high_msgq_watermark", "CLAUs", "tu", "tu", ("an integer >= 1", checks.at_least(1)), 8192,
     "kept only: there is no queue of signals to a port here", _NO),
    ("low_msgq_watermark", "CLAUs", "tu", "tu", ("an integer >= 1", checks.at_least(1)), 4096,
     "kept only: there is no queue of signals to a port here", _NO),
    ("exit_on_close", "CLAs", "tu", "tu", _BOOL, True,
     "closes the socket when its input ends", _NO),
    ("show_econnreset", "CLAs", "t", "t", _BOOL, False,
     "tells a reset by the peer from an orderly close", _NO),
    ("reuseaddr", "CLAUs", "tu", "tu", _BOOL, False, "binds to an address still in use",
     _kernel("socket", "reuseaddr")),
    ("priority", "CLAUs", "tu", "tu", _INT, 0, "the priority of packets sent",
     _kernel("socket", "priority")),
    ("tos", "CLAUs", "tu", "tu",
     ("an integer; the low byte counts, of TCP the bits 0xFC", checks.tos), 0,
     "the type of service of packets sent", _kernel("ip", "tos", *_BY_ADDRESS, native=True)),
    ("ttl", "CLAUs", "tu", "tu", _INT, 64, "the time to live of packets sent",
     _kernel("ip", "ttl", *_BY_ADDRESS)),
    ("tclass", "CLUs", "tu", "tu", _INT, 0, "the traffic class of packets sent",
     _kernel("ipv6", "tclass", "inet6")),
    ("recvtos", "CLAUs", "tu", "tu", _BOOL, False, "receives the type of service too",
     _kernel("ip", "recvtos", *_BY_ADDRESS)),
    ("recvttl", "CLAUs", "tu", "tu", _BOOL, False, "receives the time to live too",
     _kernel("ip", "recvttl", *_BY_ADDRESS)),
    ("recvtclass", "CLAUs", "tu", "tu", _BOOL, False, "receives the traffic class too",
     _kernel("ipv6", "recvtclass", "inet6")),
    ("pktoptions", "", "t", "t", ("nothing", checks.nothing), (),
     "the ancillary data of a stream",
     _kernel("ip", "pktoptions", "inet") | _kernel("ipv6", "pktoptions", "inet6")),
    ("ipv6_v6only", "CLUs", "tu", "tu", _BOOL, False, "leaves IPv4 out",
     _kernel("ipv6", "v6only", "inet6")),
    ("dontroute", "Us", "tu", "tu", _BOOL, False, "sends to neighbours only",
     _kernel("socket", "dontroute")),
    ("nopush", "s", "t", "t", _BOOL, False, "holds incomplete packets back",
     _tcp("cork", tolerant=True)),
    ("bind_to_device", "CLUs", "tu", "tu", ("the name of an interface", checks.device), "",
     "uses one interface only", _kernel("socket", "bindtodevice")),
    ("netns", "CLUs", "tu", "tu", ("a path", checks.path), None,
     "the network name space; counts when the socket is opened", _NO),
    ("debug", "CLUs", "tu", "tu", _BOOL, False, "logs what the socket does", _NO),
    ("raw", "CLUs", "tu", "", ("(level, name, bytes)", checks.raw), None,
     "any option of the system; an error of the system is ignored", _NO),
    ("ip", "CLU", "tu", "", _ADDRESS, "any", "the local address", _NO),
    ("ifaddr", "CLU", "tu", "", _ADDRESS, "any", "the local address", _NO),
    ("port", "CLU", "tu", "", ("0..65535", checks.at_least(0, 65535)), 0, "the local port", _NO),
    ("fd", "CLU", "tu", "", ("a descriptor", checks.at_least(0)), None,
     "an open descriptor to use", _NO),
    ("backlog", "L", "t", "", _INT, 5, "how many connections may wait for accept", _NO),
    ("tcp_module", "CL", "t", "", _NO_MODULE, None, "refused", _NO),
    ("udp_module", "U", "u", "", _NO_MODULE, None, "refused", _NO),
    ("inet_backend", "CLU", "tu", "", ('"inet" or "socket"', checks.one_of("inet", "socket")),
     "inet", "nothing: there is one implementation; only the first option may be it", _NO),
    ("broadcast", "Us", "tu", "tu", _BOOL, False, "allows sending to broadcast addresses",
     _kernel("socket", "broadcast")),
    ("read_packets", "Us", "u", "u", ("an integer >= 1", checks.at_least(1)), 5,
     "kept only: fairness has its own budget here", _NO),
    ("multicast_if", "Us", "tu", "tu",
     ("an IPv4 address, or an index for IPv6", checks.multicast_interface), "0.0.0.0",
     "the interface that multicast datagrams leave by", _MULTICAST_IF),
    ("multicast_ttl", "Us", "tu", "tu", _INT, 1, "the time to live of multicast datagrams",
     _MULTICAST_TTL),
    ("multicast_loop", "Us", "tu", "tu", _BOOL, True, "receives own multicast datagrams",
     _MULTICAST_LOOP),
    ("add_membership", "Us", "tu", "", _MEMBERSHIP, None, "joins a multicast group", _ADD),
    ("drop_membership", "Us", "tu", "", _MEMBERSHIP, None, "leaves a multicast group", _DROP),
    ("add_source_membership", "Us", "tu", "", _SOURCE, None,
     "joins a multicast group for what one sender sends; only here", _ADD_SOURCE),
    ("drop_source_membership", "Us", "tu", "", _SOURCE, None,
     "leaves a multicast group of one sender; only here", _DROP_SOURCE),
    ("reuseport", "CLUs", "tu", "tu", _BOOL, False, "shares a port among sockets",
     _kernel("socket", "reuseport", tolerant=True)),
    ("reuseport_lb", "CLUs", "tu", "tu", _BOOL, False,
     "shares a port and its load; what `reuseport` does on Linux",
     _kernel("socket", "reuseport", tolerant=True)),
    ("exclusiveaddruse", "CLUs", "", "tu", _BOOL, False, "nothing: Windows has it", _NO),
    ("keepidle", "CLs", "t", "t", _INT, 7200, "seconds until the first probe", _tcp("keepidle")),
    ("keepintvl", "CLs", "t", "t", _INT, 75, "seconds between probes", _tcp("keepintvl")),
    ("keepcnt", "CLs", "t", "t", _INT, 9, "probes until the connection is lost", _tcp("keepcnt")),
    ("user_timeout", "CLs", "t", "t", ("an integer >= 0", checks.at_least(0)), 0,
     "milliseconds that sent data may stay unacknowledged", _tcp("user_timeout")),
)
# fmt: on

_EINVAL_ELSEWHERE: Final = {
    "tos", "ttl", "tclass", "recvtos", "recvttl", "recvtclass", "ipv6_v6only", "multicast_if",
    "add_membership", "drop_membership", "add_source_membership", "drop_source_membership",
}  # fmt: skip
_REPEATED: Final = {
    "raw", "add_membership", "drop_membership", "add_source_membership", "drop_source_membership",
}  # fmt: skip
_TRANSPORTS: Final = {"t": "tcp", "u": "udp"}


def _checked(name: str, accepts: str, check: Callable[[Any], Any], value: Any) -> Any:
    try:
        return check(value)
    except (TypeError, ValueError) as problem:
        text = f"option {name}: {shown(value)} is refused: {problem}; accepted: {accepts}"
        raise restated(problem, text) from None


def _option(row: _Row) -> Option:
    name, where, on, get, (accepts, check), default, does, kernel = row
    return Option(
        name=name,
        where=where,
        on=frozenset(_TRANSPORTS[letter] for letter in on),
        get=frozenset(_TRANSPORTS[letter] for letter in get),
        accepts=accepts,
        check=lambda value: _checked(name, accepts, check, value),
        default=default,
        does=does,
        kernel=kernel,
        elsewhere="einval" if name in _EINVAL_ELSEWHERE else "ignored",
        repeats=name in _REPEATED,
    )


OPTIONS: Final[dict[str, Option]] = {row[0]: _option(row) for row in _ROWS}
"""The options by name, in the order of the documentation of this package."""
