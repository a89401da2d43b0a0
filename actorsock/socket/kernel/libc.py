"""System calls in the forms that the standard library does not offer.

It has no way to pass an address of another family than the socket's (which the documented
interface leaves to the kernel to judge), nor to show `getsockopt` what is in the buffer, and it
takes the addresses of some families apart. These go through the C library; where that can't be
reached, they fail as the kernel of a platform without them would.
"""

import ctypes
import errno
import os
import socket as stdlib
import sys
from collections.abc import Sequence
from typing import Any, Final

from ..values.address import (
    SockAddr,
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    family_of,
    from_bytes,
    from_python,
    to_bytes,
    to_python,
)
from ..values.families import KNOWN_FAMILIES
from .msghdr import NAME_MAX, filled, room_for

__all__ = [
    "bind",
    "connect",
    "getsockopt",
    "ioctl",
    "peername",
    "recvmsg",
    "sendmsg",
    "sendto",
    "sockname",
]


def bind(sock: stdlib.socket, family: int, addr: SockAddr) -> None:
    """bind(2); raises `OSError`."""
    if _fits(family, addr):
        sock.bind(to_python(addr))
    else:
        raw = to_bytes(addr)
        _call("bind", sock.fileno(), raw, len(raw))


def connect(sock: stdlib.socket, family: int, addr: SockAddr) -> int:
    """connect(2); the errno, 0 for success. Also raises `OSError`."""
    if _fits(family, addr):
        return sock.connect_ex(to_python(addr))
    raw = to_bytes(addr)
    try:
        _call("connect", sock.fileno(), raw, len(raw))
    except OSError as exc:
        return exc.errno or errno.EINVAL
    return 0


def sendto(
    sock: stdlib.socket, family: int, data: bytes | memoryview, flags: int, addr: SockAddr
) -> int:
    """sendto(2) on a socket of `family`: how many bytes went; raises `OSError`."""
    if _fits(family, addr):
        return sock.sendto(data, flags, to_python(addr))
    raw = to_bytes(addr)
    return _call("sendto", sock.fileno(), bytes(data), len(data), flags, raw, len(raw))


def getsockopt(
    sock: stdlib.socket, family: int, level: int, option: int, size: int, request: bytes = b""
) -> bytes:
    """getsockopt(2) into `size` bytes that begin with `request`; raises `OSError`."""
    if not request and family in KNOWN_FAMILIES:
        return sock.getsockopt(level, option, size)
    buffer = ctypes.create_string_buffer(request, max(size, len(request)))
    length = ctypes.c_uint32(len(buffer))
    _call("getsockopt", sock.fileno(), level, option, buffer, ctypes.byref(length))
    return buffer.raw[: length.value]


def sendmsg(
    sock: stdlib.socket,
    family: int,
    pieces: Sequence[bytes | memoryview],
    control: Sequence[tuple[int, int, bytes]],
    flags: int,
    addr: SockAddr | None,
) -> int:
    """sendmsg(2): how many bytes went; raises `OSError`."""
    if addr is None:
        return sock.sendmsg(pieces, control, flags)
    if control and isinstance(addr, SockAddrNative):
        addr = from_bytes(to_bytes(addr))  # by its name, if it has one, it fits
    if _fits(family, addr):
        return sock.sendmsg(pieces, control, flags, to_python(addr))
    if not control:
        return sendto(sock, family, b"".join(pieces), flags, addr)
    message = filled(to_bytes(addr), b"".join(pieces), control)
    return _call_on_linux("sendmsg", sock.fileno(), message.pointer, flags)


def recvmsg(
    sock: stdlib.socket, size: int, control_size: int, flags: int
) -> tuple[bytes, list[tuple[int, int, bytes]], int, SockAddr]:
    """recvmsg(2) on a socket whose family the standard library does not know well.

    Data, control messages, flags and source; raises `OSError`.
    """
    message = room_for(size, control_size)
    got = _call_on_linux("recvmsg", sock.fileno(), message.pointer, flags)
    return message.data(min(got, size)), message.control, message.flags, from_bytes(message.name)


def sockname(sock: stdlib.socket, family: int) -> SockAddr:
    """getsockname(2) on a socket of `family`; raises `OSError`."""
    if family in KNOWN_FAMILIES:
        return from_python(family, sock.getsockname())
    return _name("getsockname", sock)


def peername(sock: stdlib.socket, family: int) -> SockAddr:
    """getpeername(2) on a socket of `family`; raises `OSError`."""
    if family in KNOWN_FAMILIES:
        return from_python(family, sock.getpeername())
    return _name("getpeername", sock)


def ioctl(sock: stdlib.socket, request: int, argument: bytes) -> bytes:
    """ioctl(2) with a structure: what the kernel made of it; raises `OSError`."""
    import fcntl  # not everywhere

    return fcntl.ioctl(sock.fileno(), request, argument)


def _name(function: str, sock: stdlib.socket) -> SockAddr:
    buffer = ctypes.create_string_buffer(NAME_MAX)
    length = ctypes.c_uint32(NAME_MAX)
    _call(function, sock.fileno(), buffer, ctypes.byref(length))
    return from_bytes(buffer.raw[: length.value])


def _fits(family: int, addr: SockAddr) -> bool:
    return isinstance(addr, (SockAddrIn, SockAddrIn6, SockAddrUn)) and family_of(addr) == family


def _load() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):  # no shared C library; Windows
        return None


_libc: Final = _load()


def _call_on_linux(name: str, *args: Any) -> int:
    # Elsewhere the structures have another layout.
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    return _call(name, *args)


def _call(name: str, *args: Any) -> int:
    if _libc is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    result: int = getattr(_libc, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.EWOULDBLOCK):
            raise BlockingIOError(number, os.strerror(number))
        raise OSError(number, os.strerror(number))
    return result
