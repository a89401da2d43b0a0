"""Both forms of what a stream of gen_tcp does: packets, messages, results and state are equal."""

import socket as stdlib
from contextlib import suppress
from typing import Any

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import exit, gen_tcp, inet, ok, receive, send, spawn, spawn_handler
from actorsock.gen_tcp import TcpSocket
from actorsock.inet import Tcp, TcpPassive
from actorsock.inet.driver.opening import kind_of
from actorsock.inet.packets.receive_buffer import Framing, ReceiveBuffer

from ..forms import both_ways, numbers_of, python_form, shown, slots_of

# --- packets --------------------------------------------------------------------------------------

_FRAMINGS = st.builds(
    Framing,
    packet=st.sampled_from([0, "raw", 1, 2, 4, "line", "line", "httph", "asn1"]),
    packet_size=st.sampled_from([0, 0, 5, 40]),
    buffer=st.sampled_from([3, 10, 9216]),
    line_delimiter=st.sampled_from([b"\n", b"o"]),
)
_PIECES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [
            b"\x00\x00\x00\x02hi",
            b"\x00\x00\x00\x05hel",
            b"lo\x00\x00\x00\x00\x00",
            b"\x02hi\x03one",
            b"one\ntwo\n",
            b"a long line",
            b"\n\n",
            b"A: b\r\n\r\n",
            b"\x80\x00\x00\x00",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x01\x00" + bytes(256) + b"\x00",
        ]
    ),
)
_OF_BUFFER = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), _PIECES),
        st.tuples(st.just("next"), st.integers(1, 4)),
        st.tuples(st.just("take"), st.integers(1, 9)),
        st.tuples(st.just("push_back"), _PIECES),
        st.tuples(st.just("framing"), _FRAMINGS),
    ),
    max_size=12,
)


def _cut(form: Any, framing: Framing, calls: list[tuple[str, Any]]) -> list[Any]:
    buffer, log = ReceiveBuffer(framing), []
    following = form(vars(ReceiveBuffer)["next"])
    for name, argument in calls:
        match name:
            case "next":
                log.extend(following(buffer) for _ in range(argument))
            case "framing":
                buffer.framing = argument
            case _:
                log.append(getattr(buffer, name)(argument))
        state = {slot: getattr(buffer, slot) for slot in slots_of(buffer)}
        log.append(state | {"_data": (type(state["_data"]), bytes(state["_data"]))})
    return log


@settings(deadline=None, max_examples=400)
@given(_FRAMINGS, _OF_BUFFER)
@example(Framing("line", 40, 3), [("feed", b"one\ntwo\n"), ("next", 4)])
def test_cutting_packets(framing: Framing, calls: list[tuple[str, Any]]) -> None:
    assert _cut(lambda twin: twin, framing, calls) == _cut(python_form, framing, calls)


# --- a stream and its owner -----------------------------------------------------------------------


@attrs.define
class Given:
    """The socket of a story, and its owner."""

    owner: str
    is_tcp: bool
    active: Any
    packet: Any
    mode: str
    header: int
    exit_on_close: bool
    delay_send: bool


_GIVEN = st.builds(
    Given,
    owner=st.sampled_from(["light", "light", "task", "in place"]),
    is_tcp=st.sampled_from([True, True, False]),
    active=st.sampled_from(["once", True, 2, False]),
    packet=st.sampled_from([0, 1, 2, 4, "line", "line", "http"]),
    mode=st.sampled_from(["binary", "binary", "binary", "list"]),
    header=st.sampled_from([0, 0, 0, 1]),
    exit_on_close=st.booleans(),
    delay_send=st.sampled_from([False, False, True]),
)
_ACTIVE = st.sampled_from([True, False, "once", "once", 1, 2, 3, -1, 0, 32767, 32768, "twice"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("packets"), st.lists(st.binary(max_size=9), min_size=1, max_size=4)),
        st.tuples(st.just("packets"), st.lists(st.binary(max_size=9), min_size=1, max_size=1)),
        st.tuples(st.just("arrives"), _PIECES),
        st.tuples(st.just("active"), _ACTIVE),
        st.tuples(st.just("active"), _ACTIVE),
        st.tuples(st.just("packet"), st.sampled_from([0, 1, 4, "line"])),
        st.tuples(st.just("send"), st.sampled_from([0, 1, 60, 300, 5000, 70_000])),
        st.tuples(st.just("recv"), st.sampled_from([0, 0, 3])),
        st.tuples(st.just("unrecv"), _PIECES),
        st.tuples(st.just("peer"), st.sampled_from(["ends", "closes"])),
    ),
    max_size=10,
)


async def _at_rest() -> None:
    await wait_all_tasks_blocked(0.002)


def _connected(given: Given) -> tuple[TcpSocket, stdlib.socket]:
    options = {
        "active": False,
        "packet": given.packet,
        "packet_size": 300,
        "mode": given.mode,
        "header": given.header,
        "exit_on_close": given.exit_on_close,
        "delay_send": given.delay_send,
    }
    # Bytes on a local connection have arrived when they are sent: both forms read the same pieces.
    here, peer = stdlib.socketpair()
    here.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_SNDBUF, 1)  # a send of 5000 bytes does not fit
    sock = ok(gen_tcp.fdopen(here.detach(), options))
    if given.is_tcp:
        sock._actor.kind = kind_of("inet", "tcp")  # a short read tells that there is no more
    return sock, peer


def _state(actor: Any) -> list[Any]:
    rules, buffer, queue = actor.rules, actor.buffer, actor.queue
    things = [actor, rules, rules.mode, buffer, queue]
    state = [shown(thing, slots_of(thing)) for thing in things]
    for name in ("fd", "pid"):
        state[0].pop(name, None)
    return [*state, bytes(buffer._data), numbers_of(actor.statistics), actor.make.__qualname__]


def _framed(packet: Any, contents: list[bytes]) -> bytes:
    """Return packets of a type as the peer sends them."""
    if packet in (1, 2, 4):
        return b"".join(len(each).to_bytes(packet, "big") + each for each in contents)
    return b"".join(each + b"\n" for each in contents)


def _by_peer(peer: stdlib.socket, what: str, detail: Any) -> None:
    if what == "arrives":
        peer.sendall(detail)
    elif detail == "ends":
        peer.shutdown(stdlib.SHUT_WR)
    else:
        peer.close()  # a reset, if it has not read all


async def _take_all(peer: stdlib.socket, log: list[Any]) -> None:
    """Read what was sent to the peer, a queued part included."""
    received = b""
    with suppress(OSError):  # there is no more, or it was closed
        peer.setblocking(False)
        while data := peer.recv(2**20):
            received += data
            await _at_rest()
    log.append(received)


async def _streamed(given: Given, steps: list[tuple[str, Any]]) -> list[Any]:
    log: list[Any] = []
    sock, peer = _connected(given)
    actor: Any = sock._actor
    again: Any = None

    def note(message: Any) -> None:
        log.append((type(message).__name__, getattr(message, "data", None)))

    def handles(message: Any) -> None:
        note(message)
        if again in ("once", 2) and isinstance(message, Tcp | TcpPassive):
            log.append(inet.setopts(sock, {"active": again}))

    async def does(what: str, detail: Any) -> None:
        nonlocal again
        match what:
            case "active":
                again = detail
                log.append(inet.setopts(sock, {"active": detail}))
            case "packet":
                log.append(inet.setopts(sock, {"packet": detail}))
            case "send":
                log.append(await gen_tcp.send(sock, bytes(detail)))
            case "recv":
                log.append(await gen_tcp.recv(sock, detail, timeout=0))
            case "unrecv":
                log.append(gen_tcp.unrecv(sock, detail))

    async def owns() -> None:
        while True:
            message = await receive()
            if isinstance(message, tuple):
                await does(*message)
            else:
                note(message)

    in_place = given.owner == "in place"
    owner = spawn_handler(handles) if in_place else spawn(owns, light=given.owner == "light")
    ok(gen_tcp.controlling_process(sock, owner))
    await does("active", given.active)
    for what, detail in steps:
        if what == "packets":
            what, detail = "arrives", _framed(actor.packet, detail)
        if what in ("arrives", "peer"):
            with suppress(OSError):  # it has closed, or reset
                _by_peer(peer, what, detail)
        elif in_place:
            spawn(does, what, detail, light=True)  # a send may wait, while the peer does not read
        else:
            send(owner, (what, detail))
        await _at_rest()
        log.extend([what, _state(actor)])
    await _take_all(peer, log)
    peer.close()
    await gen_tcp.close(sock)
    exit(owner, "kill")
    return log


_PLAIN = Given("light", True, "once", 4, "binary", 0, exit_on_close=True, delay_send=False)
_GOES_ON = attrs.evolve(_PLAIN, exit_on_close=False)
_PACKET = ("packets", [b"one"])


@settings(deadline=None, max_examples=100)
@given(_GIVEN, _STEPS)
@example(_PLAIN, [_PACKET, ("send", 300), ("send", 5000), ("active", 2), _PACKET, _PACKET])
@example(attrs.evolve(_PLAIN, active=32767), [("active", 1), ("active", -1), _PACKET])
@example(_GOES_ON, [("arrives", b"\xff\xff\xff\xff"), ("active", "once"), _PACKET])
@example(_GOES_ON, [("peer", "ends"), ("send", 60)])
@example(attrs.evolve(_PLAIN, is_tcp=False), [("send", 5000), ("send", 5000), ("send", 60)])
def test_a_stream_and_its_owner(given: Given, steps: list[tuple[str, Any]]) -> None:
    both_ways(_streamed, given, steps)
