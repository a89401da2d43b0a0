"""Socket options: names, numbers, values, and what may be set and got where.

This is the face of the package: what the functions of the socket module and the socket's
actor use. The tables are in `tables` (options of the operating system) and `otp` (options of
the library), the documented native mode in `native`; the records that values are, and their
translation, in the package `values`. Nothing here touches a socket.
"""

from ..values.levels import native_level
from ..values.protocols import protocol_name, protocol_names, protocol_number
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
