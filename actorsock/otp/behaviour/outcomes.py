"""What the callbacks of a `GenServer` return: what the server does next."""

from math import inf
from typing import Any, Final

import attrs

from ...arguments import check_seconds, shown

__all__ = ["NOTHING", "Continue", "Ignore", "NoReply", "Reply", "Stop"]

NOTHING: Final[Any] = attrs.make_class("Nothing", [])()
"""No value at all, not even None."""


@attrs.frozen
class Continue:
    """Call `handle_continue(term)` before any message is looked at; `{continue, Term}`."""

    term: Any = None


def _check_then(instance: object, attribute: Any, value: Any) -> None:
    if value is not None and type(value) is not Continue:
        raise TypeError(f"then: expected a Continue or None, got {shown(value)}")


def _check_timeout(instance: object, attribute: Any, value: float) -> None:
    if value is not inf:
        check_seconds("timeout", value)


@attrs.frozen
class NoReply:
    """Go on; Erlang's `{noreply, State}`, which is what None stands for as well.

    `then` is a `Continue`, done before any message. When no message comes for `timeout` seconds,
    `handle_info("timeout")` is called.
    """

    then: Continue | None = attrs.field(default=None, validator=_check_then)
    timeout: float = attrs.field(default=inf, validator=_check_timeout, kw_only=True)


@attrs.frozen(init=False)
class Reply:
    """Answer the call with `value` and go on; Erlang's `{reply, Value, State}`.

    `then` and `timeout` are as in `NoReply`.
    """

    value: Any
    then: Continue | None
    timeout: float

    def __init__(self, value: Any, then: Continue | None = None, *, timeout: float = inf) -> None:
        # Every answer is one: through their descriptors the fields are set without a detour.
        if then is not None:
            _check_then(self, None, then)
        if timeout is not inf:
            _check_timeout(self, None, timeout)
        _set_value(self, value)
        _set_then(self, then)
        _set_timeout(self, timeout)


# On the class these are the descriptors of its slots, which the type checker does not know.
_set_value: Final = Reply.value.__set__
_set_then: Final = Reply.then.__set__  # type: ignore[union-attr]
_set_timeout: Final = Reply.timeout.__set__  # type: ignore[attr-defined]


@attrs.frozen
class Stop:
    """End, with `reason`, after `terminate`; `{stop, Reason, State}`. `reply` answers the call."""

    reason: Any = "normal"
    reply: Any = NOTHING


@attrs.frozen
class Ignore:
    """From `init`: there is nothing to serve; `start` returns `Error("ignore")`."""
