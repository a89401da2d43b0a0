"""Programs that speak garbage to a node, at each stage: they are refused, and the node goes on."""

import logging
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio

from actorsock import Ok, current_pid, dist, ok, otp, receive, register, unregister, whereis
from actorsock.dist import Atom, pg
from actorsock.dist.node import connection as connections
from actorsock.dist.node.distribution import distribution
from actorsock.dist.terms import ExternalPid, ExternalRef, encode
from actorsock.dist.wire.flags import Flag, offered
from actorsock.dist.wire.frames import LONGEST_FRAME, TICK, framed
from actorsock.dist.wire.handshake import Connecting, Self

from ..stories import until

STRANGER = "stranger@127.0.0.1"
PID = ExternalPid(STRANGER, 1, 0, 7)


class Stranger:
    """A program that knows the protocol, and says what it wants."""

    def __init__(self, stream: trio.SocketStream, cookie: str, flags: Flag) -> None:
        self.stream = stream
        self.machine = Connecting(
            Self(STRANGER, 7, flags, cookie, lambda: 5), distribution().name, lambda: True
        )

    async def say(self, message: bytes) -> None:
        await self.stream.send_all(len(message).to_bytes(2, "big") + message)

    async def hear(self) -> bytes:
        size = int.from_bytes(await self._exactly(2), "big")
        return await self._exactly(size)

    async def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = await self.stream.receive_some(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    async def shake_hands(self, steps: int = 9) -> None:
        """Do the handshake, or only its first messages."""
        answers = self.machine.begin()
        while True:
            for answer in answers:
                if not steps:
                    return
                steps -= 1
                await self.say(answer)
            if self.machine.agreed is not None:
                return
            answers = self.machine.receive(await self.hear())

    async def is_sent_away(self) -> None:
        """Read until the node closes the connection, which it must."""
        with trio.fail_after(30), suppress(trio.BrokenResourceError):
            while await self.stream.receive_some():
                pass


@asynccontextmanager
async def stranger(
    node: Any, cookie: str = "secret", flags: Flag | None = None
) -> AsyncIterator[Stranger]:
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    async with stream:
        yield Stranger(stream, cookie, offered(True) if flags is None else flags)


async def goes_on(second: Any) -> None:
    """Assert that the node still serves others."""
    assert await dist.ping(second.name) == "pong"
    assert await second.ask(dist.ping, distribution().name) == "pong"
    assert STRANGER not in dist.nodes("connected")


def name_message(name: bytes = STRANGER.encode(), flags: int = offered(True)) -> bytes:
    head = flags.to_bytes(8, "big") + (7).to_bytes(4, "big")
    return b"N" + head + len(name).to_bytes(2, "big") + name


FIRST = {
    "garbage": (b"GET / HTTP/1.1", "expected a message"),
    "nothing": (b"", "expected a message"),
    "too long": (b"N" * 700, "a message is too long"),
    "too short": (b"N12", "a message is too short"),
    "older than OTP 23": (b"n\x00\x05" + bytes(20), "releases before OTP 23"),
    "no name": (name_message(b""), "is no name@host"),
    "no host": (name_message(b"stranger"), "is no name@host"),
    "two hosts": (name_message(b"a@b@c"), "is no name@host"),
    "no text": (name_message(b"\xff@\xff"), "is not UTF-8"),
    "no flags": (name_message(flags=0), "lacks "),
}


@pytest.mark.parametrize("what", FIRST)
async def test_a_first_message_that_is_refused(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    await second.start()
    message, says = FIRST[what]
    with caplog.at_level(logging.WARNING, "actorsock.dist"):
        async with stranger(joined) as peer:
            await peer.say(message)
            await peer.is_sent_away()
        await until(lambda: says in caplog.text)
    assert "refused a connection from" in caplog.text
    await goes_on(second)


async def test_the_name_of_the_node_itself(joined: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with stranger(joined) as peer:
        await peer.say(name_message(joined.name.encode()))
        assert await peer.hear() == b"snot_allowed"
        await peer.is_sent_away()
    assert f"not_allowed for {joined.name}" in caplog.text


PROOFS = {
    "another cookie": (None, "has another cookie"),
    "garbage": (b"garbage", "expected a message b'r'"),
    "too short": (b"r12", "a message is too short"),
    "no proof": (b"r" + bytes(4), "has another cookie"),
}


@pytest.mark.parametrize("what", PROOFS)
async def test_a_proof_that_is_none(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    await second.start()
    message, says = PROOFS[what]
    async with stranger(joined, "guessed") as peer:
        with suppress(EOFError):  # instead of its proof the node closes
            await peer.shake_hands(9 if message is None else 1)
        if message is not None:
            await peer.say(message)
        await peer.is_sent_away()
    await until(lambda: says in caplog.text)
    await goes_on(second)


@pytest.mark.parametrize("steps", [0, 1])
async def test_who_falls_silent_in_the_handshake(
    joined: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.3)
    async with stranger(joined) as peer:
        await peer.shake_hands(steps)
        await peer.is_sent_away()
    await until(lambda: "the handshake took" in caplog.text)
    assert dist.nodes("connected") == []


def control(*fields: Any) -> bytes:
    return framed(encode(fields)[1:])


def fragment(kind: bytes, left: int, data: bytes, sequence: int = 1) -> bytes:
    body = b"\x83" + kind + sequence.to_bytes(8, "big") + left.to_bytes(8, "big") + data
    return len(body).to_bytes(4, "big") + body


OTHER = ExternalPid("another@host", 1, 0, 7)
REF = ExternalRef(STRANGER, 7, (1, 2, 3))
PIECE = b"\x00" + encode((22, PID, PID))[1:]

STREAMS = {
    "garbage": b"GET / HTTP/1.1\r\n\r\n",
    "a huge frame": (LONGEST_FRAME + 1).to_bytes(4, "big"),
    "no header": b"\x00\x00\x00\x03abc",
    "pass through": b"\x00\x00\x00\x02p\x83",
    "an atom never set": b"\x00\x00\x00\x05\x83D\x01\x00\x07",
    "an atom beyond the header": framed(b"h\x02R\x05a\x01"),
    "no control message": framed(encode(5)[1:]),
    "an unknown operation": control(99, 1, 2),
    "too few fields": control(1, PID),
    "a field of another kind": control(1, PID, 5),
    "a payload too many": framed(encode((1, PID, PID))[1:] + encode(1)[1:]),
    "bytes that follow": framed(encode((22, PID, PID))[1:] + encode(1)[1:] * 2),
    "in the name of others": control(1, OTHER, PID),
    "a monitor with the ref of others": control(19, PID, PID, ExternalRef("b@h", 1, (1, 2, 3))),
    "a term that ends too soon": framed(b"h\x03a\x16X"),
    "a huge tuple": framed(b"i\xff\xff\xff\xff"),
    "a deep term": framed(b"h\x01" * 100_000),
    "a fragment without a beginning": fragment(b"F", 1, b"x"),
    "a fragment left out": fragment(b"E", 3, PIECE) + fragment(b"F", 1, b""),
    "a message that begins twice": fragment(b"E", 3, PIECE) * 2,
    "a message of no fragments": fragment(b"E", 0, PIECE),
    "a short fragment": b"\x00\x00\x00\x04\x83F12",
    "too much in fragments": b"".join(
        fragment(b"E", 2, b"\x00" + bytes(8 * 1024 * 1024), number) for number in range(9)
    ),
}


@pytest.mark.parametrize("what", STREAMS)
async def test_what_is_no_message_ends_only_its_connection(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    await second.start()
    async with stranger(joined) as peer:
        await peer.shake_hands()
        await peer.stream.send_all(TICK)
        await until(lambda: STRANGER in dist.nodes("connected"))
        with suppress(trio.BrokenResourceError):  # it has been sent away in the middle
            await peer.stream.send_all(STREAMS[what])
        await peer.is_sent_away()
    assert f"{STRANGER} has sent what is no message" in caplog.text
    await until(lambda: STRANGER not in dist.nodes("connected"))
    await goes_on(second)


async def test_messages_to_nobody_are_dropped(joined: Any, second: Any) -> None:
    """Pids of a former life, of nobody and of other nodes; names and refs that lead nowhere."""
    await second.start()
    me, creation = joined.name, joined.creation
    register("me", current_pid())
    number = current_pid().number
    former = ExternalPid(me, number & 0xFFFFFFFF, number >> 32, creation ^ 1)
    nobody = ExternalPid(me, 2**32 - 1, 2**32 - 1, creation)
    alias = ExternalRef(me, creation, (1, 2, 3))
    payload = encode(Atom("stray"))[1:]
    sent = [
        framed(encode(head)[1:] + payload)
        for head in (
            (22, PID, former), (22, PID, nobody), (22, PID, OTHER), (33, PID, alias),
            (6, PID, Atom(""), Atom("nobody")), (24, PID, former), (26, PID, former),
            (28, PID, former, REF), (28, PID, nobody, alias),
        )
    ]  # fmt: skip
    sent += [
        control(1, PID, former), control(19, PID, former, REF), control(20, PID, nobody, REF),
        control(35, 5, PID, nobody), control(36, 5, PID, nobody), control(31, alias, nobody, 0, 1),
        control(7, PID, nobody),
    ]  # fmt: skip
    async with stranger(joined) as peer:
        await peer.shake_hands()
        await peer.stream.send_all(b"".join(sent))
        end = framed(encode((6, PID, Atom(""), Atom("me")))[1:] + encode(Atom("end"))[1:])
        await peer.stream.send_all(end)
        assert await receive() == "end"
    unregister("me")
    await goes_on(second)


async def test_any_mutant_ends_at_most_its_connection(joined: Any, second: Any) -> None:
    await second.start()
    chance = random.Random(11)
    name = encode((6, PID, Atom(""), Atom("nobody")))[1:]
    valid = framed(name + encode([1, {Atom("a"): b"x" * 50}])[1:])
    valid += fragment(b"E", 2, b"\x00" + name) + fragment(b"F", 1, encode(bytes(90))[1:])
    valid += b"\x00\x00\x00\x0e\x83D\x02\x88\x00\x00\x01a\x01\x01bh\x01R\x00"
    for number in range(200):
        data = bytearray(valid if number % 2 else b"\x00\x25" + name_message() + bytes(9))
        for _ in range(chance.choice((1, 1, 3))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        async with stranger(joined) as peer:
            with suppress(trio.BrokenResourceError, EOFError):
                if number % 2:
                    await peer.shake_hands()
                await peer.stream.send_all(data[: chance.choice((len(data), 40))])
    await until(lambda: STRANGER not in dist.nodes("connected"))
    await goes_on(second)


async def test_a_node_that_begins_again_while_its_old_connection_breaks(joined: Any) -> None:
    """Its former life is over for all who watch it: they would wait for ever."""
    dist.monitor_nodes(True)
    async with stranger(joined) as former, stranger(joined) as next_life:
        await former.shake_hands()
        assert await receive() == dist.NodeUp(STRANGER)
        await next_life.say(next_life.machine.begin()[0])
        assert await next_life.hear() == b"salive"
        await former.stream.aclose()
        assert isinstance(await receive(after=5), dist.NodeDown)
        await next_life.say(b"strue")
        next_life.machine.receive(b"sok")
        (proof,) = next_life.machine.receive(await next_life.hear())
        await next_life.say(proof)
        assert await receive() == dist.NodeUp(STRANGER)
    assert isinstance(await receive(), dist.NodeDown)
    dist.monitor_nodes(False)


async def test_a_tag_that_cannot_be_sent_back_ends_no_server(joined: Any, second: Any) -> None:
    """There are depths at which a term can be read, and not be written where the answer is sent."""
    await second.start()
    kernel = whereis("net_kernel")
    head = encode((6, PID, Atom(""), Atom("net_kernel")))[1:]
    call, request = encode(Atom("$gen_call"))[1:], encode((Atom("is_auth"), Atom("x")))[1:]
    for depth in range(sys.getrecursionlimit() - 130, sys.getrecursionlimit(), 4):
        tag = b"h\x01" * depth + b"j"
        async with stranger(joined) as peer:
            await peer.shake_hands()
            with suppress(trio.BrokenResourceError):
                caller = b"h\x02" + encode(PID)[1:] + tag
                await peer.stream.send_all(framed(head + b"h\x03" + call + caller + request))
    await until(lambda: STRANGER not in dist.nodes("connected"))
    assert whereis("net_kernel") is kernel
    await goes_on(second)


async def test_what_a_scope_of_pg_is_told(joined: Any) -> None:
    """A server of another node speaks for the processes there, in the form of lists of pairs."""
    scope = ok(await pg.start_link("pg"))
    await pg.join("group", current_pid())
    number = current_pid().number
    me = ExternalPid(joined.name, number & 0xFFFFFFFF, number >> 32, joined.creation)
    head, group = (6, PID, Atom(""), Atom("pg")), Atom("group")
    told = [
        (Atom("$gen_cast"), (Atom("sync"), PID, [1, (group, [me, PID, 5]), (group,), {}])),
        (Atom("join"), PID, group, [me]),
        (Atom("leave"), PID, [me], [group]),
    ]
    distribution().identities.pid_as_bytes(current_pid())  # another node may send it
    async with stranger(joined) as peer:
        await peer.shake_hands()
        for message in told:
            await peer.stream.send_all(framed(encode(head)[1:] + encode(message)[1:]))
        await until(lambda: len(pg.get_members("group")) == 2)
        assert pg.get_local_members("group") == [current_pid()]
    await until(lambda: pg.get_members("group") == [current_pid()])
    assert await pg.leave("group", current_pid()) == Ok()
    await otp.stop(scope)
