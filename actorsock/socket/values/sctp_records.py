"""Records for the options of the level sctp whose value is a C struct of RFC 6458.

The fields and their ranges are here; the layouts of the structs are in `codecs`, the options that
take them in the tables. The field `assoc_id` names one association of a socket that may have
several (type `"seqpacket"`); 0 is the socket itself, for all associations to come.
"""

import attrs

from .c_integers import INT_MAX, INT_MIN, UINT_MAX
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
    """The parameters of a new association. Erlang's `sctp_initmsg()`, the option `"initmsg"`.

    The value 0 leaves a field as the system has it.

    Attributes:
        num_ostreams: the number of outgoing streams to ask for.
        max_instreams: the largest number of incoming streams to allow.
        max_attempts: how many times INIT is sent.
        max_init_timeo: the longest retransmission time-out of INIT, in milliseconds.
    """

    num_ostreams: int = attrs.field(validator=_uint16)
    max_instreams: int = attrs.field(validator=_uint16)
    max_attempts: int = attrs.field(validator=_uint16)
    max_init_timeo: int = attrs.field(validator=_uint16)


@attrs.frozen
class SctpRtoInfo:
    """The retransmission time-out. Erlang's `sctp_rtoinfo()`, the option `"rtoinfo"`.

    The value 0 leaves a field as it is.

    Attributes:
        assoc_id: the association, or 0.
        initial: the first time-out, in milliseconds.
        max: the largest time-out, in milliseconds.
        min: the smallest time-out, in milliseconds.
    """

    assoc_id: int = attrs.field(validator=_int)
    initial: int = attrs.field(validator=_uint32)
    max: int = attrs.field(validator=_uint32)
    min: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpAssocParams:
    """Properties of an association. Erlang's `sctp_assocparams()`, the option `"associnfo"`.

    The value 0 leaves a field as it is.

    Attributes:
        assoc_id: the association, or 0.
        asocmaxrxt: how many retransmissions end the association.
        number_peer_destinations: the number of addresses of the peer; only read.
        peer_rwnd: the receive window of the peer, in bytes; only read.
        local_rwnd: the own receive window, in bytes; only read.
        cookie_life: how long a cookie is valid, in milliseconds.
    """

    assoc_id: int = attrs.field(validator=_int)
    asocmaxrxt: int = attrs.field(validator=_uint16)
    number_peer_destinations: int = attrs.field(validator=_uint16)
    peer_rwnd: int = attrs.field(validator=_uint32)
    local_rwnd: int = attrs.field(validator=_uint32)
    cookie_life: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpEventSubscribe:
    """The events that arrive as messages. Erlang's `sctp_event_subscribe()`, `"events"`.

    Each field is True if events of that type are to be received. As in Erlang, the first seven
    fields must be given and the others default to False.

    Attributes:
        data_io: control messages with each datagram.
        association: changes of an association.
        address: changes of an address of the peer.
        send_failure: messages that were not sent.
        peer_error: errors that the peer reports.
        shutdown: the end of the peer's sending.
        partial_delivery: trouble with a message that is delivered in parts.
        adaptation_layer: the adaptation layer of the peer.
        authentication: changes of the keys of authentication.
        sender_dry: all messages are sent and acknowledged.
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
    """One number for one association: the value of `"context"` and `"maxburst"`.

    It is `struct sctp_assoc_value`.

    Attributes:
        assoc_id: the association, or 0.
        value: the number.
    """

    assoc_id: int = attrs.field(validator=_int)
    value: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpDelayedAck:
    """The delay of acknowledgements: the value of `"delayed_ack_time"`.

    It is `struct sctp_sack_info`.

    Attributes:
        assoc_id: the association, or 0.
        delay: the longest delay, in milliseconds.
        freq: how many packets are acknowledged at once at the latest.
    """

    assoc_id: int = attrs.field(validator=_int)
    delay: int = attrs.field(validator=_uint32)
    freq: int = attrs.field(validator=_uint32)


@attrs.frozen
class SctpAuthKeyId:
    """The number of a shared key: the value of `"auth_active_key"` and `"auth_delete_key"`.

    It is `struct sctp_authkeyid`.

    Attributes:
        assoc_id: the association, or 0.
        keynumber: the number of the key.
    """

    assoc_id: int = attrs.field(validator=_int)
    keynumber: int = attrs.field(validator=_uint16)


@attrs.frozen
class SctpSendParams:
    """The defaults of a send: the value of `"default_send_params"`.

    It is `struct sctp_sndrcvinfo`. The fields `ssn`, `tsn` and `cumtsn` are for received
    messages; here they are passed to the kernel unchanged.

    Attributes:
        stream: the number of the outgoing stream.
        ssn: the sequence number within the stream.
        flags: the bit set of RFC 6458, such as SCTP_UNORDERED.
        ppid: the protocol identifier of the payload, in network byte order.
        context: a number that comes back if the message cannot be sent.
        timetolive: how long a message may wait to be sent, in milliseconds; 0 has no limit.
        tsn: the transmission sequence number.
        cumtsn: the cumulative transmission sequence number.
        assoc_id: the association, or 0.
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
