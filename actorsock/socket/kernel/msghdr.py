"""Linux's `struct msghdr`: a message as the C functions sendmsg(2) and recvmsg(2) take it.

The standard library's sendmsg and recvmsg are used wherever they know the family of the address.
This module is for the other families, and for addresses of another family than the socket's.
"""

import ctypes
import socket as stdlib
from collections.abc import Sequence
from typing import Any, Final

import attrs

from ..values.control import CMSG_HEADER, Ancillary, split_control

__all__ = ["NAME_MAX", "Header", "filled", "room_for"]

NAME_MAX: Final = 128
"""The size of `struct sockaddr_storage`."""


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


# glibc's layout, in which the sizes after the first are size_t.
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
    """A `struct msghdr` together with the buffers that it points to.

    The structure holds only addresses; the buffers would be freed if nothing referred to them.
    """

    _struct: _MsgHdr
    _parts: tuple[Any, Any, Any]  # name, data, control

    @property
    def pointer(self) -> Any:
        """The argument for the C function."""
        return ctypes.byref(self._struct)

    @property
    def flags(self) -> int:
        """The flags that the kernel set."""
        return int(self._struct.flags)

    @property
    def name(self) -> bytes:
        """The address, a `struct sockaddr`."""
        return bytes(self._parts[0].raw[: self._struct.name_size])

    def data(self, size: int) -> bytes:
        """Return the first `size` bytes of the message."""
        return bytes(self._parts[1].raw[:size])

    @property
    def control(self) -> list[Ancillary]:
        """The control messages that the kernel wrote."""
        return split_control(self._parts[2].raw[: self._struct.control_size])


def filled(name: bytes, data: bytes, control: Sequence[Ancillary]) -> Header:
    """Return a message to send."""
    packed = b"".join(
        (CMSG_HEADER.pack(stdlib.CMSG_LEN(len(payload)), level, type) + payload).ljust(
            stdlib.CMSG_SPACE(len(payload)), b"\0"
        )
        for level, type, payload in control
    )
    return _header(
        ctypes.create_string_buffer(name, len(name)),
        ctypes.create_string_buffer(data, len(data)),
        ctypes.create_string_buffer(packed, len(packed)),
    )


def room_for(size: int, control_size: int) -> Header:
    """Return an empty message to receive `size` bytes of data and `control_size` of control."""
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
