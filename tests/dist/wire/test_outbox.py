"""What goes out: in the order of each sender, large messages in pieces, names announced once."""

import random
from typing import Any

from actorsock.dist.terms import Atom, encode
from actorsock.dist.terms.reading import Reader
from actorsock.dist.wire.frames import FRAGMENT, AtomsSent, FrameReader
from actorsock.dist.wire.outbox import PASS, Outbox

OURS, THEIRS = "py@host", "beam@host"


def outbox(theirs: str = THEIRS) -> Outbox:
    return Outbox(AtomsSent(OURS, theirs))


def message(sender: Any, number: int, size: int = 10) -> bytearray:
    return bytearray(encode((sender, number))[1:] + encode(bytes(size))[1:])


SHORT = bytearray(b"h\x02R\x00R\x01")


class Receiver:
    def __init__(self) -> None:
        self.frames = FrameReader(Reader())
        self.got: list[Any] = []

    def take(self, box: Outbox) -> list[Any]:
        """What one pass brings."""
        new = list(self.frames.feed(b"".join(box.take())))
        self.got += new
        return [control for control, *_ in new]

    def take_all(self, box: Outbox) -> list[Any]:
        while box.size:
            self.take(box)
        return [control for control, *_ in self.got]


def test_small_messages_keep_their_order() -> None:
    box = outbox()
    for number in range(20_000):
        box.put(message(1, number), "a", False)
    assert box.size > PASS
    assert Receiver().take_all(box) == [(1, number) for number in range(20_000)]
    assert (box.size, box.take()) == (0, [])


def test_a_large_message_holds_up_only_its_own_sender() -> None:
    box, there = outbox(), Receiver()
    box.put(message(1, 1, 5 * FRAGMENT), "a", False)
    box.put(message(1, 2), "a", False)
    box.put(message(2, 1), "b", False)
    assert there.take(box) == [(2, 1)]
    box.put(message(2, 2), "b", False)
    assert there.take(box) == [(2, 2)]
    box.put(message(1, 3), "a", False)
    assert there.take_all(box) == [(2, 1), (2, 2), (1, 1), (1, 2), (1, 3)]
    assert len(there.got[2][1]) == 5 * FRAGMENT
    box.put(message(1, 4), "a", False)
    assert there.take(box) == [(1, 4)]


def test_many_large_messages_take_turns() -> None:
    box, there = outbox(), Receiver()
    for sender in range(20):
        box.put(message(sender, 0, 3 * FRAGMENT), sender, False)
    passes = 0
    while box.size:
        box.put(message(Atom("small"), passes), "small", False)
        assert (Atom("small"), passes) in there.take(box)
        passes += 1
    assert passes > 12
    large = [control for control, *_ in there.got if control[0] != "small"]
    assert large == [(sender, 0) for sender in range(20)]


def test_the_names_of_the_nodes_are_announced_once() -> None:
    for theirs in (THEIRS, "n" * 150 + "é" * 100 + "@h"):
        box, there = outbox(theirs), Receiver()
        box.put(message(1, 1), "a", False)
        sizes = []
        for _ in range(3):
            box.put(SHORT, "a", True)
            sizes.append(box.size)
            there.take(box)
        assert there.got[1:] == [((Atom(OURS), Atom(theirs)), None, False)] * 3
        assert sizes[1] == sizes[2] == 4 + 7 + len(SHORT)
        assert sizes[0] > sizes[1] + len(theirs)


def test_every_mixture_arrives() -> None:
    chance = random.Random(3)
    for _ in range(100):
        box, there, sent = outbox(), Receiver(), dict.fromkeys(range(4), 0)
        for _ in range(60):
            if chance.random() < 0.3:
                there.take(box)
            elif chance.random() < 0.1:
                box.put_tick()
            else:
                sender = chance.randrange(4)
                short = chance.random() < 0.5
                size = chance.choice((1, 100, FRAGMENT - 30, FRAGMENT, 3 * FRAGMENT))
                body = message(sender, sent[sender], size)
                if short:
                    body = bytearray(encode((sender, sent[sender]))[1:])
                    body += b"l\x00\x00\x00\x02R\x01" + encode(bytes(size))[1:] + b"j"
                box.put(body, sender, short)
                sent[sender] += 1
        there.take_all(box)
        for sender, count in sent.items():
            numbers = [control[1] for control, *_ in there.got if control[0] == sender]
            assert numbers == list(range(count))
        names = {payload[0] for _, payload, _ in there.got if type(payload) is list}
        assert names <= {THEIRS}
