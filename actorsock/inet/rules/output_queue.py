"""The output queue of a stream: bytes that the kernel has not taken yet, and when there are many.

Pure: the executor hands `head` to the kernel and reports with `sent` how much was taken.
"""

from collections import deque
from typing import Final, TypeAlias

__all__ = ["OutputQueue", "Piece"]

_MOST_PIECES: Final = 64
"""Pieces for one system call; the kernel takes up to 1024."""

Piece: TypeAlias = bytes | memoryview


class OutputQueue:
    """Bytes in the order in which they are sent.

    Attributes:
        high: with so many bytes or more the queue becomes busy.
        low: with so many bytes or fewer it is busy no more.
        size: how many bytes are queued.
        busy: further senders have to wait. A send that begins while the queue is not busy is queued
            whole, so it may hold far more than `high`.

    Example::

        queue = OutputQueue(high=8192, low=4096)
        queue.append(b"x" * 10_000)  # True: busy from here on
        queue.sent(sock.sendmsg(queue.head()))  # True when it is busy no more
    """

    __slots__ = ("_pieces", "busy", "high", "low", "size")

    def __init__(self, high: int = 8192, low: int = 4096) -> None:
        self.high = high
        self.low = low
        self.busy = False
        self._pieces: deque[Piece] = deque()
        self.size = 0

    def __len__(self) -> int:
        """Return `size`."""
        return self.size

    def append(self, *pieces: Piece) -> bool:
        """Queue bytes, which must not change any more; return True if the queue is busy now."""
        for piece in pieces:
            if piece:
                self._pieces.append(piece)
                self.size += len(piece)
        self.busy = self.busy or self.size >= self.high
        return self.busy

    def head(self) -> list[Piece]:
        """Return the first pieces, for one system call; the queue is unchanged."""
        if len(self._pieces) <= _MOST_PIECES:
            return list(self._pieces)
        return [self._pieces[at] for at in range(_MOST_PIECES)]

    def sent(self, count: int) -> bool:
        """Remove the first `count` bytes; return True if the queue was busy and is so no more."""
        self.size -= count
        while count:
            piece = self._pieces.popleft()
            if len(piece) > count:
                # Without a copy: a large piece leaves in many parts.
                self._pieces.appendleft(memoryview(piece)[count:])
                break
            count -= len(piece)
        freed = self.busy and self.size <= self.low
        self.busy = self.busy and not freed
        return freed

    def take_all(self) -> list[Piece]:
        """Take all pieces: another queue goes on with them."""
        pieces = list(self._pieces)
        self.clear()
        return pieces

    def clear(self) -> None:
        """Drop all bytes: the connection is lost, or closed without delay."""
        self._pieces.clear()
        self.size = 0
        self.busy = False
