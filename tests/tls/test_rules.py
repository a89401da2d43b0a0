"""The life of a TLS connection as its messages and results show it."""

from typing import Any

import pytest

from actorsock import Error, Ok
from actorsock.inet.rules.stream_rules import CLOSE, CLOSED, PASSIVE, Failed
from actorsock.tls.engine.rules import TlsRules

ALERT = ("tls_alert", ("bad_record_mac", "text"))
CLOSED_ERROR = Error("closed")


def rules(mode: Any) -> TlsRules:
    made = TlsRules(established=True)
    made.mode.value = mode
    return made


def test_nothing_is_read_before_the_handshake_is_complete() -> None:
    made = TlsRules()
    assert not made.reads
    assert TlsRules().input_ended() == TlsRules().input_ended("closed")
    made.established = True
    assert made.reads


ENDS = {
    "active, end": (True, "closed", None, [CLOSED, CLOSE]),
    "once, end": ("once", "closed", None, [CLOSED, CLOSE]),
    "count, reset": (5, "econnreset", None, [CLOSED, CLOSE]),
    "active, alert": (True, ALERT, None, [Failed(ALERT), CLOSE]),
    "passive, end": (False, "closed", CLOSED_ERROR, [CLOSE]),
    "passive, reset": (False, "econnreset", CLOSED_ERROR, [CLOSE]),
    "passive, alert": (False, ALERT, Error(ALERT), [CLOSE]),
}


@pytest.mark.parametrize(("mode", "reason", "result", "decisions"), ENDS.values(), ids=ENDS)
def test_any_end_of_the_input_closes(
    mode: Any, reason: Any, result: Any, decisions: list[Any]
) -> None:
    made = rules(mode)
    assert made.input_ended(reason) == (result, decisions)
    assert made.stage == "closed"
    assert made.recv_asked() == made.send_asked() == made.call_asked() == CLOSED_ERROR
    assert made.set_active(True) == CLOSED_ERROR
    assert made.hand_over(True, True, False) == CLOSED_ERROR


@pytest.mark.parametrize("mode", [True, False])
def test_a_send_that_meets_the_end_closes(mode: bool) -> None:
    told = [CLOSED] * mode
    made = rules(mode)
    assert made.output_failed("econnreset") == (CLOSED_ERROR, [*told, CLOSE])
    assert made.stage == "closed"


def test_a_send_that_gives_up_closes_without_a_message() -> None:
    made = rules(True)
    made.send_gave_up()
    assert made.stage == "closed"


def test_modes_are_those_of_streams() -> None:
    made = rules(False)
    assert made.recv_asked() is None
    assert made.set_active(-1) == [PASSIVE]
    assert made.set_active(3) == []
    assert made.recv_asked() == Error("einval")
    assert made.set_active(2**15 - 1) == Error("einval")
    assert made.mode.value == 3


def test_any_process_may_give_the_socket_away() -> None:
    assert rules(True).hand_over(by_owner=False, alive=True, end_in_mailbox=True) == Ok(True)
