"""The receive buffer of a stream: pieces of bytes go in as they arrive, packets come out.

The packet type may change between any two packets; what the buffer holds is then looked at anew.
The work is linear in the number of bytes: incomplete packets are neither searched twice nor joined
piece by piece.
"""

from typing import Any, Final

import attrs

from ..._native import twin
from ...results import Error
from .results import HTTP_EOH, HttpRequest, HttpResponse, Packet
from .rules import RULES, InvalidPacket, Limits, PacketType, Rule

__all__ = ["Framing", "ReceiveBuffer"]

_NOTHING: Final = b""


@attrs.frozen
class Framing:
    """The options that divide a stream into packets.

    Attributes:
        packet: the packet type.
        packet_size: the most bytes of a packet; 0 is no limit.
        buffer: the most bytes of one raw packet, and of one line; a longer line comes in pieces.
        line_delimiter: the byte that ends a line.
    """

    packet: PacketType = 0
    packet_size: int = 0
    buffer: int = 9216
    line_delimiter: bytes = b"\n"


class ReceiveBuffer:
    """What was read from a stream and not yet taken, and the framing that applies to it.

    Example::

        buffer = ReceiveBuffer(Framing(packet=2))
        buffer.feed(b"\\x00\\x02hi\\x00")
        buffer.next()  # b"hi"
        buffer.next()  # None: incomplete
    """

    __slots__ = (
        "_always_headers",
        "_data",
        "_framing",
        "_in_headers",
        "_limits",
        "_rule",
        "_search",
        "_start",
        "_whole",
        "needed",
        "taken",
    )

    def __init__(self, framing: Framing | None = None) -> None:
        # Bytes before `_start` were taken, those before `_search` searched without finding an end.
        # When all was taken `_data` is empty and the three positions are 0.
        #
        # A whole piece is kept as it came, so that its packets are cut from it directly. Only what
        # is incomplete when the next piece comes is copied, into a bytearray, which grows at the
        # end and is cut in front without moving the rest.
        self._data: bytes | bytearray = _NOTHING
        self._start = self._search = 0
        self.needed = 0
        """The length of the next packet where it is known and the packet incomplete, else 0."""
        self._in_headers = False
        self.taken = 0
        """The bytes of the packet that was taken last, its header included."""
        self.framing = framing or Framing()

    @property
    def framing(self) -> Framing:
        """The framing; setting another one takes effect for all that was not yet taken."""
        return self._framing

    @framing.setter
    def framing(self, framing: Framing) -> None:
        self._framing = framing
        # With a packet_size a line is cut only when its end is there: the packets of a stream
        # must not depend on the pieces in which it arrives.
        self._limits = Limits(
            framing.packet_size,
            framing.buffer,
            framing.line_delimiter,
            cuts_early=not framing.packet_size,
        )
        self._restart(self._start)
        self._choose_rule()

    def __len__(self) -> int:
        """Return how many bytes were fed and not yet taken."""
        return len(self._data) - self._start

    @property
    def is_empty(self) -> bool:
        """True if all that was fed was taken."""
        return not self._data

    @property
    def missing(self) -> int:
        """The least number of bytes that must follow, after a `next()` that returned None."""
        return max(1, self.needed - len(self))

    def feed(self, piece: bytes) -> None:
        """Append bytes that were read."""
        data = self._data
        if not data:
            self._data = piece
            return
        start = self._start
        if isinstance(data, bytes):
            data = self._data = bytearray(memoryview(data)[start:])
        else:
            del data[:start]
        data += piece
        self._start = 0
        self._search -= start

    def pass_through(self, piece: bytes) -> Packet | None:
        """Do `feed(piece)` and `next()` at once, if `piece` is exactly the next packet.

        Returns:
            The packet; None if `piece` may be something else: nothing has been fed then.
        """
        if self._data or self._whole is None:
            return None
        packet = self._whole(piece, self._limits)
        if packet is not None:
            self.taken = len(piece)
        return packet

    def push_back(self, piece: bytes) -> None:
        """Put bytes in front of the buffer: they are taken next. Erlang's `gen_tcp:unrecv/2`."""
        self._data = piece + bytes(self._data[self._start :])
        self._restart(0)

    @twin
    def next(self) -> Packet | Error | None:
        """Take the next packet.

        Returns:
            The packet; None if it is not yet complete; `Error("emsgsize")` if the bytes cannot be
            a packet or are a longer one than allowed. After an error the buffer is unchanged.
        """
        data = self._data
        if not data:
            return None
        start = self._start
        size = len(data) - start
        if size < self.needed:
            return None
        if self._always_headers:
            self._in_headers = True  # also for a later http, until the headers have ended
        rule = self._rule
        try:
            length, self._search = rule.measure(data, start, self._search, self._limits)
        except InvalidPacket:
            return Error("emsgsize")
        if length is None:
            return None
        if length > size:
            self.needed = length
            return None
        if rule is _RAW:
            length = min(length, self._framing.buffer)
        packet = rule.decode(data, start, start + length)
        self.taken = length
        if length == size:
            self._data = _NOTHING
            self._start = self._search = self.needed = 0
        else:
            self._advance(start + length)
        if rule.in_headers is not None:
            self._follow(packet)
        return packet

    def take(self, length: int) -> bytes | None:
        """Take exactly `length` bytes, whatever the packet type; None if there are fewer."""
        end = self._start + length
        if end > len(self._data):
            return None
        taken = bytes(self._data[self._start : end])
        self.taken = length
        self._advance(end)
        return taken

    def take_all(self) -> bytes:
        """Take all bytes, whatever the packet type: what is left when the stream has ended."""
        taken = bytes(self._data[self._start :])
        self._advance(len(self._data))
        return taken

    def _advance(self, end: int) -> None:
        if end == len(self._data):
            self._data = _NOTHING
            self._restart(0)
        else:
            self._start = end
            self.needed = 0
            # The search for the end of a line may have gone beyond a piece that was cut off it.
            self._search = max(end, self._search)

    def _restart(self, start: int) -> None:
        self._start = self._search = start
        self.needed = 0

    def _follow(self, packet: Any) -> None:
        # A first line is followed by headers, the empty line by a first line. `http_error` changes
        # nothing. Other packet types in between do not either: a program may read the body raw.
        if isinstance(packet, HttpRequest | HttpResponse):
            self._in_headers = True
        elif packet == HTTP_EOH:
            self._in_headers = False
        self._choose_rule()

    def _choose_rule(self) -> None:
        packet = self._framing.packet
        rule = RULES[packet]
        self._always_headers = rule.in_headers == packet
        if rule.in_headers is not None and self._in_headers:
            rule = RULES[rule.in_headers]
        self._rule: Rule = rule
        self._whole = rule.whole


_RAW: Final = RULES["raw"]
