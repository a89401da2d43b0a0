"""Closing a descriptor whose option `linger` asks to wait until what was sent has arrived."""

import socket as stdlib
from math import inf
from typing import Final

import trio

__all__ = ["close_at_once", "close_lingering", "lingers"]

# As plain ints: the standard library's enums take their time.
_SOL_SOCKET: Final = int(stdlib.SOL_SOCKET)
_SO_LINGER: Final = int(stdlib.SO_LINGER)
_NO_LINGER: Final = bytes(8)


def lingers(sock: stdlib.socket) -> bool:
    """Whether closing may wait."""
    try:
        raw = sock.getsockopt(_SOL_SOCKET, _SO_LINGER, 8)
    except OSError:
        return False
    if raw == _NO_LINGER:
        return False
    # {on, seconds}: with 0 seconds close() resets the connection and does not wait.
    return any(raw[:4]) and any(raw[4:])


def close_at_once(sock: stdlib.socket) -> None:
    """Close without waiting."""
    if lingers(sock):
        sock.setsockopt(_SOL_SOCKET, _SO_LINGER, _NO_LINGER)
    sock.close()


async def close_lingering(sock: stdlib.socket) -> None:
    """Close and wait; a caller that is cancelled already does not wait."""
    if trio.current_effective_deadline() == -inf:
        close_at_once(sock)
    else:
        # The kernel blocks; whoever cancels now must not leave the descriptor open.
        with trio.CancelScope(shield=True):
            try:
                await trio.to_thread.run_sync(sock.close)
            except RuntimeError:  # the system gives us no thread to wait in
                close_at_once(sock)
