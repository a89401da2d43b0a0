"""Driving the rules of a behaviour event by event, without a process."""

from typing import Any

import attrs

from actorsock import Pid, make_ref
from actorsock.otp.behaviour.effects import Invoke, Returned, Step
from actorsock.otp.calls.protocol import Begin, Call, Caller

__all__ = ["CALL", "CALLER", "PARENT", "STARTER", "Rules", "crash_by", "in_init"]

PARENT = Pid()
STARTER = make_ref()
CALLER = Caller(Pid(), make_ref())
CALL = Call(CALLER, "a request")


@attrs.define
class Rules:
    """The rules of one behaviour, and what they have come to."""

    step: Step
    state: Any

    def hears(self, event: Any) -> tuple[Any, ...]:
        """Give the rules a message or another event; return the effects."""
        self.state, effects = self.step(self.state, event)
        return effects

    def returns(self, value: Any) -> tuple[Any, ...]:
        """Let the callback that runs return `value`."""
        return self.hears(Returned(value))


def in_init(step: Step, fresh: Any) -> Rules:
    """Return the rules of a process in `init`, which was called with 1 and 2."""
    rules = Rules(step, fresh)
    assert rules.hears(Begin(PARENT, STARTER, (1, 2))) == (Invoke("init", (1, 2)),)
    return rules


def crash_by(rules: Rules, result: Any) -> str:
    """Let a callback return `result`, which must be a crash; return its text."""
    *_, last = rules.returns(result)
    if type(last) is Invoke:
        assert last.callback == "terminate"
        [last] = rules.returns(None)
    assert type(last.crash) is TypeError
    assert last.reason is last.crash
    return str(last.crash)
