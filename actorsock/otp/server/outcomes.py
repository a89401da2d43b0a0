"""The results of `GenServer` callbacks: what the server does next.

`Stop` and `Ignore`, which mean the same in every behaviour, are in `behaviour.lifecycle`.
"""

from math import inf
from typing import Any, Final

import attrs

from ..._native import twin
from ...arguments import check_seconds, shown

__all__ = ["Continue", "NoReply", "Reply"]


@attrs.frozen
class Continue:
    """Call `handle_continue(term)` before any message is handled. Erlang's `{continue, Term}`.

    A callback returns it by itself (it answers no call), or as the `then` of another result.

    Args:
        term: any value, for `handle_continue`.

    Example::

        def init(self, path):
            self.path = path
            return Continue("load")  # `start` returns now, and loading begins

        def handle_continue(self, term):
            self.data = load(self.path)
    """

    term: Any = None


def _check_then(instance: object, attribute: Any, value: Any) -> None:
    if value is not None and type(value) is not Continue:
        raise TypeError(f"then: expected a Continue or None, got {shown(value)}")


def _check_timeout(instance: object, attribute: Any, value: float) -> None:
    if value is not inf:
        check_seconds("timeout", value)


@attrs.frozen
class NoReply:
    """Wait for the next message. Erlang's `{noreply, State}`.

    None means the same, except as the result of `handle_call`, where a forgotten `return` would
    leave the caller without an answer. After `NoReply` from `handle_call` the call is answered
    later, with `reply`.

    Args:
        then: a `Continue`, for `handle_continue` before the next message (default: None). It
            replaces the time-out.
        timeout: seconds. If no message comes within them, `handle_info("timeout")` is called.
            `math.inf` (the default): wait for ever.

    Raises:
        TypeError: `then` is neither a `Continue` nor None, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.
    """

    then: Continue | None = attrs.field(default=None, validator=_check_then)
    timeout: float = attrs.field(default=inf, validator=_check_timeout, kw_only=True)


@attrs.frozen(init=False)
class Reply:
    """Answer the call and wait for the next message. Erlang's `{reply, Value, State}`.

    Only for `handle_call`.

    Args:
        value: the answer, any value.
        then: as in `NoReply`.
        timeout: as in `NoReply`.

    Raises:
        TypeError: `then` is neither a `Continue` nor None, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.
    """

    value: Any
    then: Continue | None
    timeout: float

    # Written by hand, because each answered call makes one: it checks only what differs from the
    # default, and writes through the slots' descriptors, faster than `object.__setattr__`.
    @twin
    def __init__(self, value: Any, then: Continue | None = None, *, timeout: float = inf) -> None:
        if then is not None:
            _check_then(self, None, then)
        if timeout is not inf:
            _check_timeout(self, None, timeout)
        _set_value(self, value)
        _set_then(self, then)
        _set_timeout(self, timeout)


# The type checker does not know that these are descriptors.
_set_value: Final = Reply.value.__set__
_set_then: Final = Reply.then.__set__  # type: ignore[union-attr]
_set_timeout: Final = Reply.timeout.__set__  # type: ignore[attr-defined]
