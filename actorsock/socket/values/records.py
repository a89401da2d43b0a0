"""Records for the options whose value is a C struct: linger, timeval, multicast, credentials.

Responsible for what these values are in Python: named fields, each checked (and addresses
brought to one canonical spelling) when the record is made, so that a record in hand can always
be given to the operating system. It does not know the layout of any struct, nor which option
takes which record. The records of the sctp level have a module of their own.
"""

import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import attrs

from ...arguments import shown
from .hosts import In6Addr, InAddr, named_host
from .limits import INT_MAX, INT_MIN, UINT_MAX

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
    """attrs validator: strictly `True` or `False`; else `TypeError` naming the field."""
    if not isinstance(value, bool):
        raise TypeError(f"{field.name} must be True or False, not {shown(value)}")


def integer_field(low: int, high: int) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    """attrs validator: an integer from `low` to `high`.

    It raises `TypeError` for another type, bool included, and `ValueError` outside the range,
    naming the field.
    """

    def check(_record: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{field.name} must be an integer, not {shown(value)}")
        if not low <= value <= high:
            raise ValueError(f"{field.name} must be in {low}..{high}, not {shown(value)}")

    return check


def as_record(record: type[Record], value: object) -> Record:
    """`value` as a `record`: already one, or the documented map as a dict.

    Further keys of the dict are ignored, as documented. Raises `ValueError` for a missing key,
    `TypeError` for neither a record nor a dict, and what the fields themselves raise.
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
    """What `as_record` takes for a `record`, in words."""
    keys = ", ".join(field.name for field in attrs.fields(record))
    return f"a {record.__name__}, or a dict with the keys {keys}"


_LONG_MAX: Final = 2 ** (8 * struct.calcsize("@l") - 1) - 1
_int = integer_field(INT_MIN, INT_MAX)
_natural = integer_field(0, INT_MAX)
_unsigned = integer_field(0, UINT_MAX)
_long = integer_field(-_LONG_MAX - 1, _LONG_MAX)


# One converter for each field name, because a converter is not told which field it serves.
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
    """Whether closing waits for unsent data, and for how many seconds; `linger()`.

    `Linger(True, 0)` makes closing reset the connection; the word `"abort"` sets the same.
    """

    onoff: bool = attrs.field(validator=boolean_field)
    linger: int = attrs.field(validator=_natural)


@attrs.frozen
class TimeVal:
    """Seconds and microseconds, a duration or a time of day; `timeval()`."""

    sec: int = attrs.field(validator=_long)
    usec: int = attrs.field(validator=_long)


@attrs.frozen
class Membership:
    """An IPv4 multicast group and the address of the local interface; `ip_mreq()`.

    The interface `"any"` lets the operating system choose.
    """

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)


@attrs.frozen
class SourceMembership:
    """An IPv4 multicast group, the local interface and one sender; `ip_mreq_source()`."""

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)
    sourceaddr: str = attrs.field(converter=_sourceaddr)


@attrs.frozen
class MsgFilter:
    """Whom to hear in an IPv4 multicast group; `ip_msfilter()`.

    With `mode` `"include"` only the senders of `slist` are heard, with `"exclude"` all others.
    """

    multiaddr: str = attrs.field(converter=_multiaddr)
    interface: str = attrs.field(converter=_interface)
    mode: Literal["include", "exclude"] = attrs.field(validator=_mode)
    slist: tuple[str, ...] = attrs.field(converter=_slist)


@attrs.frozen
class Membership6:
    """An IPv6 multicast group and the index of the local interface; `ipv6_mreq()`.

    Index 0 lets the operating system choose.
    """

    multiaddr: str = attrs.field(converter=_multiaddr6)
    interface: int = attrs.field(validator=_natural)


@attrs.frozen
class Credentials:
    """The process at the other end of a local connection, as it was on connecting.

    The documentation has it as three native 32-bit integers. A socket that has no such peer
    reads as pid 0 and user and group 4294967295, the operating system's "nobody known".
    """

    pid: int = attrs.field(validator=_int)
    uid: int = attrs.field(validator=_unsigned)
    gid: int = attrs.field(validator=_unsigned)


@attrs.frozen
class TcpInfo:
    """The state of a TCP connection: the leading fields of Linux's `struct tcp_info`.

    The names are Linux's, without `tcpi_`. Words: `state` (`"established"`, `"listen"`,
    `"close_wait"`, ...) and `ca_state` (`"open"`, `"disorder"`, `"cwr"`, `"recovery"`,
    `"loss"`), integers where the value has no word. `rto`, `ato`, `rtt`, `rttvar` and `rcv_rtt`
    are microseconds, `last_*` milliseconds; `snd_mss`, `rcv_mss`, `pmtu`, `rcv_ssthresh`,
    `advmss` and `rcv_space` are bytes; `unacked` to `fackets`, `snd_ssthresh`, `snd_cwnd`,
    `reordering` and `total_retrans` are segments. `options` is the bit set `TCPI_OPT_*`.
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
