"""The output queue: bytes leave in order, and the watermarks say when senders wait."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock.inet.rules.output_queue import OutputQueue


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9) | st.floats(0, 1), max_size=40), st.integers(0, 20))
def test_bytes_leave_in_order_and_the_watermarks_hold(steps: list[Any], high: int) -> None:
    low = high // 2
    queue, model, busy = OutputQueue(high, low), b"", False
    for step in steps:
        if isinstance(step, bytes):
            model += step
            busy = busy or len(model) >= high
            assert queue.append(step) is busy
        else:
            count = int(step * len(model))
            model = model[count:]
            assert queue.sent(count) is (busy and len(model) <= low)
            busy = busy and len(model) > low
        assert (b"".join(queue.head()), queue.busy) == (model, busy)
        assert len(queue) == queue.size == len(model)


def test_one_system_call_gets_a_bounded_number_of_pieces() -> None:
    queue = OutputQueue()
    queue.append(*[b"x"] * 200)
    assert len(queue.head()) == 64
    queue.sent(199)
    assert queue.head() == [b"x"]


@pytest.mark.parametrize("size", [8191, 8192, 1_000_000])
def test_a_send_is_queued_whole_and_makes_the_queue_busy(size: int) -> None:
    queue = OutputQueue()
    assert queue.append(bytes(size)) is (size >= 8192)
    assert queue.size == size
    queue.clear()
    assert (queue.size, queue.busy, queue.head()) == (0, False, [])


def test_a_queue_stays_busy_between_the_watermarks() -> None:
    queue = OutputQueue(high=10, low=2)
    assert queue.append(bytes(10))
    assert not queue.sent(5)
    assert queue.append(b"x")
    assert queue.sent(4)


def test_another_queue_goes_on_with_all_pieces() -> None:
    queue = OutputQueue()
    queue.append(b"a" * 9000, b"b")
    queue.sent(8999)
    assert list(map(bytes, queue.take_all())) == [b"a", b"b"]
    assert (len(queue), queue.busy) == (0, False)
