"""Sending in turn: all sends share a queue, and each keeps its turn until all of it has gone."""

from collections.abc import Callable
from tempfile import TemporaryFile
from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import Error, Ok, Select, ok, receive, send, socket, spawn_handler
from actorsock.socket import SelectInfo, SelectMessage, Socket

from ...stories import in_runtime
from ..support import (
    NOWHERE_NEAR,
    Peer,
    Worker,
    at_rest,
    connected,
    every_body,
    info_of,
    selected,
    workers,
    writers,
)

MUCH = bytes(range(256)) * (NOWHERE_NEAR // 256)


async def stuck() -> tuple[Socket, Peer, Worker, SelectInfo, bytes]:
    """A connection, a process that waits to send more, and what it has left to send."""
    sock, peer = await connected()
    [first] = workers(1)
    answer = await first.ask(socket.send_nowait, sock, MUCH)
    return sock, peer, first, info_of(answer), answer.data


@in_runtime
async def test_all_sends_wait_in_one_queue() -> None:
    sock, peer, first, first_info, rest = await stuck()
    others = workers(4)
    with TemporaryFile() as file:
        file.write(b"file")
        file.flush()
        calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
            (socket.send_nowait, (b"send",)),
            (socket.sendmsg_nowait, ({"iov": [b"m", b"s", b"g"]},)),
            (socket.sendv_nowait, ([b"v"],)),
            (socket.sendfile_nowait, (file,)),
        ]
        infos = [
            info_of(await worker.ask(call, sock, *args))
            for worker, (call, args) in zip(others, calls, strict=True)
        ]
        assert [info.tag for info in infos] == ["send", "sendmsg", "sendv", "sendfile"]
        # Going on with the info is a call like any other.
        assert await others[0].ask(socket.send_nowait, sock, b"send", infos[0]) == Error("state")
        came = await peer.read_until(first.mail)
        assert await first.ask(receive, SelectMessage) == selected(sock, first_info)
        assert await first.ask(socket.send_nowait, sock, b"0") == Ok()
        for worker, (call, args), info in zip(others, calls, infos, strict=True):
            assert await worker.ask(receive, SelectMessage) == selected(sock, info)
            ok(await worker.ask(call, sock, *args))
    sent = len(MUCH) - len(rest)
    came += await peer.read_exactly(sent + 13 - len(came))
    assert came == MUCH[:sent] + b"0sendmsgvfile"


@in_runtime
async def test_a_send_that_has_gone_in_part_keeps_its_turn() -> None:
    sock, peer, first, info, rest = await stuck()
    [second] = workers(1)
    behind = info_of(await second.ask(socket.send_nowait, sock, b"behind"))
    came = b""
    answer: Any = Select(info, rest)
    while isinstance(answer, Select):
        assert second.mail() == []
        assert answer.data == MUCH[-len(answer.data) :]
        came += await peer.read_until(first.mail)
        await at_rest()
        assert first.mail() == [selected(sock, answer.info)]
        assert await first.ask(receive, SelectMessage) == selected(sock, answer.info)
        answer = await first.ask(socket.send_nowait, sock, answer.data, answer.info)
    assert answer == Ok()
    came += await peer.read_until(second.mail)
    assert second.mail() == [selected(sock, behind)]
    assert await second.ask(socket.send_nowait, sock, b"behind") == Ok()
    assert came + await peer.read_exactly(len(MUCH) + 6 - len(came)) == MUCH + b"behind"


@in_runtime
async def test_a_cancelled_send_has_sent_its_part_and_the_next_comes_behind_it() -> None:
    sock, peer, first, info, rest = await stuck()
    [second] = workers(1)
    behind = info_of(await second.ask(socket.send_nowait, sock, b"111"))
    assert await first.ask(socket.cancel, sock, info) == Ok()
    came = await peer.read_until(second.mail)
    assert second.mail() == [selected(sock, behind)]
    assert await second.ask(socket.send_nowait, sock, b"111") == Ok()
    sent = len(MUCH) - len(rest)
    assert came + await peer.read_exactly(sent + 3 - len(came)) == MUCH[:sent] + b"111"


@every_body
@pytest.mark.parametrize("ends", ["times out", "polls", "is closed", "is shut down"])
@in_runtime
async def test_a_blocked_send_that_ends_tells_what_is_left(
    mock_clock: MockClock, body: str, ends: str
) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    job = a.tell(socket.send, sock, MUCH, timeout=0 if ends == "polls" else 1)
    if ends != "polls":
        await writers(sock, 1)
        behind = b.tell(socket.send, sock, b"behind")
        await writers(sock, 2)
    match ends:
        case "times out":
            mock_clock.jump(1)
        case "is closed":
            ok(await socket.close(sock))
        case "is shut down":
            assert socket.shutdown(sock, "write") == Ok()
    answer = await job.answer()
    reason = {"is closed": "closed", "is shut down": "epipe"}.get(ends, "timeout")
    assert answer == Error(reason, answer.data)
    sent = len(MUCH) - len(answer.data)
    assert 0 < sent < len(MUCH)
    if ends == "times out":
        assert await peer.read_exactly(sent + 6) == MUCH[:sent] + b"behind"
        assert await behind.answer() == Ok()
        return
    if ends == "polls":
        assert socket.info(sock).num_writers == 0
    else:
        assert await behind.answer() == Error(reason)
    assert await peer.read_exactly(sent) + answer.data == MUCH


@in_runtime
async def test_handlers_send_in_turn() -> None:
    sock, peer = await connected()
    done: list[str] = []

    def sender(name: str) -> Callable[[object], None]:
        left = [name.encode() * NOWHERE_NEAR]

        def handle(message: object) -> None:
            answer = socket.send_nowait(sock, left[0])
            if isinstance(answer, Select):
                left[0] = left[0] if answer.data is None else answer.data
            else:
                assert answer == Ok()
                done.append(name)

        return handle

    for name in "ABC":
        send(spawn_handler(sender(name)), "begin")
    data = await peer.read_exactly(3 * NOWHERE_NEAR)
    assert done == ["A", "B", "C"]
    assert data == b"".join(name.encode() * NOWHERE_NEAR for name in "ABC")
