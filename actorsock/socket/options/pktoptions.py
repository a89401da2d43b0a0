"""The one option whose value is control messages: `pktoptions`, a stream's latest ones."""

import struct
from typing import Final

from ..values.codecs import Codec
from ..values.control import decode_control

__all__ = ["PKTOPTIONS"]

_CMSG_HEADER: Final = struct.Struct("@Nii")
_CMSG_ALIGN: Final = struct.calcsize("@N")
_PKTOPTIONS_SIZE: Final = 1024  # the most that the standard library offers


def _decode(data: bytes) -> object:
    ancillary = []
    while len(data) >= _CMSG_HEADER.size:
        length, level, kind = _CMSG_HEADER.unpack_from(data)
        if not _CMSG_HEADER.size <= length <= len(data):
            break
        ancillary.append((level, kind, data[_CMSG_HEADER.size : length]))
        data = data[-(-length // _CMSG_ALIGN) * _CMSG_ALIGN :]
    return decode_control(ancillary)


PKTOPTIONS: Final = Codec("a list of control messages", _PKTOPTIONS_SIZE, decode=_decode)
