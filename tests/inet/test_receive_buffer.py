"""The receive buffer: any cutting of a stream gives the same packets, in every type."""

from typing import Any, get_args

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actorsock import Error, Ok
from actorsock.inet.packets.data_forms import length_header, shaped
from actorsock.inet.packets.decoding import decode_packet
from actorsock.inet.packets.receive_buffer import Framing, ReceiveBuffer
from actorsock.inet.packets.rules import RULES, Limits, PacketType

_STREAMS = [
    b"\x05hello\x02hi\x00\x01",
    b"\x00\x05hello\x00\x00\x00\x02hi",
    b"\x00\x00\x00\x05hello\x80\x00\x00\x02hi\x00",
    b"one\r\ntwo\n\na line that is longer than the others\nend",
    b"\x30\x03\x02\x01\x05\x1f\x81\x82\x03\x02ok\x30\x80\x30\x82\x00\x02ok",
    b"GIOP\1\2\1\0\2\0\0\0okGIOP\1\2\0\0\0\0\0\2ok",
    b"\1\1\0\1\0\2\3\0okPAD\1\1\0\1\0\0\0\0\3\0\0\6ok\3\0\0\4",
    b"\x17\3\3\0\2ok\x80\4\1\3\1x\x16\3\1\0\0",
    b"GET / HTTP/1.1\r\nHost: a\r\n b\r\nX: y\r\n\r\nGET b HTTP/1.0\n\nx\nHTTP/1.1 200\r\nA: b\n\n",
]  # fmt: skip
_LIMITS: dict[str, Any] = {
    "packet_size": st.sampled_from([0, 0, 5, 40]),
    "buffer": st.sampled_from([3, 10, 9216]),
    "line_delimiter": st.sampled_from([b"\n", b"o"]),
}
_FRAMINGS = st.builds(Framing, packet=st.sampled_from(get_args(PacketType)), **_LIMITS)


@st.composite
def _pieces(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def _received(pieces: list[bytes], framing: Framing) -> list[Any]:
    """Return the packets, raw ones joined, and what is left; an error ends the stream."""
    buffer = ReceiveBuffer(framing)
    packets: list[Any] = []
    for piece in pieces:
        if piece:
            buffer.feed(piece)
        while (packet := buffer.next()) is not None:
            packets.append(packet)
            if isinstance(packet, Error):
                return packets
    if framing.packet in ("raw", 0):
        assert all(len(packet) <= framing.buffer for packet in packets)
        return [b"".join(packets)]
    return [*packets, buffer.take_all()]


@settings(deadline=None, max_examples=400)
@given(st.data(), st.sampled_from(_STREAMS) | st.binary(max_size=60), _FRAMINGS)
def test_any_cutting_gives_the_same_packets(data: Any, stream: bytes, framing: Framing) -> None:
    whole = _received([stream], framing)
    assert _received(data.draw(_pieces(stream)), framing) == whole
    assert _received([stream[i : i + 1] for i in range(len(stream))], framing) == whole


@settings(deadline=None, max_examples=400)
@given(st.data(), st.lists(st.tuples(_FRAMINGS, st.integers(0, 3)), min_size=1, max_size=6))
def test_any_cutting_gives_the_same_packets_across_changes_of_type(
    data: Any, changes: list[tuple[Framing, int]]
) -> None:
    # After so many packets the framing changes. A raw packet is whatever is there: exact lengths
    # are taken in its place.
    stream = b"".join(data.draw(st.lists(st.sampled_from(_STREAMS), min_size=1, max_size=3)))

    def received(pieces: list[bytes]) -> list[Any]:
        left = list(pieces)
        buffer = ReceiveBuffer()
        packets: list[Any] = []
        for framing, count in changes:
            buffer.framing = framing
            raw = framing.packet in ("raw", 0)
            for _ in range(count):
                while (packet := buffer.take(4) if raw else buffer.next()) is None:
                    if not left:
                        return [*packets, buffer.take_all()]
                    buffer.feed(left.pop(0))
                packets.append(packet)
                if isinstance(packet, Error):
                    break
        return [*packets, buffer.take_all() + b"".join(left)]

    assert received(data.draw(_pieces(stream))) == received([stream])


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(_STREAMS), _FRAMINGS.filter(lambda f: f.packet not in ("raw", 0)))
def test_the_first_packet_is_the_one_that_decode_packet_gives(
    stream: bytes, framing: Framing
) -> None:
    options: dict[str, Any] = {"packet_size": framing.packet_size, "line_length": framing.buffer}
    if framing.packet == "line":
        assume(not framing.packet_size)
        options["line_delimiter"] = framing.line_delimiter
    buffer = ReceiveBuffer(framing)
    buffer.feed(stream)
    match decode_packet(framing.packet, stream, **options):
        case Ok((packet, rest)):
            assert (buffer.next(), buffer.take_all()) == (packet, rest)
        case Error():
            assert buffer.next() == Error("emsgsize")
        case more:
            assert buffer.next() is None
            assert buffer.missing == max(1, (more.length or 0) - len(stream))


@settings(deadline=None, max_examples=200)
@given(st.data(), _FRAMINGS, st.sampled_from(_STREAMS))
def test_the_short_way_gives_what_the_long_one_does(
    data: st.DataObject, framing: Framing, stream: bytes
) -> None:
    short, long = ReceiveBuffer(framing), ReceiveBuffer(framing)
    for piece in filter(None, data.draw(_pieces(stream))):
        packet = short.pass_through(piece)
        if packet is None:
            short.feed(piece)
            packet = short.next()
        long.feed(piece)
        assert packet == long.next()
        assert packet is None or isinstance(packet, Error) or short.taken == long.taken
    assert short.is_empty == (len(short) == 0)
    assert short.take_all() == long.take_all()
    assert short.is_empty


@pytest.mark.parametrize(
    ("framing", "piece"),
    [
        (Framing(2), b"\0\2hi"),
        (Framing("line", packet_size=4), b"abc\n"),
        (Framing("line", line_delimiter=b";"), b";"),
        (Framing("raw", buffer=3), b"abc"),
    ],
)
def test_the_short_way_takes_a_piece_that_is_one_packet(framing: Framing, piece: bytes) -> None:
    assert ReceiveBuffer(framing).pass_through(piece) is not None
    longer = attrs.evolve(framing, packet_size=1, buffer=2)
    assert ReceiveBuffer(longer).pass_through(piece + piece) is None


def test_http_goes_on_with_headers_after_other_types() -> None:
    buffer = ReceiveBuffer(Framing("http_bin"))
    buffer.feed(b"GET / HTTP/1.0\nA: b\nrawC: d\n\nbody!GET / HTTP/1.0\n")
    kinds = [type(buffer.next()).__name__ for _ in range(2)]
    buffer.framing = Framing(0)
    assert buffer.take(3) == b"raw"
    buffer.framing = Framing("http_bin")
    kinds.append(type(buffer.next()).__name__)
    assert buffer.next() == "http_eoh"
    buffer.framing = Framing(0)
    assert buffer.take(5) == b"body!"
    buffer.framing = Framing("http_bin")
    kinds.append(type(buffer.next()).__name__)
    assert kinds == ["HttpRequest", "HttpHeader", "HttpHeader", "HttpRequest"]


def test_httph_reads_headers_and_leaves_a_first_line_to_follow_them() -> None:
    buffer = ReceiveBuffer(Framing("httph"))
    buffer.feed(b"A: b\n\nGET / HTTP/1.0\n")
    assert type(buffer.next()).__name__ == "HttpHeader"
    assert buffer.next() == "http_eoh"
    buffer.framing = Framing("http")
    assert type(buffer.next()).__name__ == "HttpRequest"


def test_an_incomplete_packet_is_looked_at_anew_when_the_type_changes() -> None:
    buffer = ReceiveBuffer(Framing(2))
    buffer.feed(b"\0\x09part")
    assert buffer.next() is None
    buffer.framing = Framing("raw")
    assert buffer.next() == b"\0\x09part"


def test_pushed_back_bytes_come_first() -> None:
    buffer = ReceiveBuffer(Framing(1))
    buffer.feed(b"\x02hi\x01")
    assert buffer.next() == b"hi"
    buffer.push_back(b"\x01a")
    assert (buffer.next(), buffer.next(), len(buffer)) == (b"a", None, 1)


@pytest.mark.parametrize(
    ("kind", "incomplete", "search"),
    [
        ("line", b"x" * 50, 50),
        ("http", b"GET /" + b"x" * 50, 55),
        ("httph", b"a: b" + b"\n c" * 50, 154),
        ("httph", b"a: b\n", 4),
        ("asn1", b"\x1f" + b"\x80" * 50, 51),
    ],
)
def test_no_byte_is_searched_twice(kind: Any, incomplete: bytes, search: int) -> None:
    # Only the byte that ends a header so far is looked at again, for what follows it.
    rule = RULES[kind]
    assert rule.measure(incomplete, 0, 0, Limits()) == (None, search)


def test_the_end_found_once_serves_all_pieces_of_a_cut_line() -> None:
    line = b"x" * 50 + b"\n"
    assert RULES["line"].measure(line, 0, 0, Limits(line_length=10, packet_size=60)) == (10, 50)


@pytest.mark.parametrize(
    ("head_size", "size", "header"),
    [
        (1, 5, b"\5"),
        (2, 258, b"\1\2"),
        (4, 0, b"\0\0\0\0"),
        (1, 256, b"\0"),
        (2, 65536, b"\0\0"),
    ],
)
def test_the_length_is_sent_in_front(head_size: int, size: int, header: bytes) -> None:
    assert length_header(head_size, size) == header


@pytest.mark.parametrize(
    ("mode", "header", "given"),
    [
        ("binary", 0, b"ab\xff"),
        ("binary", 2, (97, 98, b"\xff")),
        ("binary", 3, (97, 98, 255)),
        ("binary", 9, (97, 98, 255)),
        ("list", 0, "abÿ"),
        ("list", 2, "abÿ"),
    ],
)
def test_forms_of_data(mode: Any, header: int, given: object) -> None:
    assert shaped(b"ab\xff", mode, header) == given
    assert shaped("http_eoh", mode, header) == "http_eoh"
