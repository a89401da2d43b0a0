"""Socket options: names, numbers, values, and the operations that each allows.

The package exports the names that the socket functions and the socket's actor use. The options of
the operating system are in `tables`, those of the library itself in `otp`, and options by number
in `native`. The values and their codecs are in the package `values`. Nothing here touches a
socket.
"""

from ..values.protocols import native_level, protocol_name, protocol_names, protocol_number
from ..values.records import (
    Credentials,
    Linger,
    Membership,
    Membership6,
    MsgFilter,
    SourceMembership,
    TcpInfo,
    TimeVal,
)
from ..values.sctp_records import (
    SctpAssocParams,
    SctpAssocValue,
    SctpAuthKeyId,
    SctpDelayedAck,
    SctpEventSubscribe,
    SctpInitMsg,
    SctpRtoInfo,
    SctpSendParams,
)
from .native import NativeRead, encode_native, native_option, native_spec
from .otp import OTP_OPTIONS, OtpOption, find_otp
from .tables import LEVELS, Option, find, options, supported

__all__ = [
    "LEVELS",
    "OTP_OPTIONS",
    "Credentials",
    "Linger",
    "Membership",
    "Membership6",
    "MsgFilter",
    "NativeRead",
    "Option",
    "OtpOption",
    "SctpAssocParams",
    "SctpAssocValue",
    "SctpAuthKeyId",
    "SctpDelayedAck",
    "SctpEventSubscribe",
    "SctpInitMsg",
    "SctpRtoInfo",
    "SctpSendParams",
    "SourceMembership",
    "TcpInfo",
    "TimeVal",
    "encode_native",
    "find",
    "find_otp",
    "native_level",
    "native_option",
    "native_spec",
    "options",
    "protocol_name",
    "protocol_names",
    "protocol_number",
    "supported",
]
