"""The output queue of TLS: data waits in clear, and is encrypted when it is about to be sent.

So a long send costs memory and time only as fast as the peer reads, and what a send that timed out
would have sent is never part of the stream.
"""

from typing import Final

from ...inet.rules.output_queue import OutputQueue, Piece
from .engine import Engine

__all__ = ["SealedQueue"]

_AT_ONCE: Final = 65536
"""About so many bytes are encrypted for one system call."""
_LITTLE: Final = 16384
"""If fewer encrypted bytes are left, more follow in the same call, so that segments are full."""


class SealedQueue(OutputQueue):
    """An `OutputQueue` whose `head` is encrypted.

    The engine's own messages (of a handshake, an alert) take their place in it by `collect`.
    """

    __slots__ = ("_engine", "_sealed")

    def __init__(self, engine: Engine, high: int = 8192, low: int = 4096) -> None:
        super().__init__(high, low)
        self._engine = engine
        self._sealed: Piece = b""

    def append_sealed(self, piece: Piece) -> None:
        """Queue bytes that are sent as they are, behind those that are encrypted already."""
        self._sealed = b"".join((self._sealed, piece)) if self._sealed else piece
        self.size += len(piece)

    @property
    def is_sealed(self) -> bool:
        """True if no data waits in clear."""
        return not self._pieces

    def collect(self) -> bool:
        """Queue what the engine has made for the peer; return True if there was something."""
        if not self._engine.has_outgoing:
            return False
        self.append_sealed(self._engine.outgoing())
        return True

    def head(self) -> list[Piece]:
        """Return the bytes for one system call; none if the engine waits for the peer first."""
        if self._pieces and len(self._sealed) < _LITTLE:
            self._seal()
        return [self._sealed] if self._sealed else []

    def sent(self, count: int) -> bool:
        """See `OutputQueue.sent`."""
        self.size -= count
        # Without a copy: what the kernel does not take at once leaves in many parts.
        rest = len(self._sealed) > count
        self._sealed = memoryview(self._sealed)[count:] if rest else b""
        freed = self.busy and self.size <= self.low
        self.busy = self.busy and not freed
        return freed

    def take_all(self) -> list[Piece]:
        """See `OutputQueue.take_all`; only for a queue whose data is all encrypted."""
        assert not self._pieces
        sealed = self._sealed
        self.clear()
        return [sealed] if sealed else []

    def clear(self) -> None:
        """See `OutputQueue.clear`."""
        super().clear()
        self._sealed = b""

    def _seal(self) -> None:
        engine, pieces, room = self._engine, self._pieces, _AT_ONCE
        while pieces and room > 0:
            piece = pieces[0]
            taken = engine.seal(memoryview(piece)[:room])
            if not taken:
                break
            room -= taken
            self.size -= taken
            if taken < len(piece):
                pieces[0] = memoryview(piece)[taken:]
            else:
                pieces.popleft()
        self.collect()
