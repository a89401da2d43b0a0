"""System calls in the forms that the standard library does not offer.

It has no way to pass an address of another family than the socket's (which the documented
interface leaves to the kernel to judge), nor to show `getsockopt` what is in the buffer. Both
go through the C library; where that can't be reached, they fail as the kernel of a platform
without them would.
"""

import ctypes
import errno
import os
import socket as stdlib
from collections.abc import Sequence
from typing import Any, Final

from .address import (
    SockAddr,
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    family_of,
    from_bytes,
    to_bytes,
    to_python,
)

__all__ = ["bind", "connect", "getsockopt", "ioctl", "sendmsg", "sendto"]


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
    sock: stdlib.socket, level: int, option: int, size: int, request: bytes = b""
) -> bytes:
    """getsockopt(2) into `size` bytes that begin with `request`; raises `OSError`."""
    if not request:
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
    # To a foreign address the pieces go as one; the kernel refuses it whatever comes with it.
    return sendto(sock, family, b"".join(pieces), flags, addr)


def ioctl(sock: stdlib.socket, request: int, argument: bytes) -> bytes:
    """ioctl(2) with a structure: what the kernel made of it; raises `OSError`."""
    import fcntl  # not everywhere

    return fcntl.ioctl(sock.fileno(), request, argument)


def _fits(family: int, addr: SockAddr) -> bool:
    return isinstance(addr, (SockAddrIn, SockAddrIn6, SockAddrUn)) and family_of(addr) == family


def _load() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):  # no shared C library; Windows
        return None


_libc: Final = _load()


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
