"""Frames: in any pieces, with fragments, cached atoms and ticks; what is no frame is refused."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.dist.terms import Atom, BadTerm, encode
from actorsock.dist.terms.reading import Reader
from actorsock.dist.wire.frames import LONGEST_FRAME, TICK, FrameReader, framed

CONTROL = (22, Atom("a"), Atom("b"))


def body(*terms: Any) -> bytes:
    return b"".join(encode(term)[1:] for term in terms)


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def read(data: bytes, size: int = 1 << 20) -> list[Any]:
    frames = FrameReader(Reader())
    found: list[Any] = []
    for start in range(0, len(data), size):
        found += frames.feed(data[start : start + size])
    return found


def fragments(control: Any, payload: Any, pieces: int, sequence: int = 9) -> list[bytes]:
    """A message as Erlang sends it in fragments; the control message is in the first."""
    head, data = body(control), body(payload)
    step = len(data) // pieces + 1
    parts = [data[start : start + step] for start in range(0, len(data), step)]
    found = []
    for number, part in enumerate(parts):
        left = len(parts) - number
        ids = sequence.to_bytes(8, "big") + left.to_bytes(8, "big")
        found.append(
            frame(b"\x83F" + ids + part if number else b"\x83E" + ids + b"\x00" + head + part)
        )
    return found


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_in_pieces(size: int) -> None:
    data = framed(body(CONTROL, [1, b"x" * 50])) + TICK + framed(body((1, 2, 3))) + TICK
    assert read(data, size) == [(CONTROL, [1, b"x" * 50], True), ((1, 2, 3), None, False)]


def test_fragments_between_other_frames() -> None:
    first, second = (fragments(CONTROL, bytes([n]) * 300, 4, n) for n in (1, 2))
    between = framed(body((5,)))
    data = b"".join(one + between + other for one, other in zip(first, second, strict=True))
    found = read(data)
    assert [one for one in found if one[0] != (5,)] == [
        (CONTROL, b"\x01" * 300, True), (CONTROL, b"\x02" * 300, True),
    ]  # fmt: skip
    assert len(found) == 6


def header(atoms: list[tuple[int, bytes | None]], long: bool = False) -> bytes:
    """A header that announces atoms, each with its place in the cache, and its text if new."""
    nibbles = [(place >> 8) | (8 if text is not None else 0) for place, text in atoms] + [int(long)]
    nibbles += [0] * (len(nibbles) % 2)
    flags = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    refs = b"".join(
        bytes((place & 255,))
        + (b"" if text is None else len(text).to_bytes(2 if long else 1, "big") + text)
        for place, text in atoms
    )
    return b"\x83D" + bytes((len(atoms),)) + flags[: len(atoms) // 2 + 1] + refs


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_atoms_are_announced_and_used_again(long: bool, count: int) -> None:
    names = [b"name%d" % number for number in range(count)]
    places = [number * 250 for number in range(count)]
    refs = b"h" + bytes((count,)) + b"".join(b"R" + bytes((n,)) for n in range(count))
    new = frame(header(list(zip(places, names, strict=True)), long) + refs)
    again = frame(header([(place, None) for place in places], long) + refs)
    atoms = tuple(Atom(name.decode()) for name in names)
    assert read(new + again) == [(atoms, None, False)] * 2


def test_an_atom_whose_place_is_taken_by_another_one() -> None:
    use = frame(header([(5, None), (6, None)]) + b"h\x02R\x00R\x01")
    first = frame(header([(5, b"one"), (6, b"two")]) + b"h\x02R\x00R\x01")
    other = frame(header([(6, b"three")]) + b"h\x01R\x00")
    found = [control for control, *_ in read(first + use + use + other + use)]
    assert found == [("one", "two")] * 3 + [("three",), ("one", "three")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((LONGEST_FRAME + 1).to_bytes(4, "big"), "a frame of 67108865 bytes"),
        (frame(b"p" + body((1,))), "no frame begins with"),
        (frame(b"\x83D"), "the header of a frame is wrong"),
        (frame(b"\x83D\x01"), "the header of a frame is wrong"),
        (frame(b"\x83D\x01\x00\x05a"), "the header of a frame is wrong"),
        (frame(header([(1, b"\xff")]) + b"a\x01"), "the header of a frame is wrong"),
        (frame(b"\x83D\x00"), "end in the middle"),
        (framed(body(1, 2, 3)), "follow the payload"),
        (frame(b"\x83E"), "a fragment is too short"),
        (frame(b"\x83F" + bytes(16)), "a fragment is missing"),
        (frame(b"\x83E" + bytes(16) + b"\x00"), "begins twice, or has none"),
        (fragments(CONTROL, bytes(99), 3)[0] * 2, "begins twice"),
        (fragments(CONTROL, bytes(99), 3)[0] + fragments(CONTROL, bytes(99), 3)[2], "is missing"),
    ],
    ids=range(13),
)
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadTerm, match=says):
        read(data)


def test_fragments_under_way_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actorsock.dist.wire.frames.LONGEST_FRAME", 1000)
    begun = b"".join(fragments(CONTROL, bytes(900), 2, number)[0] for number in range(3))
    with pytest.raises(BadTerm, match="fragments under way of more than 1000 bytes"):
        read(begun)


def test_empty_fragments_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actorsock.dist.wire.frames.LONGEST_FRAME", 2000)
    assert len(read(b"".join(fragments(CONTROL, bytes(99), 3)) * 9)) == 9
    ids = [(1).to_bytes(8, "big") + left.to_bytes(8, "big") for left in range(20, 0, -1)]
    empty = [frame(b"\x83E" + ids[0] + b"\x00"), *(frame(b"\x83F" + each) for each in ids[1:])]
    with pytest.raises(BadTerm, match="more than 2000 bytes"):
        read(b"".join(empty))


WHOLE = [
    framed(body(CONTROL, [1, {Atom("x"): 2}])),
    b"".join(fragments(CONTROL, bytes(50), 3)),
    frame(header([(5, b"abc"), (300, b"def")]) + b"h\x02R\x00R\x01"),
]


def test_mutants_raise_nothing_else() -> None:
    chance = random.Random(5)
    for _ in range(5000):
        data = bytearray(b"".join(chance.choices(WHOLE, k=3)))
        data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(data))
        except BadTerm:
            continue


@given(st.binary(max_size=40))
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    for start in (b"\x83D", b"\x83E", b"\x83F", b""):
        try:
            read(frame(start + data))
        except BadTerm:
            continue
