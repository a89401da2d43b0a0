"""The end of a descriptor: closing one that lingers, and keeping a file open as long as needed.

Closing may block: with the option `linger` set, close(2) waits until the peer has everything
that was sent. Such a close runs in a thread. The actor of a socket decides when a descriptor is
closed; this module only does it.
"""

import os
import socket as stdlib
from math import inf
from typing import Final, Self

import trio

__all__ = ["HeldFile", "close_at_once", "close_lingering", "lingers"]

# Plain ints, because each use of the standard library's enums goes through Python code.
_SOL_SOCKET: Final = int(stdlib.SOL_SOCKET)
_SO_LINGER: Final = int(stdlib.SO_LINGER)
_NO_LINGER: Final = bytes(8)


def lingers(sock: stdlib.socket) -> bool:
    """Return True if close(2) on this socket may wait."""
    try:
        raw = sock.getsockopt(_SOL_SOCKET, _SO_LINGER, 8)
    except OSError:
        return False
    if raw == _NO_LINGER:
        return False
    # struct linger: onoff, seconds. With 0 seconds close(2) resets the connection at once.
    return any(raw[:4]) and any(raw[4:])


def close_at_once(sock: stdlib.socket) -> None:
    """Close without waiting; a linger time is cleared first."""
    if lingers(sock):
        sock.setsockopt(_SOL_SOCKET, _SO_LINGER, _NO_LINGER)
    sock.close()


async def close_lingering(sock: stdlib.socket) -> None:
    """Close and wait as long as the linger time says; a cancelled caller does not wait."""
    if trio.current_effective_deadline() == -inf:
        close_at_once(sock)
    else:
        # close(2) blocks, so a thread calls it. A cancellation from now on must not leave the
        # descriptor open; hence the shield.
        with trio.CancelScope(shield=True):
            try:
                await trio.to_thread.run_sync(sock.close)
            except RuntimeError:  # the system has no thread for us
                close_at_once(sock)


class HeldFile:
    """A duplicate of a caller's file descriptor, which a waiting sendfile reads from.

    The caller may close its own file while the operation waits. The duplicate is closed by
    `close`, or when the last reference to it is gone: an operation that is cancelled, or whose
    socket is closed, is simply dropped.
    """

    __slots__ = ("fd",)

    fd: int

    def __init__(self, fd: int) -> None:
        """Duplicate `fd`; raise `OSError` if it is not open, or no descriptor is left."""
        # Set first, so that `__del__` finds it if dup(2) fails.
        self.fd = -1
        self.fd = os.dup(fd)

    def close(self) -> None:
        """Close the duplicate; further calls do nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close

    # A select info holds a HeldFile, and a program may copy that info. A second object with the
    # same number would close the descriptor under the first one, so a copy is the object itself.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
