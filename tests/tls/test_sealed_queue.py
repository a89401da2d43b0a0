"""The queue of TLS: however the kernel takes the bytes, the peer has all of them in order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock.tls.engine.sealed_queue import SealedQueue

from .engines import connected

data = st.binary(min_size=1, max_size=50) | st.just(bytes(100_000))


@settings(max_examples=60)
@given(st.lists(st.tuples(data, st.lists(st.integers(1, 90_000), max_size=4)), max_size=6))
def test_the_peer_has_all_bytes_in_order(steps: list[tuple[bytes, list[int]]]) -> None:
    client, server = connected()
    queue = SealedQueue(client)
    got = b""

    def sends(most: int) -> bool:
        nonlocal got
        pieces = queue.head()
        assert queue.head() == pieces
        taken = b"".join(pieces)[:most]
        queue.sent(len(taken))
        got += server.open(taken)
        return bool(taken)

    for piece, takes in steps:
        queue.append(piece)
        for most in takes:
            sends(most)
    while sends(70_000):
        pass
    assert got == b"".join(piece for piece, _ in steps)
    assert (len(queue), queue.busy, queue.is_sealed) == (0, False, True)


def test_it_is_busy_by_its_size_and_encrypts_little_at_a_time() -> None:
    client, _ = connected()
    queue = SealedQueue(client, high=1000, low=100)
    assert queue.append(bytes(1_000_000))
    (piece,) = queue.head()
    assert 65_536 < len(piece) < 70_000
    assert not queue.is_sealed
    assert not queue.sent(len(piece) - 1)
    assert len(queue.head()[0]) > 65_536  # the byte that is left leaves together with more
    freed = [queue.sent(len(pieces[0])) for pieces in iter(queue.head, [])]
    assert (freed.count(True), queue.busy) == (1, False)
    for _ in range(1000):
        queue.append(bytes(1000))
    assert len(queue.head()[0]) < 100_000
    queue.clear()
    assert (queue.head(), len(queue)) == ([], 0)


def test_messages_of_the_engine_take_their_place() -> None:
    client, server = connected()
    queue = SealedQueue(client)
    queue.append_sealed(b"in clear")
    queue.append(b"data")
    (piece,) = queue.head()
    assert piece[:8] == b"in clear"
    assert server.open(bytes(piece[8:])) == b"data"
    queue.sent(len(queue))
    client.announce_end()
    assert queue.collect()
    assert not queue.collect()
    server.open(b"".join(queue.take_all()))
    assert server.end == "close_notify"
    assert (queue.head(), len(queue)) == ([], 0)


def test_nothing_is_sent_while_the_peer_has_another_handshake_under_way() -> None:
    client, _ = connected()
    queue = SealedQueue(client)
    real: Any = client.seal
    taken: list[int] = []

    class Reluctant:
        has_outgoing = False

        def seal(self, piece: Any) -> int:
            taken.append(len(piece))
            return 0

    queue._engine = Reluctant()  # type: ignore[assignment]
    queue.append(b"data")
    assert queue.head() == []
    assert (len(queue), taken) == (4, [4])
    queue._engine = client
    assert real is not None
    assert queue.head()
