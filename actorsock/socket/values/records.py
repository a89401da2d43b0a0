"""Records for the options whose value is a C struct: linger, timeval, multicast, credentials.

Each field is checked when the record is made, and addresses are brought to one spelling, so that
every record can be given to the operating system. The layouts of the structs are in `codecs`,
the options that take them in the tables, and the records of the level sctp in `sctp_records`.
"""

import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import attrs

from ...arguments import shown
from .c_integers import INT_MAX, INT_MIN, UINT_MAX
from .hosts import In6Addr, InAddr, named_host

__all__ = [
    "Credentials",
    "Linger",
    "Membership",
    "Membership6",
    "MsgFilter",
    "SourceMembership",
    "TcpInfo",
    "TimeVal",
    "as_record",
    "boolean_field",
    "forms_of",
    "integer_field",
]

Record = TypeVar("Record", bound=attrs.AttrsInstance)


def boolean_field(_record: object, field: "attrs.Attribute[Any]", value: object) -> None:
    """Validate a field of type bool; raise `TypeError` with its name for another value."""
    if not isinstance(value, bool):
        raise TypeError(f"{field.name} must be True or False, not {shown(value)}")


def integer_field(low: int, high: int) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    """Return an attrs validator for an integer from `low` to `high`.

    The validator raises `TypeError` for another type, bool included, and `ValueError` outside
    the range. The text has the name of the field.
    """

    def check(_record: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{field.name} must be an integer, not {shown(value)}")
        if not low <= value <= high:
            raise ValueError(f"{field.name} must be in {low}..{high}, not {shown(value)}")

    return check


def as_record(record: type[Record], value: object) -> Record:
    """Return `value` as a record of the given class; it is one already, or a dict of the fields.

    The dict is the map of Erlang's documentation. As there, unknown keys are ignored.

    Raises:
        TypeError: `value` is neither a record nor a dict, or a field has a wrong type.
        ValueError: a key is missing, or a field has a wrong value.
    """
    if isinstance(value, record):
        return value
    fields = attrs.fields(record)
    if not isinstance(value, Mapping):
        raise TypeError(f"it is neither a {record.__name__} nor a dict")
    for field in fields:
        if field.default is attrs.NOTHING and field.name not in value:
            raise ValueError(f"the key {field.name!r} is missing")
    return record(**{field.name: value[field.name] for field in fields if field.name in value})


def forms_of(record: type[attrs.AttrsInstance]) -> str:
    """Return the values that `as_record` accepts for a class of records, in words."""
    keys = ", ".join(field.name for field in attrs.fields(record))
    return f"a {record.__name__}, or a dict with the keys {keys}"


_LONG_MAX: Final = 2 ** (8 * struct.calcsize("@l") - 1) - 1
_int = integer_field(INT_MIN, INT_MAX)
_natural = integer_field(0, INT_MAX)
_unsigned = integer_field(0, UINT_MAX)
_long = integer_field(-_LONG_MAX - 1, _LONG_MAX)


# A converter does not get the name of its field, which the error text must have; so there is one
# for each name. They are functions with a def, not made by a factory, because type checkers
# take the argument types of a record's constructor from such functions only.
def _multiaddr(value: InAddr) -> str:
    return named_host("multiaddr", socket.AF_INET, value)


def _multiaddr6(value: In6Addr) -> str:
    return named_host("multiaddr", socket.AF_INET6, value)


def _interface(value: InAddr) -> str:
    return named_host("interface", socket.AF_INET, value)


def _sourceaddr(value: InAddr) -> str:
    return named_host("sourceaddr", socket.AF_INET, value)


def _slist(value: Iterable[InAddr]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"slist must be a list or tuple of IPv4 addresses, not {shown(value)}")
    return tuple(
        named_host(f"slist[{index}]", socket.AF_INET, source) for index, source in enumerate(value)
    )


def _mode(_record: object, _field: object, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"mode must be 'include' or 'exclude', not {shown(value)}")
    if value not in ("include", "exclude"):
        raise ValueError(f"mode must be 'include' or 'exclude', not {shown(value)}")


@attrs.frozen
class Linger:
    """The time that closing waits until unsent data has arrived. Erlang's `linger()`.

    It is the value of `"socket"`, `"linger"`. `Linger(True, 0)` makes `close` reset the
    connection; the word `"abort"` sets the same.

    Attributes:
        onoff: True if closing waits.
        linger: the longest time to wait, in seconds; 0 or more.

    Example::

        ok(socket.setopt(sock, "socket", "linger", Linger(True, 5)))
    """

    onoff: bool = attrs.field(validator=boolean_field)
    linger: int = attrs.field(validator=_natural)


@attrs.frozen
class TimeVal:
    """A duration or a time of day. Erlang's `timeval()`.

    It is the value of `"socket"`, `"rcvtimeo"` and `"sndtimeo"`, and of the control message
    `"timestamp"`.

    Attributes:
        sec: seconds; of a time of day, since 1970 in UTC.
        usec: microseconds.
    """

    sec: int = attrs.field(validator=_long)
    usec: int = attrs.field(validator=_long)


@attrs.frozen
class Membership:
    """An IPv4 multicast group on one interface. Erlang's `ip_mreq()`.

    It is the value of `"ip"`, `"add_membership"` and `"drop_membership"`.

    Attributes:
        multiaddr: the address of the group, given as in `SockAddrIn` and kept as numeric text.
        interface: the address of the local interface, likewise; `"any"` lets the operating
            system choose.

    Example::

        ok(socket.setopt(sock, "ip", "add_membership", Membership("224.0.0.251", "any")))
    """

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)


@attrs.frozen
class SourceMembership:
    """One sender to an IPv4 multicast group. Erlang's `ip_mreq_source()`.

    It is the value of `"ip"`, `"add_source_membership"`, `"drop_source_membership"`,
    `"block_source"` and `"unblock_source"`.

    Attributes:
        multiaddr: the address of the group, given as in `SockAddrIn` and kept as numeric text.
        interface: the address of the local interface, likewise.
        sourceaddr: the address of the sender, likewise.
    """

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)
    sourceaddr: str = attrs.field(converter=_sourceaddr)


@attrs.frozen
class MsgFilter:
    """The accepted senders to an IPv4 multicast group. Erlang's `ip_msfilter()`.

    It is the value of `"ip"`, `"msfilter"`.

    Attributes:
        multiaddr: the address of the group, given as in `SockAddrIn` and kept as numeric text.
        interface: the address of the local interface, likewise.
        mode: `"include"` to receive from the senders in `slist` only, `"exclude"` to receive
            from all others.
        slist: the addresses of the senders, a list or tuple.
    """

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)
    mode: Literal["include", "exclude"] = attrs.field(validator=_mode)
    slist: tuple[str, ...] = attrs.field(converter=_slist)


@attrs.frozen
class Membership6:
    """An IPv6 multicast group on one interface. Erlang's `ipv6_mreq()`.

    It is the value of `"ipv6"`, `"join_group"` and `"leave_group"` (or `"add_membership"` and
    `"drop_membership"`).

    Attributes:
        multiaddr: the address of the group, given as in `SockAddrIn6` and kept as numeric text.
        interface: the index of the local interface; 0 lets the operating system choose.
    """

    multiaddr: str = attrs.field(converter=_multiaddr6)
    interface: int = attrs.field(validator=_natural)


@attrs.frozen
class Credentials:
    """The process at the other end of a local connection, at the time of connecting.

    It is the value of `"socket"`, `"peercred"`, and of the control message `"credentials"`. In
    Erlang it is a binary of three native 32-bit integers.

    Attributes:
        pid: the operating system's number of the process; 0 if the socket has no such peer.
        uid: the number of its user; 4294967295 if there is no such peer.
        gid: the number of its group, likewise.
    """

    pid: int = attrs.field(validator=_int)
    uid: int = attrs.field(validator=_unsigned)
    gid: int = attrs.field(validator=_unsigned)


@attrs.frozen
class TcpInfo:
    """The state of a TCP connection: the leading fields of Linux's `struct tcp_info`.

    It is the value of `"tcp"`, `"info"`. The names are Linux's, without `tcpi_`. Segments are
    counted, not their bytes.

    Attributes:
        state: `"established"`, `"syn_sent"`, `"syn_recv"`, `"fin_wait1"`, `"fin_wait2"`,
            `"time_wait"`, `"close"`, `"close_wait"`, `"last_ack"`, `"listen"`, `"closing"`,
            `"new_syn_recv"`, or the number of another state.
        ca_state: the state of congestion avoidance: `"open"`, `"disorder"`, `"cwr"`,
            `"recovery"`, `"loss"`, or the number of another state.
        retransmits: time-outs in a row without an acknowledgement.
        probes: unanswered probes of a zero window or of keepalive.
        backoff: exponent by which the retransmission time-out has grown.
        options: the bit set `TCPI_OPT_*` of options in use.
        snd_wscale: window scale of the peer, a power of two.
        rcv_wscale: own window scale, a power of two.
        rto: retransmission time-out, microseconds.
        ato: delay of acknowledgements, microseconds.
        snd_mss: size of a segment that is sent, bytes.
        rcv_mss: size of a segment that is received, bytes.
        unacked: segments sent and not acknowledged.
        sacked: segments acknowledged selectively.
        lost: segments considered lost.
        retrans: segments being retransmitted.
        fackets: segments covered by forward acknowledgement.
        last_data_sent: milliseconds since data was sent.
        last_ack_sent: not filled by Linux.
        last_data_recv: milliseconds since data was received.
        last_ack_recv: milliseconds since an acknowledgement was received.
        pmtu: the largest packet on the path, bytes.
        rcv_ssthresh: limit of the growth of the receive window, bytes.
        rtt: smoothed round-trip time, microseconds.
        rttvar: variation of the round-trip time, microseconds.
        snd_ssthresh: threshold of slow start, segments.
        snd_cwnd: congestion window, segments.
        advmss: the segment size announced to the peer, bytes.
        reordering: the tolerated reordering, segments.
        rcv_rtt: round-trip time estimated by the receiver, microseconds.
        rcv_space: room for received data, bytes.
        total_retrans: segments retransmitted during the whole connection.
    """

    state: str | int
    ca_state: str | int
    retransmits: int
    probes: int
    backoff: int
    options: int
    snd_wscale: int
    rcv_wscale: int
    rto: int
    ato: int
    snd_mss: int
    rcv_mss: int
    unacked: int
    sacked: int
    lost: int
    retrans: int
    fackets: int
    last_data_sent: int
    last_ack_sent: int
    last_data_recv: int
    last_ack_recv: int
    pmtu: int
    rcv_ssthresh: int
    rtt: int
    rttvar: int
    snd_ssthresh: int
    snd_cwnd: int
    advmss: int
    reordering: int
    rcv_rtt: int
    rcv_space: int
    total_retrans: int
