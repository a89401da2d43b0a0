"""What waits to go out over one connection, and in which order; no I/O.

Small messages go out in the order in which they come. A message larger than a fragment goes out in
fragments, one in each pass, between the messages of others: so it holds up only what its own
sender sends after it, which must not overtake it.
"""

from collections import deque
from struct import Struct
from typing import Any, Final

from .frames import FRAGMENT, TICK, AtomsSent, framed

__all__ = ["PASS", "Outbox"]

PASS: Final = 4 * FRAGMENT
"""Bytes that one pass takes, about: what comes later waits for one such system call."""

_HEAD: Final = Struct(">I2sQQ")
_IDS: Final = 18
"""Bytes of a fragment in front of its atoms and its data."""


class _Large:
    """A message that goes out in fragments."""

    __slots__ = ("at", "body", "left", "sequence", "short")

    def __init__(self, body: bytes, sequence: int, short: bool) -> None:
        self.body = body
        self.sequence = sequence
        self.short = short
        self.left = -(-len(body) // FRAGMENT)
        """The number of the next fragment; the last one of all has number 1."""
        self.at = 0


class Outbox:
    """The messages for one connection.

    Args:
        atoms: what stands in front of messages in the short form.
    """

    def __init__(self, atoms: AtomsSent) -> None:
        self._atoms = atoms
        self.size = 0
        """Bytes that wait."""
        self._ready: deque[bytes] = deque()
        self._lanes: dict[Any, deque[_Large | tuple[bytearray, bool]]] = {}
        """The large messages, each with what its sender has sent since, by the sender."""
        self._messages = 0

    def put(self, body: bytearray, sender: Any, short: bool) -> None:
        """Add a message: a control message and its payload, as terms without version byte.

        Args:
            body: the message.
            sender: what its order is kept with: any object that can be a key.
            short: True if `body` is in the short form: see `AtomsSent`.
        """
        if len(body) > FRAGMENT:
            self._messages += 1
            self.size += len(body)
            large = _Large(bytes(body), self._messages, short)
            self._lanes.setdefault(sender, deque()).append(large)
            return
        if self._lanes and sender in self._lanes:
            self.size += len(body)
            self._lanes[sender].append((body, short))
            return
        frame = framed(body, self._atoms.header(short))
        self.size += len(frame)
        self._ready.append(frame)

    def put_tick(self) -> None:
        """Add an empty frame."""
        self.size += len(TICK)
        self._ready.append(TICK)

    def take(self) -> list[bytes]:
        """Remove and return the bytes of one pass; an empty list if nothing waits."""
        taken: list[bytes] = []
        size, ready = 0, self._ready
        while ready and size < PASS:
            frame = ready.popleft()
            size += len(frame)
            taken.append(frame)
        self.size -= size
        for sender in list(self._lanes):
            size += self._take_from(sender, taken)
            if size >= PASS:
                break
        if not ready:
            self._atoms.sent()  # whatever has got a header is in this pass, or in one before
        return taken

    def _take_from(self, sender: Any, taken: list[bytes]) -> int:
        """Take one fragment of a sender, and the small messages that follow a last one."""
        lane = self._lanes.pop(sender)
        before = self.size
        if isinstance(large := lane[0], _Large):
            piece = large.body[large.at : large.at + FRAGMENT]
            taken.append(self._fragment(large, piece))
            self.size -= len(piece)
            large.at += len(piece)
            large.left -= 1
            if not large.left:
                lane.popleft()
        while lane and isinstance(small := lane[0], tuple):
            body, short = small
            taken.append(framed(body, self._atoms.header(short)))
            self.size -= len(body)
            lane.popleft()
        if lane:
            self._lanes[sender] = lane  # behind the others
        return before - self.size

    def _fragment(self, large: _Large, piece: bytes) -> bytes:
        if large.at:
            size = _IDS + len(piece)
            return _HEAD.pack(size, b"\x83F", large.sequence, large.left) + piece
        atoms = self._atoms.header(large.short)
        size = _IDS + len(atoms) + len(piece)
        head = _HEAD.pack(size, b"\x83E", large.sequence, large.left)
        return b"".join((head, atoms, piece))
