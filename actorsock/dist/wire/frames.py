"""Frames between nodes: their headers, fragments, cached atoms and ticks; no I/O.

A frame is four bytes of length, and a header with the atoms that it announces, a control message
and for many a payload. An empty frame is a tick. What is larger than a fragment may come in several
frames, between those of others.
"""

from collections.abc import Iterator
from struct import Struct, error
from typing import Any, Final

import attrs

from ..terms.reading import Reader
from ..terms.values import BadTerm

__all__ = ["FRAGMENT", "LONGEST_FRAME", "TICK", "AtomsSent", "FrameReader", "framed"]

FRAGMENT: Final = 64 * 1024
"""Bytes of the pieces in which a larger message goes out: as many as in Erlang."""

LONGEST_FRAME: Final = 64 * 1024 * 1024
"""Bytes of a frame, and of the memory that all fragments under way take."""

_OBJECTS: Final = 300
"""Bytes of memory that a fragment takes beside its own: it may be empty."""

TICK: Final = bytes(4)

_NO_ATOMS: Final = b"\x00"
_LENGTH: Final = Struct(">I")
_FRAGMENT: Final = Struct(">QQ")
_U16: Final = Struct(">H")


def framed(body: bytes | bytearray, atoms: bytes = _NO_ATOMS) -> bytes:
    """Return the frame with a control message, and its payload, as terms without version byte.

    `atoms` is what `AtomsSent` puts in front.
    """
    return b"".join((_LENGTH.pack(len(body) + len(atoms) + 2), b"\x83D", atoms, body))


class AtomsSent:
    """The atoms that one connection keeps for what this node sends: the names of the two nodes.

    They stand in every pid and ref, and so in every message. The first header in front of a
    message in the short form announces them, the later ones only name their places.

    Args:
        ours: the name of this node.
        theirs: the name of the other one.
    """

    def __init__(self, ours: str, theirs: str) -> None:
        names = ours.encode(), theirs.encode()
        long = max(map(len, names)) > 255
        size = 2 if long else 1
        texts = [len(name).to_bytes(size, "big") + name for name in names]
        # A count; four bits for each atom, 8 for a new one, and four for the size of lengths.
        self._header = bytes((2, 0x88, long, 0)) + texts[0] + b"\x01" + texts[1]
        self._used = False

    def header(self, short: bool) -> bytes:
        """Return what stands between the two bytes of a frame's header and the message."""
        if not short:
            return _NO_ATOMS
        self._used = True
        return self._header

    def sent(self) -> None:
        """Note that everything that has got a header goes out now."""
        if self._used:
            self._header = b"\x02\x00\x00\x00\x01"


@attrs.define
class _Parts:
    """A message whose fragments come."""

    atoms: tuple[Any, ...]
    left: int
    """The number of the fragment that came last; the last one of all has number 1."""
    pieces: list[bytes]
    size: int = 0
    """Bytes of memory that it takes so far."""


class FrameReader:
    """Takes bytes as they come, and yields the terms in them.

    Args:
        reader: reads the terms, and keeps the atoms.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._bytes = bytearray()
        self._wanted = 4
        """Bytes of the frame that has begun, or of its length."""
        self._atoms: dict[int, Any] = {}
        """The cache of atoms that the other node fills, by segment and index."""
        self._known: tuple[bytes, tuple[Any, ...]] = b"", ()
        """The last header without new atoms, from its count on, and its atoms: often the next."""
        self._parts: dict[int, _Parts] = {}
        self._waiting = 0
        """Bytes of memory that the fragments under way take."""

    def feed(self, data: bytes) -> Iterator[tuple[Any, Any, bool]]:
        """Yield each control message, its payload, and True if there is one.

        Ticks yield nothing. Raises `BadTerm` for what is no frame, or exceeds a limit.
        """
        if self._bytes:
            self._bytes += data
            if len(self._bytes) < self._wanted:
                return  # a long frame is put together once, and not with each piece of it
            data = bytes(self._bytes)
            self._bytes.clear()
        at, size = 0, len(data)
        self._wanted = 4
        while size - at >= 4:
            (length,) = _LENGTH.unpack_from(data, at)
            if length > LONGEST_FRAME:
                raise BadTerm(f"a frame of {length} bytes, more than {LONGEST_FRAME}")
            end = at + 4 + length
            if end > size:
                self._wanted = 4 + length
                break
            if length:
                frame = data[at + 4 : end]
                if frame[:2] == b"\x83D":
                    atoms, start = self._announced(frame, 2)
                    yield self._message(frame, start, atoms)
                else:
                    yield from self._fragment(frame)
            at = end
        self._bytes += data[at:]

    def _fragment(self, frame: bytes) -> Iterator[tuple[Any, Any, bool]]:
        match frame[:2]:
            case b"\x83E":
                self._begin_parts(frame)
                yield from self._finished(frame)
            case b"\x83F":
                self._add_part(frame)
                yield from self._finished(frame)
            case other:
                raise BadTerm(f"no frame begins with {other!r}")

    def _message(self, body: bytes, at: int, atoms: tuple[Any, ...]) -> tuple[Any, Any, bool]:
        reader = self._reader
        reader.cached = atoms
        control, at = reader.term(body, at)
        if at == len(body):
            return control, None, False
        payload, at = reader.term(body, at)
        if at != len(body):
            raise BadTerm(f"{len(body) - at} bytes follow the payload of a message")
        return control, payload, True

    def _announced(self, frame: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        """Return the atoms that the header of a frame announces, and where it ends."""
        header, known = self._known
        if known and frame.startswith(header, at):
            return known, at + len(header)
        try:
            count = frame[at]
            if not count:
                return (), at + 1
            start, new = at, False
            flags = frame[at + 1 : at + 2 + count // 2]
            at += 2 + count // 2
            long = _nibble(flags, count) & 1
            atoms = []
            for number in range(count):
                nibble = _nibble(flags, number)
                place = (nibble & 7) << 8 | frame[at]
                at += 1
                if nibble & 8:
                    new = True
                    length = _U16.unpack_from(frame, at)[0] if long else frame[at]
                    at += 2 if long else 1
                    if at + length > len(frame):
                        raise IndexError
                    self._atoms[place] = self._reader.atom(frame[at : at + length])
                    at += length
                atoms.append(self._atoms[place])
        except (IndexError, KeyError, ValueError, error) as exc:
            raise BadTerm(f"the header of a frame is wrong: {exc!r}") from None
        self._known = (b"", ()) if new else (frame[start:at], tuple(atoms))
        return tuple(atoms), at

    def _begin_parts(self, frame: bytes) -> None:
        sequence, left = _numbers(frame)
        if sequence in self._parts or not left:
            raise BadTerm("a message in fragments begins twice, or has none")
        atoms, at = self._announced(frame, 2 + _FRAGMENT.size)
        self._parts[sequence] = parts = _Parts(atoms, left, [])
        self._keep(parts, frame[at:], 8 * len(atoms))

    def _add_part(self, frame: bytes) -> None:
        sequence, left = _numbers(frame)
        parts = self._parts.get(sequence)
        if parts is None or left != parts.left - 1:
            raise BadTerm("a fragment is missing")
        parts.left = left
        self._keep(parts, frame[2 + _FRAGMENT.size :])

    def _keep(self, parts: _Parts, piece: bytes, more: int = 0) -> None:
        size = len(piece) + more + _OBJECTS
        parts.size += size
        self._waiting += size
        if self._waiting > LONGEST_FRAME:
            raise BadTerm(f"fragments under way of more than {LONGEST_FRAME} bytes")
        parts.pieces.append(piece)

    def _finished(self, frame: bytes) -> Iterator[tuple[Any, Any, bool]]:
        sequence, left = _numbers(frame)
        if left == 1:
            parts = self._parts.pop(sequence)
            self._waiting -= parts.size
            yield self._message(b"".join(parts.pieces), 0, parts.atoms)


def _numbers(frame: bytes) -> tuple[int, int]:
    if len(frame) < 2 + _FRAGMENT.size:
        raise BadTerm("a fragment is too short")
    return _FRAGMENT.unpack_from(frame, 2)


def _nibble(flags: bytes, number: int) -> int:
    return flags[number // 2] >> 4 * (number % 2) & 15
