"""Linux's `struct msghdr`: a message as sendmsg(2) and recvmsg(2) take it from the C library.

Where the standard library knows the family of an address, its own sendmsg and recvmsg do; this is
for the other families, and for addresses of another family than the socket's.
"""

import ctypes
import socket as stdlib
import struct
from collections.abc import Sequence
from typing import Any, Final

import attrs

__all__ = ["NAME_MAX", "Header", "filled", "room_for"]

NAME_MAX: Final = 128
"""The size of `struct sockaddr_storage`."""

_CONTROL: Final = struct.Struct("@Nii")
"""`struct cmsghdr`: how long it is with its data, level, type."""


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_IoVec)),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


@attrs.frozen
class Header:
    """The structure, and what it points to."""

    _struct: _MsgHdr
    _parts: tuple[Any, Any, Any]

    @property
    def pointer(self) -> Any:
        """What the C library is given."""
        return ctypes.byref(self._struct)

    @property
    def flags(self) -> int:
        """What the kernel says of the message."""
        return int(self._struct.flags)

    @property
    def name(self) -> bytes:
        """The address, as `struct sockaddr`."""
        return bytes(self._parts[0].raw[: self._struct.name_size])

    def data(self, size: int) -> bytes:
        """The first `size` bytes of the message."""
        return bytes(self._parts[1].raw[:size])

    @property
    def control(self) -> list[tuple[int, int, bytes]]:
        """The control messages: level, type, data."""
        raw, found, at = self._parts[2].raw[: self._struct.control_size], [], 0
        while at + _CONTROL.size <= len(raw):
            length, level, type = _CONTROL.unpack_from(raw, at)
            begin = at + stdlib.CMSG_LEN(0)
            size = max(0, at + length - begin)
            found.append((level, type, raw[begin : begin + size]))
            at += stdlib.CMSG_SPACE(size)
        return found


def filled(name: bytes, data: bytes, control: Sequence[tuple[int, int, bytes]]) -> Header:
    """A message to send."""
    packed = b"".join(
        (
            _CONTROL.pack(stdlib.CMSG_LEN(len(value)), level, type).ljust(stdlib.CMSG_LEN(0), b"\0")
            + value
        ).ljust(stdlib.CMSG_SPACE(len(value)), b"\0")
        for level, type, value in control
    )
    return _header(
        ctypes.create_string_buffer(name, len(name)),
        ctypes.create_string_buffer(data, len(data)),
        ctypes.create_string_buffer(packed, len(packed)),
    )


def room_for(size: int, control_size: int) -> Header:
    """A message to receive, of at most so many bytes, and so many of control messages."""
    return _header(
        ctypes.create_string_buffer(NAME_MAX),
        ctypes.create_string_buffer(size),
        ctypes.create_string_buffer(control_size),
    )


def _header(name: Any, data: Any, control: Any) -> Header:
    iov = _IoVec(ctypes.addressof(data), len(data))
    header = _MsgHdr(
        ctypes.addressof(name) if len(name) else None,
        len(name),
        ctypes.pointer(iov),
        1,
        ctypes.addressof(control) if len(control) else None,
        len(control),
        0,
    )
    return Header(header, (name, data, control))
