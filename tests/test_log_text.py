"""The text of values in log records."""

import logging
from math import inf
from typing import Any

import attrs
import pytest

from actorsock import BadMatch, Error, Ok, Timeout, open_runtime, otp, spawn, trap_exit
from actorsock.log_text import text_of, text_with_data
from actorsock.otp import CallError, NextState, NoReply, Reply, StateTimeout, Stop


@attrs.frozen
class Packet:
    sender: str
    body: bytes


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("no text")


loop: list[Any] = []
loop.append(loop)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Error("econnrefused"), "Error('econnrefused')"),
        (Error("timeout", b"secret"), "Error('timeout', <6 bytes>)"),
        (Ok(), "Ok()"),
        (Reply(3), "Reply(3)"),
        (NoReply(timeout=5), "NoReply(timeout=5)"),
        (NoReply(timeout=inf), "NoReply()"),
        (NextState("on", StateTimeout(5)), "NextState('on', StateTimeout(5))"),
        (Stop(), "Stop()"),
        (Timeout(), "Timeout()"),
        (CallError("noproc", "till", b"secret"), "CallError('noproc', 'till', <6 bytes>)"),
        (BadMatch(Error("closed")), "BadMatch(Error('closed'))"),
        (ValueError("x", b"secret"), "ValueError('x', <6 bytes>)"),
        (ExceptionGroup("m", [KeyError("k")]), "ExceptionGroup('m', [KeyError('k')])"),
        (Packet("me", b"secret"), "Packet(sender='me', body=<6 bytes>)"),
        ((b"secret",), "(<6 bytes>,)"),
        ({"a": bytearray(b"secret")}, "{'a': <6 bytes>}"),
        (memoryview(b"secret"), "<6 bytes>"),
        ([*range(100)], "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        (loop, "[[[[[...]]]]]"),
        ("x" * 300, "'" + "x" * 200 + "'..."),
        (10**5000, "<int>"),
        (Hostile(), "<Hostile>"),
        ([Hostile()], "[<Hostile>]"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_the_text_of_a_value(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_text_has_a_bounded_length() -> None:
    assert len(text_of([["x" * 10**6] * 8] * 8)) == 400


def test_traces_show_bytes() -> None:
    assert text_with_data(("recv", b"data")) == "('recv', b'data')"
    assert text_with_data(bytes(10**6)).endswith("... (1000000 bytes)")


async def test_log_records_show_the_reason_and_no_bytes(caplog: pytest.LogCaptureFixture) -> None:
    class Listener(otp.GenServer):
        def init(self, reason: Any) -> Any:
            return Stop(reason)

    async def crash() -> None:
        raise ValueError(b"secret")

    caplog.set_level(logging.INFO)
    async with open_runtime():
        trap_exit(True)
        await otp.start_link(Listener, Error("econnrefused", b"secret"))
        spawn(crash)
        await otp.start(
            otp.Supervisor, [otp.ChildSpec("a", otp.start_link, (Listener, Error("closed")))]
        )
    text = "\n".join(caplog.messages)
    assert "stops: Error('econnrefused', <6 bytes>)" in text
    assert "crashed: ValueError(<6 bytes>)" in text
    assert "can't be started: Error('closed')" in text
    assert "secret" not in text
