"""What gen_tcp and ssl share: queued output, closing, readers that are killed."""

import socket as stdlib
from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest
import trio

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    gen_tcp,
    inet,
    ok,
    otp,
    receive,
    send,
    spawn,
    spawn_monitor,
    ssl,
)
from actorsock.inet import Tcp, TcpClosed
from actorsock.ssl import Ssl, SslClosed

from ...inet.sockets import support as tcp_support
from ...inet.sockets.support import at_rest, every_body, mail_of
from ...stories import in_runtime, until
from . import support as ssl_support

LOTS: Final = 2**24
"""More bytes than the kernel takes while the peer does not read."""


@attrs.frozen
class Kind:
    """One of the two modules, with what has another name in the other."""

    module: Any
    pair: Callable[..., Any]
    setopts: Callable[..., Any]
    getstat: Callable[..., Any]
    data: type
    closed: type
    dead: str
    """The reason of calls after the connection was lost."""


KINDS: Final = {
    "gen_tcp": Kind(
        gen_tcp, tcp_support.pair, inet.setopts, inet.getstat, Tcp, TcpClosed, "enotconn"
    ),
    "ssl": Kind(ssl, ssl_support.pair, ssl.setopts, ssl.getstat, Ssl, SslClosed, "closed"),
}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@every_kind
@in_runtime
async def test_a_socket_that_is_not_active_is_not_read(kind: Kind) -> None:
    one, other = await kind.pair({"high_watermark": 1, "send_timeout": 0.05})
    ok(await kind.module.send(one, bytes(LOTS)))
    assert ok(kind.getstat(one, ["send_pend"]))["send_pend"] > 0
    assert await kind.module.send(one, b"more") == Error("timeout", b"more")
    ok(kind.setopts(other, {"active": True}))
    received = 0
    while received < LOTS:
        received += len((await receive(kind.data)).data)
    ok(await kind.module.send(one, b"end"))
    assert (await receive(kind.data)).data == b"end"


@every_kind
@in_runtime
async def test_senders_wait_while_the_queue_is_busy_and_go_on_in_order(kind: Kind) -> None:
    one, other = await kind.pair({"high_watermark": 1, "low_watermark": 0})
    ok(await kind.module.send(one, bytes(LOTS)))
    done: list[bytes] = []

    async def sender(data: bytes) -> None:
        ok(await kind.module.send(one, data))
        done.append(data)

    for data in (b"a", b"b", b"c"):
        spawn(sender, data)
        await at_rest()
    assert done == []
    assert ok(await kind.module.recv(other, LOTS)) == bytes(LOTS)
    assert await kind.module.recv(other, 3) == Ok(b"abc")
    await until(lambda: len(done) == 3)


@every_kind
@in_runtime
async def test_send_timeout_close_ends_the_connection(kind: Kind) -> None:
    options = {"high_watermark": 1, "send_timeout": 0.01, "send_timeout_close": True}
    one, _ = await kind.pair(options)
    ok(await kind.module.send(one, bytes(LOTS)))
    assert await kind.module.send(one, b"more") == Error("timeout", b"more")
    assert await kind.module.send(one, b"more") == Error(kind.dead)
    assert await kind.module.recv(one) == Error(kind.dead)


@every_kind
@in_runtime
async def test_delayed_sends_leave_together(kind: Kind) -> None:
    one, other = await kind.pair({"delay_send": True})
    for data in (b"a", b"b", b"c"):
        ok(await kind.module.send(one, data))
    assert await kind.module.recv(other, 3) == Ok(b"abc")


@every_kind
@in_runtime
async def test_shutdown_comes_after_what_is_queued(kind: Kind) -> None:
    one, other = await kind.pair()
    ok(await kind.module.send(one, bytes(LOTS)))
    assert kind.module.shutdown(one, "write") == Ok()
    assert await kind.module.send(one, b"x") == Error("closed")
    ok(await kind.module.send(other, b"answer"))
    assert await kind.module.recv(one) == Ok(b"answer")
    assert len(ok(await kind.module.recv(other, LOTS))) == LOTS
    assert await kind.module.recv(other) == Error("closed")


async def leave_block(kind: Kind, sock: Any) -> None:
    async with sock:
        pass


WAYS: Final[dict[str, Any]] = {
    "close": lambda kind, sock: kind.module.close(sock),
    "the end of the block": leave_block,
}
"""How a program closes a socket, and waits."""


@every_kind
@pytest.mark.parametrize("close", WAYS.values(), ids=WAYS)
@in_runtime
async def test_a_close_waits_for_what_is_queued(kind: Kind, close: Any) -> None:
    one, other = await kind.pair()
    ok(await kind.module.send(one, bytes(LOTS)))
    closed = trio.Event()

    async def closer() -> None:
        await close(kind, one)
        closed.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(closer)
        await at_rest()
        assert not closed.is_set()
        assert len(ok(await kind.module.recv(other, LOTS))) == LOTS
        await closed.wait()
    assert await kind.module.recv(other) == Error("closed")


@every_kind
@in_runtime
async def test_a_block_that_is_cancelled_does_not_wait_and_loses_nothing(kind: Kind) -> None:
    one, other = await kind.pair()
    with trio.CancelScope() as scope:
        async with one:
            ok(await kind.module.send(one, bytes(LOTS)))
            scope.cancel()
    assert scope.cancelled_caught
    assert len(ok(await kind.module.recv(other, LOTS))) == LOTS
    assert await kind.module.recv(other) == Error("closed")
    assert await kind.module.send(one, b"x") == Error("closed")


@every_kind
@in_runtime
async def test_close_nowait_leaves_the_queue_to_the_background(kind: Kind) -> None:
    one, other = await kind.pair({"active": True}, {})
    ok(await kind.module.send(one, bytes(LOTS)))
    results: list[Any] = []

    async def sender() -> None:
        results.append(await kind.module.send(one, b"x"))

    spawn(sender)
    await at_rest()
    assert kind.module.close_nowait(one) == Ok()
    assert await kind.module.send(one, b"x") == await kind.module.recv(one) == Error("closed")
    assert kind.module.controlling_process(one, spawn(receive)) == Error("closed")
    assert isinstance(kind.setopts(one, {"active": True}), Error)
    await until(lambda: results == [Error("closed")])
    assert len(ok(await kind.module.recv(other, LOTS))) == LOTS
    assert await kind.module.recv(other) == Error("closed")
    assert kind.module.close_nowait(one) == Ok()
    assert mail_of(current_pid()) == []


@every_kind
@in_runtime
async def test_close_nowait_with_linger_0_drops_the_queue(kind: Kind) -> None:
    one, other = await kind.pair({"linger": (True, 0)})
    ok(await kind.module.send(one, bytes(LOTS)))
    assert kind.module.close_nowait(one) == Ok()
    assert await kind.module.send(one, b"x") == Error("closed")
    assert isinstance(await kind.module.recv(other, LOTS), Error)


@every_kind
@in_runtime
async def test_a_server_in_place_closes_its_socket(kind: Kind) -> None:
    class Session(otp.GenServer):
        def init(self, sock: Any) -> None:
            self.sock = sock

        def handle_call(self, request: str, caller: otp.Caller) -> otp.Stop:
            return otp.Stop("normal", reply=request)

        def terminate(self, reason: object) -> None:
            kind.module.close_nowait(self.sock)

    one, other = await kind.pair()
    pid = ok(await otp.start(Session, one))
    assert await otp.call(pid, "bye") == "bye"
    assert await kind.module.recv(other) == Error("closed")


@every_kind
@in_runtime
async def test_the_end_of_the_owner_ends_the_connection_behind_what_is_queued(kind: Kind) -> None:
    one, other = await kind.pair()

    async def owner() -> None:
        await receive(int)
        ok(await kind.module.send(one, bytes(LOTS)))

    pid = spawn(owner)
    ok(kind.module.controlling_process(one, pid))
    send(pid, 1)
    assert len(ok(await kind.module.recv(other, LOTS))) == LOTS
    ok(kind.setopts(other, {"active": True}))
    assert await receive() == kind.closed(other)


@every_kind
@every_body
@in_runtime
async def test_bytes_for_a_reader_that_is_killed_are_for_the_next_one(
    kind: Kind, light: bool
) -> None:
    one, other = await kind.pair()

    async def reader() -> None:
        await kind.module.recv(other, 4)

    pid, down = spawn_monitor(reader, light=light)
    await at_rest()
    ok(await kind.module.send(one, b"ab"))
    await at_rest()
    exit(pid, "kill")
    await receive(down)
    ok(await kind.module.send(one, b"cd"))
    assert await kind.module.recv(other, 4) == Ok(b"abcd")


@every_kind
@every_body
@pytest.mark.parametrize("exit_on_close", [True, False])
@in_runtime
async def test_the_rest_of_a_stream_is_not_lost_with_a_reader_that_is_killed(
    kind: Kind, light: bool, exit_on_close: bool
) -> None:
    one, other = await kind.pair({}, {"packet": 2, "exit_on_close": exit_on_close})

    async def reader() -> None:
        await kind.module.recv(other)

    pid, down = spawn_monitor(reader, light=light)
    await at_rest()
    one._actor.send_at_once(b"\0\5part")
    one._actor.shutdown(stdlib.SHUT_WR)
    other._actor.on_ready(True, False, True)  # has a result from here on, and has not run
    exit(pid, "kill")
    await receive(down)
    reason = kind.dead if exit_on_close else "closed"
    assert await kind.module.recv(other) == Error(reason, b"\0\5part")
    assert await kind.module.recv(other) == Error(reason)
