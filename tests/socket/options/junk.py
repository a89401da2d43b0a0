"""Values of any type, for functions that must accept or refuse whatever they are given."""

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st

from actorsock.socket.options import Linger, Membership, SctpRtoInfo, TimeVal

__all__ = ["IN6_ADDRS", "IN_ADDRS", "JUNK", "outcome"]

IN_ADDRS = st.ip_addresses(v=4)
IN6_ADDRS = st.ip_addresses(v=6)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-5, 300)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | IN_ADDRS
    | IN6_ADDRS
    | st.sampled_from(["abort", "default", "any", "loopback", "want", "lowdelay", "inet"])
    | st.sampled_from([Linger(True, 1), TimeVal(1, 2), Membership("any", "any"), object(), int])
)
_KEYS = st.sampled_from(
    sorted(
        {"onoff", "linger", "sec", "usec", "multiaddr", "interface", "sourceaddr", "mode", "slist"}
        | {field.name for field in attrs.fields(SctpRtoInfo)}
    )
)
JUNK = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=9).map(tuple)
        | st.dictionaries(_KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=8,
)


def outcome(function: Callable[[Any], Any], value: object) -> tuple[Any, str | None]:
    """Return the result, or the text of a `TypeError` or `ValueError`; one of the two is None."""
    try:
        return function(value), None
    except (TypeError, ValueError) as problem:
        return None, str(problem)
