"""Active mode and the life of a stream, as pure rules."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actorsock import Error, Ok
from actorsock.inet.rules.active_mode import Active, ActiveMode, is_active_value
from actorsock.inet.rules.messages import Tcp, Udp, moves_with_udp
from actorsock.inet.rules.stream_rules import CLOSE, CLOSED, PASSIVE, Failed, StreamRules


@pytest.mark.parametrize(
    ("before", "value", "after", "passive"),
    [
        (False, "once", "once", False),
        (False, 5, 5, False),
        (False, 0, False, True),
        (False, -1, False, True),
        (True, 3, 3, False),
        (True, 0, False, True),
        ("once", -5, False, True),
        (3, 4, 7, False),
        (3, 0, 3, False),
        (3, -1, 2, False),
        (3, -3, False, True),
        (3, -32768, False, True),
        (3, True, True, False),
        (3, False, False, False),
        (3, "once", "once", False),
        (32766, 1, 32767, False),
        (32767, 1, 32767, Error("einval")),
    ],
)
def test_changes_of_the_mode(before: Active, value: Active, after: Active, passive: Any) -> None:
    mode = ActiveMode(before)
    assert mode.change(value) == passive
    assert (mode.value, type(mode.value)) == (after, type(after))


@pytest.mark.parametrize(
    ("before", "after", "passive"),
    [(True, True, False), ("once", False, False), (2, 1, False), (1, False, True)],
)
def test_a_message_counts(before: Active, after: Active, passive: bool) -> None:
    mode = ActiveMode(before)
    assert mode.delivered() is passive
    assert mode.value is after or mode.value == after


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        *[(value, True) for value in (True, False, "once", 0, 32767, -32768)],
        *[(value, False) for value in (32768, -32769, 1.0, "twice", None, b"once")],
    ],
)
def test_values_of_the_option_active(value: object, accepted: bool) -> None:
    assert is_active_value(value) is accepted


@settings(deadline=None)
@given(st.lists(st.integers(-40, 40) | st.just("message"), max_size=40))
def test_a_count_says_passive_each_time_it_comes_to_0(steps: list[Any]) -> None:
    mode, left = ActiveMode(False), 0
    for step in steps:
        if step != "message":
            left = max(0, left + step)
            assert mode.change(step) is (left == 0)
        elif left:
            left -= 1
            assert mode.delivered() is (left == 0)
        assert mode.value == (left or False)


def _rules(active: Active, **options: Any) -> StreamRules:
    return StreamRules(ActiveMode(active), **options)


KEPT = {"exit_on_close": False}
SHOWN = {"show_econnreset": True}


@pytest.mark.parametrize(
    ("active", "options", "reason", "result", "decisions", "stage"),
    [
        (True, {}, "closed", None, [CLOSED, CLOSE], "closed"),
        ("once", {}, "closed", None, [CLOSED, CLOSE], "closed"),
        (3, {}, "econnreset", None, [CLOSED, CLOSE], "closed"),
        (3, SHOWN, "econnreset", None, [Failed("econnreset"), CLOSED, CLOSE], "closed"),
        (3, {}, "emsgsize", None, [Failed("emsgsize"), CLOSED, CLOSE], "closed"),
        (True, KEPT, "closed", None, [CLOSED], "ended"),
        (True, KEPT, "emsgsize", None, [Failed("emsgsize"), CLOSED], "open"),
        (False, {}, "closed", Error("closed"), [], "dead"),
        (False, {}, "econnreset", Error("closed"), [], "dead"),
        (False, SHOWN, "econnreset", Error("econnreset"), [], "dead"),
        (False, {}, "emsgsize", Error("emsgsize"), [], "dead"),
        (False, KEPT, "closed", Error("closed"), [], "ended"),
        (False, KEPT, "emsgsize", Error("emsgsize"), [], "open"),
    ],
)
def test_the_input_ends(
    active: Active, options: Any, reason: str, result: Any, decisions: Any, stage: str
) -> None:
    rules = _rules(active, **options)
    assert rules.input_ended(reason) == (result, decisions)
    assert rules.stage == stage
    assert rules.reads is (stage == "open" and active is not False)


@pytest.mark.parametrize(
    ("active", "options", "reason", "result", "decisions", "stage"),
    [
        (False, {}, "closed", "closed", [], "dead"),
        (False, SHOWN, "econnreset", "econnreset", [], "dead"),
        (True, {}, "closed", "closed", [CLOSED, CLOSE], "closed"),
        (True, {}, "econnreset", "closed", [CLOSED, CLOSE], "closed"),
        (True, SHOWN, "econnreset", "econnreset", [Failed("econnreset"), CLOSED, CLOSE], "closed"),
        (True, KEPT, "closed", "closed", [CLOSED], "dead"),
        (False, KEPT, "closed", "closed", [], "dead"),
    ],
)
def test_a_send_meets_the_loss(
    active: Active, options: Any, reason: str, result: str, decisions: Any, stage: str
) -> None:
    rules = _rules(active, **options)
    assert rules.output_failed(reason) == (Error(result), decisions)
    assert rules.stage == stage


@pytest.mark.parametrize(
    ("options", "lose", "receives", "sends"),
    [
        ({}, lambda r: r.input_ended(), ["enotconn"] * 2, ["closed", "enotconn"]),
        (SHOWN, lambda r: r.input_ended("econnreset"), ["enotconn"] * 2, ["enotconn"] * 2),
        ({}, lambda r: r.input_ended("emsgsize"), ["enotconn"] * 2, ["enotconn"] * 2),
        ({}, lambda r: r.output_failed("closed"), ["closed", "enotconn"], ["enotconn"] * 2),
        (
            SHOWN,
            lambda r: r.output_failed("econnreset"),
            ["econnreset", "enotconn"],
            ["enotconn"] * 2,
        ),
        ({}, lambda r: r.send_gave_up(), ["enotconn"] * 2, ["enotconn"] * 2),
    ],
    ids=["end", "reset", "bad packet", "send", "send and reset", "send_timeout_close"],
)
def test_the_other_direction_of_a_dead_socket_reports_once(
    options: Any, lose: Any, receives: list[str], sends: list[str]
) -> None:
    rules = _rules(False, **options)
    lose(rules)
    assert [rules.recv_asked() for _ in receives] == [Error(reason) for reason in receives]
    assert [rules.send_asked() for _ in sends] == [Error(reason) for reason in sends]
    assert rules.call_asked() == Error("enotconn")
    assert rules.hand_over(by_owner=True, alive=True, end_in_mailbox=False) == Ok(True)
    assert rules.set_active(0) == [PASSIVE]
    assert rules.set_active("once") == [CLOSED, CLOSE]
    assert (rules.recv_asked(), rules.send_asked()) == (Error("closed"), Error("closed"))
    assert (rules.call_asked(), rules.set_active(True)) == (Error("closed"), Error("einval"))


def test_an_ended_stream_that_is_kept_tells_its_end_once() -> None:
    rules = _rules(False, **KEPT)
    rules.input_ended()
    assert [rules.recv_asked(), rules.recv_asked()] == [Error("closed")] * 2
    assert rules.send_asked() is None
    assert rules.set_active(True) == [CLOSED]
    assert rules.recv_asked() == Error("einval")
    assert rules.set_active("once") == []
    assert rules.output_failed("closed") == (Error("closed"), [])
    assert [rules.send_asked(), rules.send_asked()] == [Error("closed"), Error("enotconn")]
    assert rules.recv_asked() == Error("enotconn")


def test_a_kept_passive_stream_reports_the_loss_that_a_send_met_to_recv_too() -> None:
    rules = _rules(False, **KEPT, **SHOWN)
    assert rules.input_ended("econnreset") == (Error("econnreset"), [])
    assert rules.output_failed("econnreset") == (Error("econnreset"), [])
    assert rules.send_asked() == Error("enotconn")
    assert [rules.recv_asked(), rules.recv_asked()] == [Error("econnreset"), Error("enotconn")]
    assert rules.set_active(True) == [CLOSED]
    assert rules.set_active("once") == []


def test_an_active_mode_is_told_a_reset_that_a_send_has_met() -> None:
    rules = _rules(False, **SHOWN)
    rules.output_failed("econnreset")
    assert rules.set_active("once") == [Failed("econnreset"), CLOSED, CLOSE]


def test_a_recv_is_told_a_loss_in_place_of_the_next_send() -> None:
    rules = _rules(False, **KEPT)
    rules.input_ended()
    assert rules.output_failed("closed") == (Error("closed"), [])
    assert rules.recv_asked() == Error("closed")
    assert rules.send_asked() == Error("enotconn")


def test_a_late_reset_is_shown_after_the_end() -> None:
    rules = _rules(True, **KEPT, **SHOWN)
    assert rules.input_ended() == (None, [CLOSED])
    assert rules.output_failed("econnreset") == (Error("econnreset"), [Failed("econnreset")])
    assert rules.send_asked() == Error("enotconn")


@pytest.mark.parametrize(
    ("asked", "result", "mode"),
    [
        ({}, Ok(True), True),
        ({"by_owner": False}, Error("not_owner"), True),
        ({"alive": False}, Error("badarg"), False),
        ({"end_in_mailbox": True}, Ok(False), False),
    ],
)
def test_the_owner_changes(asked: dict[str, bool], result: object, mode: bool) -> None:
    rules = _rules(True)
    facts = {"by_owner": True, "alive": True, "end_in_mailbox": False} | asked
    assert rules.hand_over(**facts) == result
    assert rules.mode.value is mode
    rules.closed()
    assert rules.hand_over(**facts) == Error("closed")


def test_datagrams_with_ancillary_data_stay_with_the_old_owner() -> None:
    datagram = Udp("socket", "127.0.0.1", 9, b"x")
    assert moves_with_udp(datagram)
    assert not moves_with_udp(attrs.evolve(datagram, ancillary=(("ttl", 64),)))
    assert not moves_with_udp(Tcp("socket", b"x"))


class AnyLife(RuleBasedStateMachine):
    """Whatever happens in whatever order: what holds for every stream."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = _rules(False)
        self.told: list[Any] = []
        self.goes_on = False

    @rule(kept=st.booleans(), shown=st.booleans())
    def set_options(self, kept: bool, shown: bool) -> None:
        self.rules.exit_on_close, self.rules.show_econnreset = not kept, shown

    @rule(value=st.sampled_from([True, False, "once", 0, 1, 2, -1, 32767]))
    def set_active(self, value: Active) -> None:
        decisions = self.rules.set_active(value)
        self.told += [] if isinstance(decisions, Error) else decisions

    @precondition(lambda self: self.rules.reads)
    @rule()
    def a_packet_comes(self) -> None:
        self.told += ["data", *([PASSIVE] if self.rules.mode.delivered() else [])]

    @precondition(lambda self: self.rules.reads or not self.rules.recv_asked())
    @rule(reason=st.sampled_from(["closed", "econnreset", "emsgsize"]))
    def the_input_ends(self, reason: str) -> None:
        result, decisions = self.rules.input_ended(reason)
        self.goes_on |= reason == "emsgsize" and self.rules.stage == "open"
        assert (result is None) is (self.rules.mode.value is not False)
        self.told += decisions

    @precondition(lambda self: self.rules.stage in ("open", "ended"))
    @rule(reason=st.sampled_from(["closed", "econnreset"]))
    def a_send_fails(self, reason: str) -> None:
        self.told += self.rules.output_failed(reason)[1]

    @invariant()
    def the_end_is_told_once_and_no_data_follows(self) -> None:
        assert self.told.count(CLOSED) <= 1
        if CLOSED in self.told and not self.goes_on:
            after = self.told[self.told.index(CLOSED) :]
            assert "data" not in after

    @invariant()
    def closing_is_decided_when_the_stage_says_so(self) -> None:
        assert (CLOSE in self.told) is (self.rules.stage == "closed")
        assert self.told.count(CLOSE) <= 1


AnyLife.TestCase.settings = settings(deadline=None, max_examples=100)
TestAnyLife = AnyLife.TestCase
