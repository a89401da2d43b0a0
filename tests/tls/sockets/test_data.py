"""Data over TLS: modes, packets, recv and send, owners, closing."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    gen_tcp,
    inet,
    ok,
    receive,
    socket,
    spawn,
    spawn_monitor,
    ssl,
    trap_exit,
)
from actorsock.inet import AbsPath, HttpHeader, HttpRequest
from actorsock.ssl import Ssl, SslClosed, SslError, SslPassive

from ...inet.sockets.support import at_rest, every_body, mail_of
from ...stories import in_runtime, until
from .support import pair

LOTS = 2**23
"""More bytes than the kernel takes while the peer does not read."""

every_version = pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])


@every_version
@in_runtime
async def test_packets_come_as_messages(version: str) -> None:
    one, other = await pair({"packet": 4, "versions": [version]}, {"packet": 4, "active": True})
    assert ok(ssl.connection_information(other, ["protocol"])) == {"protocol": version}
    for data in (b"", b"a", b"x" * 100_000):
        ok(await ssl.send(one, data))
        assert await receive() == Ssl(other, data)
    ok(await ssl.close(one))
    closed = await receive(SslClosed)
    assert (closed, closed.announced) == (SslClosed(other), True)
    assert await ssl.send(other, b"x") == Error("closed")


@every_body
@in_runtime
async def test_a_process_of_each_kind_answers(light: bool) -> None:
    one, other = await pair({"packet": 4}, {"packet": 4})

    async def echo() -> None:
        while isinstance(message := await receive((Ssl, SslClosed)), Ssl):
            ok(await ssl.send(other, message.data))
            ok(ssl.setopts(other, {"active": "once"}))

    pid, down = spawn_monitor(echo, light=light)
    ok(ssl.controlling_process(other, pid))
    ok(ssl.setopts(other, {"active": "once"}))
    for data in (b"", b"a", b"x" * 100_000):
        ok(await ssl.send(one, data))
        assert await ssl.recv(one) == Ok(data)
    ok(await ssl.close(one))
    assert (await receive(down)).reason == "normal"


@in_runtime
async def test_a_passive_socket_is_read_with_recv() -> None:
    one, other = await pair()
    ok(await ssl.send(one, [b"ab", [99, b"d"]]))
    assert await ssl.recv(other, 3) == Ok(b"abc")
    assert await ssl.recv(other) == Ok(b"d")
    assert await ssl.recv(other, 0, 0) == Error("timeout")
    assert await ssl.recv(other, 5, timeout=0.01) == Error("timeout")
    ok(await ssl.send(one, b"rest"))
    ok(await ssl.close(one))
    assert await ssl.recv(other, 5) == Error("closed", b"rest")
    assert await ssl.recv(other, 5) == Error("closed")


@in_runtime
async def test_a_record_is_the_most_that_a_raw_message_holds() -> None:
    one, other = await pair({}, {"active": True})
    ok(await ssl.send(one, bytes(20_000)))
    sizes = [len((await receive(Ssl)).data) for _ in range(2)]
    assert sum(sizes) == 20_000
    assert max(sizes) <= 16_384
    ok(ssl.setopts(other, {"active": False}))
    ok(await ssl.send(one, bytes(20_000)))
    assert len(ok(await ssl.recv(other))) <= 16_384


@in_runtime
async def test_packet_types_change_in_mid_stream() -> None:
    one, other = await pair({}, {"packet": "http_bin", "active": "once"})
    ok(await ssl.send(one, b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + b"x" * 40_000))
    seen: list[Any] = []
    while seen[-1:] != ["http_eoh"]:
        seen.append((await receive(Ssl)).data)
        ok(ssl.setopts(other, {"active": "once" if seen[-1] != "http_eoh" else False}))
    assert seen[:2] == [
        HttpRequest("POST", AbsPath(b"/"), (1, 1)),
        HttpHeader(38, "Content-Length", b"Content-Length", b"4"),
    ]
    ok(ssl.setopts(other, {"packet": "raw"}))
    assert await ssl.recv(other, 4) == Ok(b"body")
    ok(ssl.setopts(other, {"packet": "line"}))
    ok(await ssl.send(one, b"\n"))
    assert await ssl.recv(other, 7) == Ok(b"x" * 40_000 + b"\n")  # as long as it is


@in_runtime
async def test_the_forms_of_data() -> None:
    one, other = await pair({}, {"header": 2})
    ok(await ssl.send(one, b"abc"))
    assert await ssl.recv(other) == Ok((97, 98, b"c"))
    ok(ssl.setopts(other, ["list", ("header", 0), ("active", True)]))
    ok(await ssl.send(one, b"abc"))
    assert await receive() == Ssl(other, "abc")
    assert ok(ssl.getopts(other, ["mode", "active", "packet"])) == {
        "mode": "list", "active": True, "packet": 0,
    }  # fmt: skip


@in_runtime
async def test_a_count_of_messages() -> None:
    one, other = await pair({"packet": 1}, {"packet": 1, "active": 2})
    for data in (b"a", b"b", b"c"):
        ok(await ssl.send(one, data))
    assert [await receive() for _ in range(3)] == [
        Ssl(other, b"a"), Ssl(other, b"b"), SslPassive(other),
    ]  # fmt: skip
    assert await ssl.recv(other) == Ok(b"c")
    assert ssl.setopts(other, {"active": 0}) == Ok()
    assert await receive() == SslPassive(other)
    ok(ssl.setopts(other, {"active": 2**15 - 1}))
    assert await ssl.recv(other) == Error("einval")
    refused = Error(("options", ("socket_options", ("active", 1))))
    assert ssl.setopts(other, {"active": 1}) == refused


@in_runtime
async def test_waiting_data_comes_before_the_end() -> None:
    one, other = await pair({"packet": 1}, {"packet": 1})
    ok(await ssl.send(one, b"a"))
    ok(await ssl.send(one, b"b"))
    ok(await ssl.close(one))
    await at_rest()
    for expected in (Ssl(other, b"a"), Ssl(other, b"b"), SslClosed(other)):
        ok(ssl.setopts(other, {"active": "once"}))
        assert await receive() == expected
    assert ssl.setopts(other, {"active": "once"}) == Error("closed")
    assert ssl.getopts(other, ["active"]) == Error("closed")


@in_runtime
async def test_a_packet_that_is_too_large() -> None:
    one, other = await pair({}, {"packet": 4, "packet_size": 100})
    ok(await ssl.send(one, b"\0\0\0\1a\0\0\1\0x"))
    assert await ssl.recv(other) == Ok(b"a")
    assert await ssl.recv(other) == Error(("invalid_packet", b"\0\0\1\0x"))
    assert await ssl.recv(other) == Error("closed")
    one, other = await pair({}, {"packet": 4, "packet_size": 100, "active": True})
    ok(await ssl.send(one, b"\0\0\1\0x"))
    assert await receive() == SslError(other, ("invalid_packet", b"\0\0\1\0x"))
    one, other = await pair({"packet": 1})
    assert await ssl.send(one, bytes(300)) == Error(("badarg", ("packet_to_large", 300, 255)))
    ok(await ssl.send(one, bytes(255)))


@in_runtime
async def test_several_readers_are_served_in_order() -> None:
    one, other = await pair({"packet": 1}, {"packet": 1})
    served: list[Any] = []

    async def reader(number: int) -> None:
        served.append((number, await ssl.recv(other)))

    pids = []
    for number in range(4):
        pids.append(spawn(reader, number))
        await at_rest()
    exit(pids[1], "kill")
    assert await ssl.recv(other, 0, 0.01) == Error("timeout")
    for data in (b"a", b"b", b"c"):
        ok(await ssl.send(one, data))
    await until(lambda: len(served) == 3)
    assert served == [(0, Ok(b"a")), (2, Ok(b"b")), (3, Ok(b"c"))]


@in_runtime
async def test_the_time_of_a_reader_counts_from_its_call(mock_clock: MockClock) -> None:
    _, other = await pair()
    served: list[Any] = []

    async def reader(seconds: float) -> None:
        served.append((seconds, await ssl.recv(other, 0, seconds)))

    for seconds in (3, 5):
        spawn(reader, seconds)
        await at_rest()
    for seconds in (3, 2):
        mock_clock.jump(seconds)
        await at_rest()
    assert served == [(3, Error("timeout")), (5, Error("timeout"))]


@in_runtime
async def test_waiting_readers_hear_of_the_end() -> None:
    one, other = await pair()
    heard: list[Any] = []

    async def reader() -> None:
        heard.append(await ssl.recv(other))

    for _ in range(3):
        spawn(reader)
        await at_rest()
    ok(await ssl.close(one))
    await until(lambda: len(heard) == 3)
    assert heard == [Error("closed")] * 3


@pytest.mark.parametrize("sizes", [[2**20], [1] * 500], ids=["large pieces", "tiny records"])
@in_runtime
async def test_a_flood_does_not_starve_others(sizes: list[int]) -> None:
    one, other = await pair({}, {"active": True})
    calm, quiet = await pair({"packet": 1}, {"active": True, "packet": 1})
    stop = trio.Event()

    async def flood() -> None:
        while not stop.is_set():
            for size in sizes:
                ok(await ssl.send(one, bytes(size)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        for number in range(20):
            ok(await ssl.send(calm, bytes((number,))))
            while (message := await receive(Ssl)).socket is not quiet:
                pass
            assert message.data == bytes((number,))
        stop.set()
    ok(ssl.setopts(other, {"active": False}))


@in_runtime
async def test_any_process_may_give_the_socket_away_and_messages_stay() -> None:
    one, other = await pair({"packet": 1}, {"packet": 1, "active": "once"})
    ok(await ssl.send(one, b"mine"))
    await until(lambda: mail_of(current_pid()))
    heard: list[Any] = []

    async def heir() -> None:
        while True:
            heard.append(await receive())

    pid = spawn(heir)

    async def stranger() -> None:
        ok(ssl.controlling_process(other, pid))
        ok(ssl.setopts(other, {"active": True}))

    spawn(stranger)
    ok(await ssl.send(one, b"yours"))
    await until(lambda: heard)
    assert heard == [Ssl(other, b"yours")]
    assert await receive() == Ssl(other, b"mine")
    exit(pid, "kill")
    assert await ssl.recv(one) == Error("closed")
    assert ssl.controlling_process(other, current_pid()) == Error("closed")
    one, other = await pair()
    ok(ssl.controlling_process(one, pid))  # has ended
    assert await ssl.recv(other) == Error("closed")


@in_runtime
async def test_close_tells_the_peer_and_leaves_messages_alone() -> None:
    trap_exit(True)
    one, other = await pair({"active": True}, {"active": True})

    async def stranger() -> None:
        ok(await ssl.close(one))

    spawn(stranger)
    assert await receive() == SslClosed(other)  # and no exit of `one`, nor a message
    assert await ssl.close(one) == await ssl.close(other) == Ok()
    for call in (ssl.peercert, ssl.negotiated_protocol, ssl.connection_information):
        assert call(one) == Error("closed")
    assert ssl.shutdown(one, "write") == Error("closed")
    assert ssl.peername(one) == ssl.sockname(one) == Error("einval")
    assert mail_of(current_pid()) == []


@in_runtime
async def test_close_waits_for_what_is_queued_but_no_longer_than_asked() -> None:
    one, other = await pair()
    ok(await ssl.send(one, bytes(LOTS)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ssl.close, one)
        await at_rest()
        assert len(ok(await ssl.recv(other, LOTS))) == LOTS
    one, other = await pair()
    ok(await ssl.send(one, bytes(LOTS)))
    ok(await ssl.close(one, 0.01))
    ok(ssl.setopts(other, {"active": True}))
    closed = await receive(SslClosed)
    assert not closed.announced  # it was not all: the peer can tell


@in_runtime
async def test_a_socket_is_closed_at_the_end_of_its_block() -> None:
    one, other = await pair()
    async with one:
        ok(await ssl.send(one, b"last"))
    assert await ssl.recv(other, 9) == Error("closed", b"last")
    assert repr(one).startswith("#SslSocket<0.")


@in_runtime
async def test_shutdown_announces_the_end_and_goes_on_reading() -> None:
    one, other = await pair()
    ok(await ssl.send(one, bytes(LOTS)))
    assert ssl.shutdown(one, "write") == Ok()
    assert await ssl.send(one, b"x") == Error("closed")
    ok(await ssl.send(other, b"answer"))
    assert await ssl.recv(one) == Ok(b"answer")
    assert len(ok(await ssl.recv(other, LOTS))) == LOTS
    assert ssl.shutdown(one, "write") == Ok()
    assert await ssl.recv(other) == Error("closed")
    assert await ssl.recv(one) == Error("closed")
    one, other = await pair()
    assert ssl.shutdown(one, "read_write") == Ok()
    assert await ssl.recv(other) == Error("closed")
    assert await ssl.recv(one) == Error("closed")


@in_runtime
async def test_options_that_do_not_exist() -> None:
    one, _ = await pair()
    wrong = Error(("options", ("socket_options", (("foo", 1),), "einval")))
    assert ssl.setopts(one, {"foo": 1}) == wrong
    unknown = Error(("options", ("socket_options", "foo", "einval")))
    assert ssl.getopts(one, ["nodelay", "foo"]) == unknown
    ok(ssl.setopts(one, {"nodelay": True}))
    assert ssl.getopts(one, ["nodelay"]) == Ok({"nodelay": True})
    for call in (ssl.setopts, ssl.getopts):
        with pytest.raises(TypeError):
            call(one, 5)  # type: ignore[arg-type]


@in_runtime
async def test_other_functions_refuse_the_sockets_of_ssl() -> None:
    one, _ = await pair()
    for call in (gen_tcp.recv, inet.close, socket.recv):
        with pytest.raises(TypeError):
            await call(one)
    with pytest.raises(TypeError):
        inet.setopts(one, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await ssl.recv("sock")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await ssl.send(one, "text")
    with pytest.raises(ValueError, match="how"):
        ssl.shutdown(one, "both")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await ssl.close(one, (1, 2, 3))  # type: ignore[arg-type]
