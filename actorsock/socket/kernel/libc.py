"""System calls, by the standard library where it can make them and else by the C library.

The standard library cannot pass an address of another family than the socket's, which the kernel
is to judge; it cannot show `getsockopt` bytes in the buffer; and it returns the addresses of some
families in a form that loses bytes. For these, ctypes calls the C function. If the C library
cannot be loaded, the call fails with EOPNOTSUPP, as on a platform without it.
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
    """Call bind(2); raise `OSError` if it fails."""
    if _fits(family, addr):
        sock.bind(to_python(addr))
    else:
        raw = to_bytes(addr)
        _call("bind", sock.fileno(), raw, len(raw))


def connect(sock: stdlib.socket, family: int, addr: SockAddr) -> int:
    """Call connect(2) and return its errno, 0 for success. May also raise `OSError`."""
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
    """Call sendto(2) on a socket of `family`; return the bytes sent or raise `OSError`."""
    if _fits(family, addr):
        return sock.sendto(data, flags, to_python(addr))
    raw = to_bytes(addr)
    return _call("sendto", sock.fileno(), bytes(data), len(data), flags, raw, len(raw))


def getsockopt(
    sock: stdlib.socket, family: int, level: int, option: int, size: int, request: bytes = b""
) -> bytes:
    """Call getsockopt(2) with a buffer of `size` bytes that begins with `request`.

    Return the bytes that the kernel wrote, or raise `OSError`.
    """
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
    """Call sendmsg(2); return the bytes sent or raise `OSError`."""
    if addr is None:
        return sock.sendmsg(pieces, control, flags)
    if control and isinstance(addr, SockAddrNative):
        # A native address may be one of a known family, which the standard library can send.
        addr = from_bytes(to_bytes(addr))
    if _fits(family, addr):
        return sock.sendmsg(pieces, control, flags, to_python(addr))
    if not control:
        return sendto(sock, family, b"".join(pieces), flags, addr)
    message = filled(to_bytes(addr), b"".join(pieces), control)
    return _call_on_linux("sendmsg", sock.fileno(), message.pointer, flags)


def recvmsg(
    sock: stdlib.socket, size: int, control_size: int, flags: int
) -> tuple[bytes, list[tuple[int, int, bytes]], int, SockAddr]:
    """Call recvmsg(2) on a socket of a family whose addresses the standard library loses.

    Return data, control messages, flags and source, or raise `OSError`.
    """
    message = room_for(size, control_size)
    got = _call_on_linux("recvmsg", sock.fileno(), message.pointer, flags)
    return message.data(min(got, size)), message.control, message.flags, from_bytes(message.name)


def sockname(sock: stdlib.socket, family: int) -> SockAddr:
    """Call getsockname(2) on a socket of `family`; raise `OSError` if it fails."""
    if family in KNOWN_FAMILIES:
        return from_python(family, sock.getsockname())
    return _name("getsockname", sock)


def peername(sock: stdlib.socket, family: int) -> SockAddr:
    """Call getpeername(2) on a socket of `family`; raise `OSError` if it fails."""
    if family in KNOWN_FAMILIES:
        return from_python(family, sock.getpeername())
    return _name("getpeername", sock)


def ioctl(sock: stdlib.socket, request: int, argument: bytes) -> bytes:
    """Call ioctl(2) with a struct; return the struct as the kernel left it or raise `OSError`."""
    import fcntl  # Windows has no such module

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
    except (OSError, TypeError):  # a static build of Python; Windows
        return None


_libc: Final = _load()


def _call_on_linux(name: str, *args: Any) -> int:
    # The layout of `struct msghdr` in `msghdr` is Linux's.
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
