"""Streams: what recv, recvfrom, recvmsg and the sends answer on connected sockets."""

import array
import math
import signal
import socket as stdlib
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import Error, Ok, Select, ok, receive, socket
from actorsock.socket import Msg, SelectInfo, SelectMessage, SockAddrUnspec, Socket

from ..support import readers, reset, took, writers
from ..support_data import (
    ANYWHERE,
    DOMAINS,
    Outcome,
    arrived,
    broken,
    connected,
    delivered,
    ended,
    every_domain,
    in_runtime,
    is_select_of,
    listener,
    over_ip,
    pair,
    pattern,
    stuck,
    until,
    urgent,
    waiting_bytes,
)

NOTHING_YET = Error("timeout")
BIG = 10 * 2**20


# --- recv: whatever there is --------------------------------------------------------------------


@in_runtime
async def test_the_handle_may_be_our_own() -> None:
    from actorsock import make_ref

    async with connected() as (sock, peer):
        ref = make_ref()
        for function in (socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait):
            selected = function(sock, ref=ref)
            assert isinstance(selected, Select)
            assert selected.info.ref is ref
        peer.sendall(b"x")
        assert await receive(ref) == SelectMessage(sock, "recvmsg", ref)


# --- recv: several reads at once (otp rcvbuf) ---------------------------------------------------


@every_domain
@pytest.mark.parametrize(
    ("rcvbuf", "there", "first", "then"),
    [
        (100, 250, 100, 100),
        ((3, 100), 250, 250, None),
        ((3, 100), 350, 300, 50),
        ((3, 100), 200, 200, None),
        ((3, 100), 300, 300, None),
        ((3, 100), 30, 30, None),
        ((1, 100), 150, 100, 50),
        (("default"), 9000, 8192, 808),
    ],
)
@pytest.mark.parametrize("how", ["blocking", "timeout 0", "nowait"])
@in_runtime
async def test_the_receive_buffer_says_how_much_is_whatever_there_is(
    domain: str, rcvbuf: Any, there: int, first: int, then: int | None, how: str
) -> None:
    async with connected(domain) as (sock, peer):
        ok(socket.setopt(sock, "otp", "rcvbuf", rcvbuf))
        data = pattern(there)
        peer.sendall(data)
        await arrived(sock, there)
        assert await _recv(how, sock) == Ok(data[:first])
        if then is not None:
            assert await _recv(how, sock) == Ok(data[first : first + then])
        else:
            assert await socket.recv(sock, timeout=0) == NOTHING_YET


async def _recv(how: str, sock: Socket, length: int = 0) -> Any:
    if how == "nowait":
        return socket.recv_nowait(sock, length)
    return await socket.recv(sock, length, timeout=0 if how == "timeout 0" else 10)


@every_domain
@pytest.mark.parametrize(
    ("rcvbuf", "there", "answers"),
    [
        ((3, 100), 200, [Error("closed", pattern(200)), Error("closed")]),
        ((3, 100), 250, [Ok(pattern(250)), Error("closed")]),
        ((3, 100), 300, [Ok(pattern(300)), Error("closed")]),
        (100, 100, [Ok(pattern(100)), Error("closed")]),
    ],
)
@in_runtime
async def test_the_end_comes_after_reads_that_filled_the_buffer(
    domain: str, rcvbuf: Any, there: int, answers: list[Any]
) -> None:
    async with connected(domain) as (sock, peer):
        ok(socket.setopt(sock, "otp", "rcvbuf", rcvbuf))
        peer.sendall(pattern(there))
        peer.shutdown(stdlib.SHUT_WR)
        await ended(sock)
        assert [await socket.recv(sock) for _ in answers] == answers


# --- recv: exactly so many bytes ----------------------------------------------------------------


@every_domain
@in_runtime
async def test_recv_collects_its_length_over_several_segments(domain: str) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, socket.recv, sock, 10)
        await readers(sock)
        for piece, so_far in ((b"012", 3), (b"3456", 7)):
            peer.sendall(piece)
            await until(took(sock, so_far))
            await readers(sock)
        assert not outcome.done
        peer.sendall(b"789and more")
        assert await outcome.get() == Ok(b"0123456789")
        await arrived(sock, 8)
        assert await socket.recv(sock) == Ok(b"and more")


@every_domain
@in_runtime
async def test_recv_gives_no_more_than_its_length(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"abcdef")
        await arrived(sock, 6)
        assert await socket.recv(sock, 2) == Ok(b"ab")
        assert await socket.recv(sock, 2, timeout=0) == Ok(b"cd")
        assert socket.recv_nowait(sock, 2) == Ok(b"ef")


@every_domain
@in_runtime
async def test_a_length_that_no_buffer_holds(domain: str) -> None:
    data = pattern(5 * 2**20)
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        ok(socket.setopt(sock, "otp", "rcvbuf", 100))
        nursery.start_soon(trio.to_thread.run_sync, peer.sendall, data + b"the end")
        assert ok(await socket.recv(sock, len(data))) == data
        assert ok(await socket.recv(sock, 7)) == b"the end"


# --- recv: when not everything is there ---------------------------------------------------------


@every_domain
@pytest.mark.parametrize("timeout", [0, 0.01])
@in_runtime
async def test_a_timeout_hands_over_the_part_that_had_come(domain: str, timeout: float) -> None:
    async with connected(domain) as (sock, peer):
        assert await socket.recv(sock, 10, timeout=timeout) == NOTHING_YET
        peer.sendall(b"part")
        await arrived(sock, 4)
        assert await socket.recv(sock, 10, timeout=timeout) == Error("timeout", b"part")
        assert await socket.recv(sock, 10, timeout=timeout) == NOTHING_YET
        peer.sendall(b"the next ten")
        await arrived(sock, 12)
        assert await socket.recv(sock, 10, timeout=timeout) == Ok(b"the next t")


@in_runtime
async def test_a_timeout_after_several_segments_hands_over_all_of_them(
    mock_clock: MockClock,
) -> None:
    async def passes_until(condition: Callable[[], object]) -> None:
        while not condition():
            await trio.lowlevel.checkpoint()

    async with connected() as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, lambda: socket.recv(sock, 100, timeout=1))
        await passes_until(lambda: socket.info(sock).num_readers)
        for n, piece in enumerate((b"one,", b"two,", b"six."), 1):
            peer.sendall(piece)
            await passes_until(took(sock, 4 * n))
            mock_clock.jump(0.3)
        assert not outcome.done
        mock_clock.jump(0.3)
        await passes_until(lambda: outcome.done)
        assert outcome.answer == Error("timeout", b"one,two,six.")


@every_domain
@in_runtime
async def test_a_nowait_recv_gets_the_part_and_asks_for_the_rest(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        nothing = socket.recv_nowait(sock, 10)
        assert isinstance(nothing, Select)
        assert nothing.data is None
        peer.sendall(b"part")
        await receive(is_select_of(nothing.info, sock))
        part = socket.recv_nowait(sock, 10)
        assert isinstance(part, Select)
        assert part.data == b"part"
        peer.sendall(b", rest")
        await receive(is_select_of(part.info, sock))
        assert socket.recv_nowait(sock, 10 - len(part.data)) == Ok(b", rest")


ENDS = {"the end": "closed", "a reset": "econnreset", "our close": "closed"}


@pytest.mark.parametrize(
    ("domain", "ends"),
    # The kernel does not reset a local stream so.
    [pair for pair in product(DOMAINS, ENDS) if pair != ("local", "a reset")],
)
@pytest.mark.parametrize("part", [None, b"part"], ids=["nothing", "a part"])
@in_runtime
async def test_a_blocked_receive_that_ends_hands_over_its_part(
    domain: str, part: bytes | None, ends: str
) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, socket.recv, sock, 10)
        await readers(sock)
        if part:
            peer.sendall(part)
            await until(took(sock, len(part)))
        match ends:
            case "the end":
                peer.close()
            case "a reset":
                reset(peer)
            case _:
                ok(await socket.close(sock))
        assert await outcome.get() == Error(ENDS[ends], part)
        assert await socket.recv(sock, 10) == Error("closed")


@every_domain
@pytest.mark.parametrize("part", [None, b"part"], ids=["nothing", "a part"])
@pytest.mark.parametrize("how", ["blocking", "timeout 0", "nowait"])
@in_runtime
async def test_an_end_that_was_there_before_the_call(
    domain: str, part: bytes | None, how: str
) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(part or b"")
        peer.close()
        await ended(sock)
        answer = await _recv(how, sock, 10)
        if how == "nowait" and part:
            assert isinstance(answer, Select)
            assert answer.data == part
            await receive(is_select_of(answer.info, sock))
        else:
            reason = "timeout" if how == "timeout 0" and part else "closed"
            assert answer == Error(reason, part)
        assert await _recv(how, sock, 6) == Error("closed")


# --- peeking ------------------------------------------------------------------------------------


@every_domain
@in_runtime
async def test_peeking_leaves_the_data_where_it_is(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"abcdef")
        await arrived(sock, 6)
        for _ in range(2):
            assert await socket.recv(sock, 0, ["peek"]) == Ok(b"abcdef")
            assert socket.recv_nowait(sock, 3, ["peek"]) == Ok(b"abc")
            # A peek does not wait for its whole length.
            assert socket.recv_nowait(sock, 10, ["peek"]) == Ok(b"abcdef")
            for timeout in (0, 10):
                assert await socket.recv(sock, 10, ["peek"], timeout) == Ok(b"abcdef")
            assert ok(await socket.recvfrom(sock, 4, ["peek"]))[1] == b"abcd"
            assert ok(await socket.recvmsg(sock, 5, flags=["peek"])).iov == (b"abcde",)
        assert await socket.recv(sock) == Ok(b"abcdef")
        assert await socket.recv(sock, 0, ["peek"], timeout=0) == NOTHING_YET


@every_domain
@in_runtime
async def test_peeking_waits_for_something_to_see(domain: str) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        assert await socket.recv(sock, 4, ["peek"], 0.01) == NOTHING_YET
        outcome = Outcome(nursery, socket.recv, sock, 4, ["peek"])
        await readers(sock)
        peer.sendall(b"ab")
        assert await outcome.get() == Ok(b"ab")
        peer.close()
        await ended(sock)
        assert await socket.recv(sock, 0, ["peek"]) == Ok(b"ab")
        assert await socket.recv(sock) == Ok(b"ab")
        assert await socket.recv(sock, 0, ["peek"]) == Error("closed")


async def give_back(sock: Socket, peer: stdlib.socket, part: bytes) -> None:
    """Let the socket hold `part`, which a cancelled receive had taken from the kernel."""
    before = socket.info(sock).counters["read_byte"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket.recv, sock, len(part) + 1000)
        await readers(sock)
        peer.sendall(part)
        await until(took(sock, before + len(part)))
        nursery.cancel_scope.cancel()
    assert waiting_bytes(sock) == 0


@every_domain
@in_runtime
async def test_all_receives_see_the_bytes_that_a_cancelled_one_had_taken(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        await give_back(sock, peer, b"held")
        peer.sendall(b"more")
        await arrived(sock, 4)
        assert await socket.recv(sock, 0, ["peek"]) == Ok(b"heldmore")
        assert await socket.recv(sock, 6, ["peek"]) == Ok(b"heldmo")
        assert ok(await socket.recvfrom(sock, 2))[1] == b"he"
        assert ok(await socket.recvmsg(sock, 1)).iov == (b"l",)
        assert await socket.recv(sock, 5, timeout=0) == Ok(b"dmore")


@every_domain
@pytest.mark.parametrize("how", ["blocking", "timeout 0", "nowait"])
@in_runtime
async def test_a_length_that_is_partly_held_and_partly_in_the_kernel(domain: str, how: str) -> None:
    async with connected(domain) as (sock, peer):
        await give_back(sock, peer, b"held")
        peer.sendall(b"more")
        await arrived(sock, 4)
        assert await _recv(how, sock, 8) == Ok(b"heldmore")


@every_domain
@in_runtime
async def test_held_bytes_are_the_part_of_a_nowait_recv(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        await give_back(sock, peer, b"held")
        selected = socket.recv_nowait(sock, 10)
        assert isinstance(selected, Select)
        assert selected.data == b"held"
        peer.sendall(b"more")
        await receive(is_select_of(selected.info, sock))
        assert socket.recv_nowait(sock, 4) == Ok(b"more")


@every_domain
@in_runtime
async def test_held_bytes_come_before_the_end(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        await give_back(sock, peer, b"held")
        peer.close()
        await ended(sock)
        assert await socket.recv(sock) == Ok(b"held")
        assert await socket.recv(sock) == Error("closed")


@pytest.mark.parametrize("flags", [["peek"], ("peek",), {"peek"}, [2], (2, "nosignal"), [0x4002]])
@in_runtime
async def test_flags_are_words_and_numbers(flags: Any) -> None:
    async with connected() as (sock, peer):
        peer.sendall(b"data")
        await arrived(sock, 4)
        for _ in range(2):
            assert await socket.recv(sock, 0, flags) == Ok(b"data")
        assert await socket.recv(sock, 0, []) == Ok(b"data")


@pytest.mark.parametrize("timeout", [60, 60.5, 10**9, 2.0**70, math.inf])
@in_runtime
async def test_a_timeout_is_any_number_of_seconds(timeout: float) -> None:
    async with connected() as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, lambda: socket.recv(sock, timeout=timeout))
        await readers(sock)
        peer.sendall(b"data")
        assert await outcome.get() == Ok(b"data")


# --- out of band --------------------------------------------------------------------------------


@over_ip
@in_runtime
async def test_the_urgent_byte_is_received_once(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        assert await socket.recv(sock, 1, ["oob"]) == Error("einval")
        peer.sendall(b"abc")
        await arrived(sock, 3)
        assert await socket.recv(sock) == Ok(b"abc")
        peer.send(b"!", stdlib.MSG_OOB)
        await urgent(sock)
        assert await socket.recv(sock, 1, ["oob", "peek"]) == Ok(b"!")
        assert await socket.recv(sock, 1, ["oob"]) == Ok(b"!")
        assert await socket.recv(sock, 1, ["oob"]) == Error("einval")
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET


@over_ip
@in_runtime
async def test_our_urgent_byte(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        ok(await socket.send(sock, b"plain"))
        ok(await socket.send(sock, b"!", ["oob"]))
        await urgent(peer)
        peer.setblocking(False)
        assert peer.recv(1, stdlib.MSG_OOB) == b"!"
        assert peer.recv(10) == b"plain"


def send_around_an_urgent_byte(peer: stdlib.socket) -> None:
    """Send `abc`, an urgent `!`, and `def`."""
    peer.sendall(b"abc")
    peer.send(b"!", stdlib.MSG_OOB)
    peer.sendall(b"def")


@over_ip
@in_runtime
async def test_data_around_an_urgent_byte_keeps_flowing(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        for _ in range(3):
            # A reader that has waited knows of everything only from the poller.
            assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
            send_around_an_urgent_byte(peer)
            await delivered(peer)
            assert await socket.recv(sock) == Ok(b"abc")
            assert await socket.recv(sock) == Ok(b"def")


@over_ip
@in_runtime
async def test_a_length_reaches_over_an_urgent_byte(domain: str) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, socket.recv, sock, 6)
        await readers(sock)
        send_around_an_urgent_byte(peer)
        assert await outcome.get() == Ok(b"abcdef")


@over_ip
@in_runtime
async def test_an_urgent_byte_in_line(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        ok(socket.setopt(sock, "socket", "oobinline", True))
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
        send_around_an_urgent_byte(peer)
        await delivered(peer)
        assert await socket.recv(sock, 7) == Ok(b"abc!def")


@in_runtime
async def test_urgent_data_and_held_data_do_not_mix() -> None:
    async with connected() as (sock, peer):
        await give_back(sock, peer, b"held")
        peer.send(b"!", stdlib.MSG_OOB)
        await urgent(sock)
        assert await socket.recv(sock, 1, ["oob", "peek"]) == Ok(b"!")
        assert await socket.recv(sock, 1, ["oob"]) == Ok(b"!")
        assert await socket.recv(sock) == Ok(b"held")


# --- the end, resets, and sockets that are not connected ----------------------------------------


@every_domain
@in_runtime
async def test_the_end_is_told_every_time_to_everybody(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"last words")
        peer.shutdown(stdlib.SHUT_WR)
        await ended(sock)
        assert await socket.recv(sock) == Ok(b"last words")
        for _ in range(2):
            for answer in (
                await socket.recv(sock),
                await socket.recvfrom(sock),
                await socket.recvmsg(sock),
                socket.recv_nowait(sock),
                socket.recvfrom_nowait(sock),
                socket.recvmsg_nowait(sock),
                await socket.recv(sock, 5, timeout=0),
                await socket.recvfrom(sock, timeout=0),
                await socket.recvmsg(sock, timeout=0),
            ):
                assert answer == Error("closed")
        # The other direction is open still.
        assert await socket.send(sock, b"goodbye") == Ok()
        assert peer.recv(10) == b"goodbye"


@over_ip
@pytest.mark.parametrize("function", [socket.recv, socket.recvfrom, socket.recvmsg])
@in_runtime
async def test_a_reset_is_told_once(domain: str, function: Callable[..., Any]) -> None:
    async with connected(domain) as (sock, peer):
        reset(peer)
        await broken(sock)
        assert await function(sock) == Error("econnreset")
        assert await function(sock) == Error("closed")
        assert await function(sock) == Error("closed")


@over_ip
@in_runtime
async def test_data_from_before_a_reset_comes_first(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"famous last words")
        await arrived(sock, 17)
        reset(peer)
        await broken(sock)
        assert await socket.recv(sock) == Ok(b"famous last words")
        assert await socket.recv(sock) == Error("econnreset")
        assert await socket.recv(sock) == Error("closed")


@over_ip
@in_runtime
async def test_our_read_side_shut_down(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"before")
        await arrived(sock, 6)
        ok(socket.shutdown(sock, "read"))
        assert await socket.recv(sock) == Ok(b"before")
        assert await socket.recv(sock) == Error("closed")
        peer.sendall(b"after")
        await arrived(sock, 5)
        assert await socket.recv(sock) == Ok(b"after")
        assert await socket.recv(sock) == Error("closed")


# --- recvfrom and recvmsg -----------------------------------------------------------------------


@over_ip
@in_runtime
async def test_tcp_names_no_source(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(b"from somewhere")
        await arrived(sock, 14)
        assert await socket.recvfrom(sock, 4) == Ok((SockAddrUnspec(), b"from"))
        assert socket.recvfrom_nowait(sock, 5) == Ok((SockAddrUnspec(), b" some"))
        assert await socket.recvmsg(sock, 2) == Ok(Msg(None, (b"wh",), (), ()))
        assert socket.recvmsg_nowait(sock) == Ok(Msg(None, (b"ere",), (), ()))


@every_domain
@in_runtime
async def test_recvfrom_and_recvmsg_take_what_one_read_gives(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        ok(socket.setopt(sock, "otp", "rcvbuf", (3, 10)))
        data = pattern(30)
        peer.sendall(data)
        await arrived(sock, 30)
        assert ok(await socket.recvfrom(sock))[1] == data[:10]
        assert ok(await socket.recvmsg(sock)).iov == (data[10:20],)
        assert ok(await socket.recvfrom(sock, 1000))[1] == data[20:]


# --- sending ------------------------------------------------------------------------------------


@every_domain
@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"bytes", b"bytes"),
        (bytearray(b"bytearray"), b"bytearray"),
        (memoryview(b"a memoryview")[2:], b"memoryview"),
        (memoryview(b"every other")[::2], b"eeyohr"),
        (array.array("H", [0x4141, 0x4242]), b"AABB"),
        ([b"a ", bytearray(b"list"), [(b" of",), [], memoryview(b" pieces")]], b"a list of pieces"),
        ((b"a", b"b"), b"ab"),
    ],
    ids=lambda value: type(value).__name__,
)
@in_runtime
async def test_whatever_is_bytes_like_can_be_sent(domain: str, data: Any, sent: bytes) -> None:
    async with connected(domain) as (sock, peer):
        assert await socket.send(sock, data) == Ok()
        assert socket.send_nowait(sock, data) == Ok()
        await until(lambda: len(peer.recv(100, stdlib.MSG_PEEK)) == 2 * len(sent))
        assert peer.recv(100) == sent + sent


SENDS: dict[str, Callable[..., Any]] = {
    "send": socket.send,
    "sendto": lambda sock, data, **keywords: socket.sendto(
        sock, data, ANYWHERE["inet"], **keywords
    ),
    "sendmsg": lambda sock, data, **keywords: socket.sendmsg(sock, {"iov": [data]}, **keywords),
    "sendv": lambda sock, data, **keywords: socket.sendv(sock, [data], **keywords),
}
SENDS_NOWAIT: dict[str, Callable[..., Any]] = {
    "send": socket.send_nowait,
    "sendto": lambda sock, data: socket.sendto_nowait(sock, data, ANYWHERE["inet"]),
    "sendmsg": lambda sock, data: socket.sendmsg_nowait(sock, {"iov": [data]}),
    "sendv": lambda sock, data: socket.sendv_nowait(sock, [data]),
}
every_send = pytest.mark.parametrize("name", SENDS)
every_send_in_every_domain = pytest.mark.parametrize(
    ("domain", "name"),
    # The kernel takes no address on a local stream that is connected.
    [pair for pair in product(DOMAINS, SENDS) if pair != ("local", "sendto")],
)


def as_one(data: bytes | list[bytes]) -> bytes:
    """Join the rest of a send: bytes of a send or sendto, a list of pieces of the others."""
    return b"".join(data) if isinstance(data, list) else data


def reading(
    peer: stdlib.socket, into: list[bytes], pause: Callable[[], Any] = lambda: None
) -> None:
    """Read until the end, as a thread of the peer's program."""
    while data := peer.recv(65_536):
        into.append(data)
        pause()


@every_send_in_every_domain
@in_runtime
async def test_a_blocked_send_keeps_its_turn_until_all_has_gone(domain: str, name: str) -> None:
    data, received = pattern(BIG), []
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, lambda: SENDS[name](sock, data))
        await writers(sock)
        behind = Outcome(nursery, socket.send, sock, b"behind")
        await writers(sock, 2)
        # The peer does not read: the kernel is full, and the senders wait for as long.
        assert not outcome.done
        nursery.start_soon(trio.to_thread.run_sync, reading, peer, received)
        assert await outcome.get() == Ok()
        assert await behind.get() == Ok()
        counters = socket.info(sock).counters
        assert counters["write_byte"] == BIG + 6
        assert (counters["write_pkg"], counters["write_pkg_max"]) == (2, BIG)
        ok(socket.shutdown(sock, "write"))
    assert b"".join(received) == data + b"behind"


@every_send_in_every_domain
@pytest.mark.parametrize("timeout", [0, 0.02])
@in_runtime
async def test_a_timeout_says_what_was_not_sent(domain: str, name: str, timeout: float) -> None:
    rest, received = pattern(BIG), []
    async with connected(domain) as (sock, peer):
        answer = await SENDS[name](sock, rest, timeout=timeout)
        assert answer.data is not None
        while answer.data is not None:
            assert answer.reason == "timeout"
            assert 0 < len(as_one(answer.data)) < len(rest)
            rest = as_one(answer.data)
            answer = await SENDS[name](sock, rest, timeout=timeout)
        # Now nothing went at all.
        assert answer == NOTHING_YET
        ok(socket.shutdown(sock, "write"))
        await trio.to_thread.run_sync(reading, peer, received)
    assert b"".join(received) + rest == pattern(BIG)


@every_send_in_every_domain
@in_runtime
async def test_sending_in_parts_without_blocking(domain: str, name: str) -> None:
    data, received = pattern(BIG), []
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        answer = SENDS_NOWAIT[name](sock, data)
        left = BIG
        nursery.start_soon(trio.to_thread.run_sync, reading, peer, received)
        while isinstance(answer, Select):
            assert answer.info.tag == name
            if answer.data is not None:
                rest = answer.data
            assert len(as_one(rest)) <= left
            left = len(as_one(rest))
            assert await receive(answer.info.ref) == SelectMessage(sock, name, answer.info.ref)
            answer = _go_on(name, sock, rest, answer.info)
        assert answer == Ok()
        ok(socket.shutdown(sock, "write"))
    assert b"".join(received) == data


def _go_on(name: str, sock: Socket, rest: Any, info: SelectInfo) -> Any:
    match name:
        case "send":
            return socket.send_nowait(sock, rest, info)
        case "sendto":
            return socket.sendto_nowait(sock, rest, info)
        case "sendmsg":
            return socket.sendmsg_nowait(sock, Msg(iov=rest), info)
        case _:
            return socket.sendv_nowait(sock, rest)


@every_domain
@in_runtime
async def test_a_full_kernel_takes_nothing(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        await full(sock)
        selected = socket.send_nowait(sock, b"more")
        assert isinstance(selected, Select)
        assert selected.data is None
        received: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, reading, peer, received)
            await receive(is_select_of(selected.info, sock))
            assert socket.send_nowait(sock, b"more") == Ok()
            ok(socket.shutdown(sock, "write"))
        assert b"".join(received).endswith(b"more")
        assert b"".join(received).strip(b"\0") == b"more"


async def full(sock: Socket) -> None:
    """Send until the kernel takes nothing more, also when nothing is under way any more."""
    while _takes(sock):
        while _takes(sock):
            pass
        await stuck(sock)


def _takes(sock: Socket) -> bool:
    selected = socket.send_nowait(sock, bytes(BIG))
    assert isinstance(selected, Select)
    ok(socket.cancel(sock, selected.info))
    return selected.data is not None


# --- sends that fail ----------------------------------------------------------------------------


@over_ip
@in_runtime
async def test_sending_after_a_reset(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        reset(peer)
        await broken(sock)
        assert await socket.send(sock, b"x") == Error("econnreset")
        assert await socket.send(sock, b"x") == Error("epipe")


@pytest.mark.parametrize(
    ("domain", "ends"),
    # The kernel of a local stream wakes no writer for anything else.
    [*product(["inet", "inet6"], ["a reset", "our shutdown", "our close"]), ("local", "our close")],
)
@in_runtime
async def test_a_blocked_send_that_ends_tells_what_is_left(domain: str, ends: str) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        outcome = Outcome(nursery, socket.send, sock, pattern(BIG))
        await writers(sock)
        queued = Outcome(nursery, socket.send, sock, b"x")
        await writers(sock, 2)
        match ends:
            case "a reset":
                reset(peer)
            case "our shutdown":
                ok(socket.shutdown(sock, "write"))
            case _:
                ok(await socket.close(sock))
        answer = await outcome.get()
        reason = {"a reset": "econnreset", "our shutdown": "epipe", "our close": "closed"}[ends]
        assert answer == Error(reason, answer.data)
        assert 0 < len(answer.data) < BIG
        assert await queued.get() == Error(reason)
        if ends == "a reset":
            assert pattern(BIG).endswith(answer.data)
        else:
            received: list[bytes] = []
            await trio.to_thread.run_sync(reading, peer, received)
            assert b"".join(received) + answer.data == pattern(BIG)


@every_domain
@in_runtime
async def test_a_close_while_nothing_was_sent(domain: str) -> None:
    async with connected(domain) as (sock, _), trio.open_nursery() as nursery:
        await full(sock)
        outcome = Outcome(nursery, socket.send, sock, b"x")
        await writers(sock)
        ok(await socket.close(sock))
        assert await outcome.get() == Error("closed")


@over_ip
@in_runtime
async def test_a_nowait_retry_that_fails_has_no_rest(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        selected = socket.send_nowait(sock, pattern(BIG))
        assert isinstance(selected, Select)
        reset(peer)
        await receive(is_select_of(selected.info, sock))
        assert socket.send_nowait(sock, selected.data, selected.info) == Error("econnreset")
        ok(await socket.close(sock))
        assert socket.send_nowait(sock, selected.data, selected.info) == Error("closed")


@in_runtime
async def test_a_broken_pipe_is_no_signal() -> None:
    signals: list[int] = []
    former = signal.signal(signal.SIGPIPE, lambda number, frame: signals.append(number))
    try:
        async with connected() as (sock, _):
            ok(socket.shutdown(sock, "write"))
            for name in ("send", "sendmsg", "sendv", "sendto"):
                assert await SENDS[name](sock, b"x") == Error("epipe")
    finally:
        signal.signal(signal.SIGPIPE, former)
    assert signals == []


@over_ip
@in_runtime
async def test_a_destination_on_a_stream(domain: str) -> None:
    other = {"inet": ANYWHERE["inet6"], "inet6": ANYWHERE["inet"]}[domain]
    async with connected(domain) as (sock, peer):
        assert await socket.sendto(sock, b"1", ANYWHERE[domain]) == Ok()
        assert await socket.sendto(sock, b"2", {**other, "port": 9}) == Ok()
        assert await socket.sendmsg(sock, {"addr": ANYWHERE[domain], "iov": [b"3"]}) == Ok()
        await until(lambda: peer.recv(9, stdlib.MSG_PEEK) == b"123")
    async with ok(socket.open(domain, "stream")) as sock:
        assert await socket.sendto(sock, b"x", {**ANYWHERE[domain], "port": 9}) == Error("epipe")


@in_runtime
async def test_a_destination_on_a_local_stream() -> None:
    async with listener("local") as listening, pair("local") as (sock, _):
        name = ok(socket.sockname(listening))
        assert await socket.sendto(sock, b"x", name) == Error("eisconn")
        async with ok(socket.open("local", "stream")) as unconnected:
            assert await socket.sendto(unconnected, b"x", name) == Error("enotsup")


@in_runtime
async def test_both_directions_at_once() -> None:
    data = pattern(2**22)
    async with pair() as (here, there), trio.open_nursery() as nursery:
        calls = [
            Outcome(nursery, socket.send, here, data),
            Outcome(nursery, socket.send, there, data[::-1]),
            Outcome(nursery, socket.recv, here, len(data)),
            Outcome(nursery, socket.recv, there, len(data)),
        ]
        answers = [await call.get() for call in calls]
    assert answers == [Ok(), Ok(), Ok(data[::-1]), Ok(data)]


@every_domain
@in_runtime
async def test_bytes_are_counted_once(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        peer.sendall(pattern(1000))
        await arrived(sock, 1000)
        ok(await socket.recv(sock, 10, ["peek"]))
        ok(await socket.recv(sock, 400))
        assert await socket.recv(sock, 1000, timeout=0) == Error("timeout", pattern(1000)[400:])
        await give_back(sock, peer, b"held")
        ok(await socket.recv(sock, 4))
        counters = socket.info(sock).counters
        assert counters["read_byte"] == 1004
        assert counters["read_pkg"] == 2
        assert counters["read_pkg_max"] == 400
        ok(await socket.send(sock, b"abc"))
        ok(await socket.send(sock, b""))
        counters = socket.info(sock).counters
        assert [counters[name] for name in ("write_byte", "write_pkg", "write_pkg_max")] == [
            3,
            2,
            3,
        ]
