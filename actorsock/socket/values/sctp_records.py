"""Records for the options of the sctp level whose value is a C struct (RFC 6458).

Responsible for the fields of these values and their ranges, and for nothing else: it does not
know the layout of any struct, nor which option takes which record. Where a record has an
`assoc_id`, that field names the association meant on a socket that has several (type
`"seqpacket"`): 0 is the socket itself, for all associations to come. Times are milliseconds
unless said otherwise, as in the RFC.
"""

import attrs

from .limits import INT_MAX, INT_MIN, UINT_MAX
from .records import boolean_field, integer_field

__all__ = [
    "SctpAssocParams",
    "SctpAssocValue",
    "SctpAuthKeyId",
    "SctpDelayedAck",
    "SctpEventSubscribe",
    "SctpInitMsg",
    "SctpRtoInfo",
    "SctpSendParams",
]

_int = integer_field(INT_MIN, INT_MAX)
_uint16 = integer_field(0, 0xFFFF)
_uint32 = integer_field(0, UINT_MAX)


@attrs.frozen
class SctpInitMsg:
    """How associations are set up; `sctp_initmsg()`. 0 keeps what the system has.

    `max_init_timeo` is milliseconds.
    """

    num_ostreams: int = attrs.field(validator=_uint16)
    max_instreams: int = attrs.field(validator=_uint16)
    max_attempts: int = attrs.field(validator=_uint16)
    max_init_timeo: int = attrs.field(validator=_uint16)


@attrs.frozen
class SctpRtoInfo:
    """Retransmission time-out: first value and bounds, milliseconds; `sctp_rtoinfo()`.

    0 keeps a value.
    """

    assoc_id: int = attrs.field(validator=_int)
    initial: int = attrs.field(validator=_uint32)
    max: int = attrs.field(validator=_uint32)
    min: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpAssocParams:
    """Properties of an association; `sctp_assocparams()`. 0 keeps a value.

    `number_peer_destinations`, `peer_rwnd` and `local_rwnd` (bytes) are only read. `cookie_life` is
    milliseconds.
    """

    assoc_id: int = attrs.field(validator=_int)
    asocmaxrxt: int = attrs.field(validator=_uint16)
    number_peer_destinations: int = attrs.field(validator=_uint16)
    peer_rwnd: int = attrs.field(validator=_uint32)
    local_rwnd: int = attrs.field(validator=_uint32)
    cookie_life: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpEventSubscribe:
    """Which events are told as messages; `sctp_event_subscribe()`.

    As documented, the first seven must be given.
    """

    data_io: bool = attrs.field(validator=boolean_field)
    association: bool = attrs.field(validator=boolean_field)
    address: bool = attrs.field(validator=boolean_field)
    send_failure: bool = attrs.field(validator=boolean_field)
    peer_error: bool = attrs.field(validator=boolean_field)
    shutdown: bool = attrs.field(validator=boolean_field)
    partial_delivery: bool = attrs.field(validator=boolean_field)
    adaptation_layer: bool = attrs.field(default=False, validator=boolean_field)
    authentication: bool = attrs.field(default=False, validator=boolean_field)
    sender_dry: bool = attrs.field(default=False, validator=boolean_field)


@attrs.frozen
class SctpAssocValue:
    """One number for one association (`struct sctp_assoc_value`)."""

    assoc_id: int = attrs.field(validator=_int)
    value: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpDelayedAck:
    """How long, in milliseconds, and for how many packets acknowledgements wait.

    The kernel's `struct sctp_sack_info`.
    """

    assoc_id: int = attrs.field(validator=_int)
    delay: int = attrs.field(validator=_uint32)
    freq: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpAuthKeyId:
    """The number of a shared key (`struct sctp_authkeyid`)."""

    assoc_id: int = attrs.field(validator=_int)
    keynumber: int = attrs.field(validator=_uint16)


@attrs.frozen
class SctpSendParams:
    """What a send that says nothing else uses (`struct sctp_sndrcvinfo`).

    `flags` is the bit set of the RFC; `ssn`, `tsn` and `cumtsn` have no meaning here and are
    passed on as they are.
    """

    stream: int = attrs.field(default=0, validator=_uint16)
    ssn: int = attrs.field(default=0, validator=_uint16)
    flags: int = attrs.field(default=0, validator=_uint16)
    ppid: int = attrs.field(default=0, validator=_uint32)
    context: int = attrs.field(default=0, validator=_uint32)
    timetolive: int = attrs.field(default=0, validator=_uint32)
    tsn: int = attrs.field(default=0, validator=_uint32)
    cumtsn: int = attrs.field(default=0, validator=_uint32)
    assoc_id: int = attrs.field(default=0, validator=_int)
