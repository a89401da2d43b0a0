"""The counters of a socket hold numbers of any size, and start again at 64 bits only when asked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock import ok, socket
from actorsock.socket.core.counters import COUNTERS, Counters

from ..support_data import local_pair

NAMES = st.sampled_from(COUNTERS)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**32 - 2, 2**32 - 1, 2**32]),
    st.sampled_from([2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**64 + 5, 2**70, -(2**63) - 1]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, st.sampled_from(["set", "add"]), NUMBERS), max_size=30))
def test_each_counter_is_a_number_of_its_own(steps: list[tuple[str, str, int]]) -> None:
    counters, expected = Counters(), dict.fromkeys(COUNTERS, 0)
    for name, step, number in steps:
        if step == "set":
            setattr(counters, name, number)
            expected[name] = number
        else:
            setattr(counters, name, getattr(counters, name) + number)
            expected[name] += number
        assert {name: getattr(counters, name) for name in COUNTERS} == expected
    wrapped = counters.wrap()
    assert wrapped == [name for name in COUNTERS if expected[name] >= 2**64]
    for name in wrapped:
        expected[name] %= 2**64
    assert {name: getattr(counters, name) for name in COUNTERS} == expected


@pytest.mark.parametrize("name", ["read_bytes", "__dict__"])
def test_there_are_no_other_counters(name: str) -> None:
    assert not hasattr(Counters(), name)
    with pytest.raises(AttributeError):
        setattr(Counters(), name, 1)


@pytest.mark.parametrize(
    "before", [0, 2**31 - 1, 2**32 - 2, 2**32 - 1, 2**63 - 5, 2**63 - 1, 2**64 - 2, 2**70]
)
async def test_what_passes_is_added_to_any_number(before: int, runtime: None) -> None:
    left, right = local_pair()
    for counters in (left._actor.counters, right._actor.counters):
        for name in COUNTERS[:12]:
            setattr(counters, name, before)
    ok(await socket.send(left, b"hello"))
    assert ok(await socket.recv(right)) == b"hello"
    sent, received = left._actor.counters, right._actor.counters
    assert (sent.write_byte, sent.write_pkg) == (before + 5, before + 1)
    assert sent.write_pkg_max == max(before, 5)
    assert (received.read_byte, received.read_pkg) == (before + 5, before + 1)
    assert received.read_pkg_max == max(before, 5)
    await socket.close(left)
    await socket.close(right)
