"""The handshake as two machines: who gets in, and what each is told otherwise."""

from typing import Any

import pytest

from actorsock.dist.wire.flags import MANDATORY_OF_25, REQUIRED, Flag, missing, offered
from actorsock.dist.wire.handshake import Accepting, Connecting, HandshakeError, Self, digest


def myself(name: str, **more: Any) -> Self:
    usual = {"creation": 7, "flags": offered(True), "cookie": "secret", "challenge": lambda: 12345}
    return Self(name, **usual | more)


def meet(
    connecting: Self, accepting: Self, status: str = "ok", asked: str = "b@h", insist: bool = True
) -> tuple[Connecting, Accepting]:
    """Pass messages between the two until neither has more to say."""
    one = Connecting(connecting, asked, lambda: insist)
    other = Accepting(accepting, lambda name: status)  # type: ignore[arg-type, return-value]
    to_other, to_one = one.begin(), []
    while to_other or to_one:
        for message in to_other:
            to_one += other.receive(message)
        to_other = []
        for message in to_one:
            to_other += one.receive(message)
        to_one = []
    return one, other


@pytest.mark.parametrize("status", ["ok", "ok_simultaneous", "alive"])
def test_two_nodes_that_share_a_cookie(status: str) -> None:
    one, other = meet(myself("a@h", creation=1), myself("b@h", creation=2), status)
    assert one.agreed is not None
    assert other.agreed is not None
    assert (one.agreed.name, one.agreed.creation) == ("b@h", 2)
    assert (other.agreed.name, other.agreed.creation) == ("a@h", 1)
    assert one.agreed.hidden
    with pytest.raises(HandshakeError, match="follows the handshake's last one"):
        one.receive(b"more")


def test_a_visible_node_says_so() -> None:
    one, other = meet(myself("a@h", flags=offered(False)), myself("b@h"))
    assert not other.agreed.hidden
    assert one.agreed.hidden


@pytest.mark.parametrize(
    ("connecting", "accepting", "more", "says"),
    [
        (myself("a@h", cookie="x"), myself("b@h"), {}, "a@h has another cookie"),
        (myself("a@h"), myself("c@h"), {}, "the node there is c@h, not b@h"),
        (myself("a@h"), myself("b@h"), {"status": "nok"}, "nok for a@h"),
        (myself("a@h"), myself("b@h"), {"status": "not_allowed"}, "not_allowed for a@h"),
        (myself("a@h"), myself("b@h"), {"status": "alive", "insist": False}, "connection with us"),
        (myself("anonymous"), myself("b@h"), {}, "'anonymous' is no name@host"),
        (myself("a@b@h"), myself("b@h"), {}, "'a@b@h' is no name@host"),
        (myself("a@h\nERROR"), myself("b@h"), {}, "its name has characters that"),
        (myself("a@h", flags=offered(True) ^ Flag.ALIAS), myself("b@h"), {}, "a@h lacks ALIAS"),
        (myself("a@h"), myself("b@h", flags=offered(True) ^ Flag.V4_NC), {}, "b@h lacks V4_NC"),
    ],
    ids=range(10),
)
def test_who_is_refused(connecting: Self, accepting: Self, more: Any, says: str) -> None:
    with pytest.raises(HandshakeError, match=says):
        meet(connecting, accepting, **more)


@pytest.mark.parametrize("status", ["nok", "not_allowed", "named:", "whatever"])
def test_what_the_other_side_refuses_with(status: str) -> None:
    machine = Connecting(myself("a@h"), "b@h", lambda: True)
    with pytest.raises(HandshakeError, match=f"b@h says {status}") as refused:
        machine.receive(b"s" + status.encode())
    assert refused.value.status == status


def test_a_refusal_is_told_before_the_end() -> None:
    machine = Accepting(myself("b@h"), lambda name: "nok")
    with pytest.raises(HandshakeError) as refused:
        machine.receive(Connecting(myself("a@h"), "b@h", lambda: True).begin()[0])
    assert refused.value.answers == (b"snok",)
    assert machine.other == "a@h"


def test_old_releases_are_refused() -> None:
    with pytest.raises(HandshakeError, match="before OTP 23"):
        Accepting(myself("b@h"), lambda name: "ok").receive(b"n\x00\x05" + bytes(4) + b"a@h")
    assert missing(0) == [flag.name for flag in REQUIRED]
    assert missing(offered(True) & ~MANDATORY_OF_25) == []
    assert missing(offered(True) & ~Flag.MANDATORY_25_DIGEST) == []


@pytest.mark.parametrize("data", [b"", b"N", b"x", b"N" + bytes(14) + b"\xff", b"s", b"r", b"a"])
def test_hostile_messages_are_refused(data: bytes) -> None:
    for machine in (
        Connecting(myself("a@h"), "b@h", lambda: True),
        Accepting(myself("b@h"), lambda name: "ok"),
    ):
        with pytest.raises(HandshakeError):
            machine.receive(data)
        with pytest.raises(HandshakeError):
            machine.receive(data)


def test_the_cookie_is_not_shown() -> None:
    assert "secret" not in repr(myself("a@h"))
    assert digest("secret", 12345) == bytes.fromhex("d4047d3e56e6d6d63f7d16b85cd2fa88")


def test_who_keeps_the_connection_that_there_is() -> None:
    """The other side of `alive`: `false` ends the handshake, and anything else is no answer."""
    name = Connecting(myself("a@h"), "b@h", lambda: True).begin()[0]
    for answer, says in ((b"sfalse", "keeps the connection"), (b"N", "expected a message b's'")):
        machine = Accepting(myself("b@h"), lambda name: "alive")
        assert machine.receive(name) == [b"salive"]
        with pytest.raises(HandshakeError, match=says):
            machine.receive(answer)
