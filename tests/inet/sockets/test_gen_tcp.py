"""Connected sockets of gen_tcp: data, modes, the output queue, owners, closing."""

import os
import socket as stdlib
from math import inf
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import (
    BadMatch,
    Error,
    Exit,
    Ok,
    Pid,
    current_pid,
    exit,
    gen_tcp,
    gen_udp,
    inet,
    is_alive,
    ok,
    receive,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
    trap_exit,
)
from actorsock.gen_tcp import TcpSocket
from actorsock.inet import PortDown, Tcp, TcpClosed, TcpError, TcpPassive, Udp
from actorsock.runtime.core.body import TIMED_OUT
from actorsock.runtime.core.process import alive
from actorsock.socket import SockAddrIn

from ...stories import in_runtime, until
from .support import LOOPBACK, at_rest, every_body, mail_of, pair

LOTS = 2**24
"""More bytes than the kernel takes while the peer does not read."""


@every_body
@in_runtime
async def test_packets_come_as_messages(light: bool) -> None:
    async def owner() -> None:
        one, other = await pair({"packet": 4}, {"packet": 4, "active": True})
        for data in (b"", b"a", b"x" * 100_000):
            ok(await gen_tcp.send(one, data))
            assert await receive() == Tcp(other, data)
        ok(await gen_tcp.close(one))
        assert await receive() == TcpClosed(other)
        assert await gen_tcp.send(other, b"x") == Error("closed")

    _, down = spawn_monitor(owner, light=light)
    assert (await receive(down)).reason == "normal"


@in_runtime
async def test_an_owner_that_handles_messages_in_place_sets_the_mode_anew() -> None:
    seen: list[Any] = []
    anew: dict[str, Any] = {}

    def handles(message: Any) -> None:
        seen.append(message.data if isinstance(message, Tcp) else type(message))
        if isinstance(message, Tcp | TcpPassive):
            ok(inet.setopts(other, anew))

    one, other = await pair({"packet": 1}, {"packet": 1})
    ok(gen_tcp.controlling_process(other, spawn_handler(handles)))
    for first, mode, wanted in (
        (1, 1, [b"a", TcpPassive, b"b"]),
        ("once", "once", [b"a", b"b"]),
        ("once", False, [b"a"]),
    ):
        seen.clear()
        anew["active"] = mode
        ok(inet.setopts(other, {"active": first}))
        ok(await gen_tcp.send(one, b"a"))
        ok(await gen_tcp.send(one, b"b"))
        await at_rest()
        assert seen == wanted
    await gen_tcp.close(one)
    await gen_tcp.close(other)


@every_body
@in_runtime
async def test_a_recv_goes_on_where_an_active_mode_has_ended(light: bool) -> None:
    one, other = await pair({"packet": 0}, {"packet": 1})
    results: list[Any] = []

    async def reader() -> None:
        results.append(await gen_tcp.recv(other))

    _, down = spawn_monitor(reader, light=light)
    await at_rest()
    ok(inet.setopts(other, {"active": "once"}))
    ok(await gen_tcp.send(one, b"\1a\1b"))  # both packets come in one read
    assert await receive(Tcp) == Tcp(other, b"a")
    assert (await receive(down)).reason == "normal"
    assert results == [Ok(b"b")]


@every_body
@in_runtime
async def test_a_passive_socket_is_read_with_recv(light: bool) -> None:
    async def reader() -> None:
        one, other = await pair()
        ok(await gen_tcp.send(one, [b"ab", [99, b"d"]]))
        assert await gen_tcp.recv(other, 3) == Ok(b"abc")
        assert await gen_tcp.recv(other) == Ok(b"d")
        assert await gen_tcp.recv(other, 0, 0) == Error("timeout")
        assert await gen_tcp.recv(other, 5, timeout=0.01) == Error("timeout")
        ok(await gen_tcp.send(one, b"rest"))
        ok(await gen_tcp.close(one))
        assert await gen_tcp.recv(other, 5) == Error("closed", b"rest")
        assert await gen_tcp.recv(other, 5) == Error("enotconn")
        ok(await gen_tcp.close(other))

    _, down = spawn_monitor(reader, light=light)
    assert (await receive(down)).reason == "normal"


@in_runtime
async def test_connect_takes_names_addresses_and_records() -> None:
    listener = ok(gen_tcp.listen(0, {"ip": LOOPBACK}))
    port = ok(inet.port(listener))
    places: list[tuple[Any, ...]] = [
        ("localhost", port),
        (LOOPBACK, port),
        ("127.1", port),
        ((127, 0, 0, 1), port),
        (SockAddrIn(LOOPBACK, port),),
        ({"family": "inet", "addr": "loopback", "port": port},),
    ]
    for place in places:
        sock = ok(await gen_tcp.connect(*place, timeout=10))
        assert inet.peername(sock) == Ok((LOOPBACK, port))
        ok(await gen_tcp.close(sock))
    assert await gen_tcp.connect("::1", port) == Error("nxdomain")
    assert await gen_tcp.connect("no.such.invalid", port, timeout=20) == Error("nxdomain")
    assert await gen_tcp.connect((127, 0, 0, 1), port, ["inet6"]) == Error("eafnosupport")
    ok(await gen_tcp.close(listener))
    assert await gen_tcp.connect(LOOPBACK, port) == Error("econnrefused")


@pytest.mark.parametrize(
    ("place", "options", "error"),
    [
        ((LOOPBACK, -1), {}, ValueError),
        ((LOOPBACK, "no such service"), {}, ValueError),
        ((LOOPBACK, None), {}, TypeError),
        ((7, 80), {}, TypeError),
        (((1, 2, 3), 80), {}, ValueError),
        ((LOOPBACK, 80), {"backlog": 5}, ValueError),
        ((LOOPBACK, 80), {"active": "twice"}, ValueError),
        ((LOOPBACK, 80), 5, TypeError),
        (((127, 0, 0, 1), 80), 5, TypeError),
        ((SockAddrIn(LOOPBACK, 80), 80), {}, TypeError),
    ],
)
@in_runtime
async def test_connect_refuses_wrong_arguments(
    place: tuple[Any, ...], options: Any, error: type[Exception]
) -> None:
    # Each text names the argument or the option.
    with pytest.raises(error, match=r"^(address|port|options|option \S+): "):
        await gen_tcp.connect(*place, options)


@in_runtime
async def test_connect_times_out_and_leaves_nothing() -> None:
    with stdlib.socket() as full:
        full.bind((LOOPBACK, 0))
        full.listen(0)
        waiting = [stdlib.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        assert await gen_tcp.connect(*full.getsockname(), timeout=0.05) == Error("timeout")
        for sock in waiting:
            sock.close()


@pytest.mark.parametrize("name", ["silent", "silent1", "silent.1a"])
@in_runtime
async def test_the_time_of_a_connect_includes_the_look_up(name: str) -> None:
    class Silent(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *asked: Any) -> Any:
            await trio.sleep_forever()

        async def getnameinfo(self, *asked: Any) -> Any:
            raise AssertionError

    trio.socket.set_custom_hostname_resolver(Silent())
    assert await gen_tcp.connect(name, 80, timeout=0.01) == Error("timeout")


@in_runtime
async def test_a_local_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    listener = ok(gen_tcp.listen(0, {"ip": ("local", path), "active": False}))
    assert inet.port(listener) == Ok(path.encode())
    one = ok(await gen_tcp.connect(("local", path), 0, {"active": False}))
    other = ok(await gen_tcp.accept(listener))
    assert inet.peername(other) == Ok(("local", b""))
    ok(await gen_tcp.send(one, b"hi"))
    assert await gen_tcp.recv(other) == Ok(b"hi")
    assert await gen_tcp.connect(("local", path + "x"), 0) == Error("enoent")
    for sock in (one, other, listener):
        ok(await inet.close(sock))


@in_runtime
async def test_send_timeout_close_ends_the_connection() -> None:
    one, _ = await pair({"high_watermark": 1, "send_timeout": 0.01, "send_timeout_close": True})
    ok(await gen_tcp.send(one, bytes(LOTS)))
    assert await gen_tcp.send(one, b"more") == Error("timeout", b"more")
    assert await gen_tcp.send(one, b"more") == Error("enotconn")
    assert await gen_tcp.recv(one) == Error("enotconn")
    assert inet.port(one) == Error("ebadf")
    assert inet.info(one).states == ()


@in_runtime
async def test_a_send_timeout_as_the_owner_ends_leaves_nothing_open() -> None:
    one, other = await pair({"high_watermark": 1, "send_timeout": 5, "send_timeout_close": True})
    owner = spawn_handler(lambda message: None)
    ok(await gen_tcp.send(one, bytes(LOTS)))
    ok(gen_tcp.controlling_process(one, owner))

    async def sender() -> None:
        await gen_tcp.send(one, b"more")

    pid, down = spawn_monitor(sender, light=True)
    await at_rest()
    alive[pid].body.wake(TIMED_OUT)  # as its timer does; and before the sender runs:
    exit(owner, "kill")
    assert (await receive(down)).reason == "normal"
    ok(await gen_tcp.close(other))
    await until(lambda: inet.info(one).states == ("closed",))


@in_runtime
async def test_a_close_with_linger_0_drops_what_is_queued() -> None:
    one, other = await pair({"linger": (True, 0)}, {"show_econnreset": True})
    ok(await gen_tcp.send(one, bytes(LOTS)))
    ok(await gen_tcp.close(one))
    ok(inet.setopts(other, {"active": True}))
    while isinstance(message := await receive(), Tcp):
        pass
    assert message == TcpError(other, "econnreset")
    assert await receive() == TcpClosed(other)


async def woken_reader(sock: TcpSocket, light: bool) -> tuple[Pid, list[Any]]:
    """Start a process that waits for a packet; a list has what it gets."""
    got: list[Any] = []

    async def reader() -> None:
        got.append(await gen_tcp.recv(sock))

    pid = spawn(reader, light=light)
    await at_rest()
    return pid, got


@every_body
@pytest.mark.parametrize("killed", [True, False])
@in_runtime
async def test_a_reader_does_not_overtake_one_that_has_been_woken(
    killed: bool, light: bool
) -> None:
    one, other = await pair({"packet": 1}, {"packet": 1})
    pid, got = await woken_reader(other, light)
    one._actor.send_at_once(b"first")
    one._actor.send_at_once(b"second")
    other._actor.on_ready(True, False, False)  # has a result from here on, and has not run
    if killed:
        exit(pid, "kill")
    assert await gen_tcp.recv(other, 0, 0) == Error("timeout")
    assert await gen_tcp.recv(other, 0, 5) == Ok(b"first" if killed else b"second")
    assert got == ([] if killed else [Ok(b"first")])


@every_body
@in_runtime
async def test_an_active_mode_does_not_overtake_a_reader_that_is_killed(light: bool) -> None:
    one, other = await pair({"packet": 1}, {"packet": 1})
    pid, _ = await woken_reader(other, light)
    one._actor.send_at_once(b"first")
    one._actor.send_at_once(b"second")
    other._actor.on_ready(True, False, False)
    exit(pid, "kill")
    ok(inet.setopts(other, {"active": True}))
    assert [await receive(), await receive()] == [Tcp(other, b"first"), Tcp(other, b"second")]


@in_runtime
async def test_a_packet_for_a_reader_that_is_cancelled_is_for_the_next_one() -> None:
    one, other = await pair({"packet": 2}, {"packet": 2})
    seen: list[Any] = []

    async def read() -> None:
        seen.append(await gen_tcp.recv(other))

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await at_rest()
            ok(await gen_tcp.send(one, b"packet"))
            await trio.lowlevel.checkpoint()  # it has been woken here, or will be
            scope.cancel()
    if not seen:
        await read()
    assert seen == [Ok(b"packet")]


@in_runtime
async def test_a_flood_does_not_starve_others() -> None:
    one, other = await pair({}, {"active": True})
    calm, quiet = await pair({}, {"active": True, "packet": 1})
    stop = trio.Event()

    async def flood() -> None:
        while not stop.is_set():
            ok(await gen_tcp.send(one, bytes(2**20)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        for number in range(20):
            ok(await gen_tcp.send(calm, bytes((1, number))))
            while (message := await receive(Tcp)).socket is not quiet:
                pass
            assert message.data == bytes((number,))
        stop.set()
    ok(inet.setopts(other, {"active": False}))


@in_runtime
async def test_messages_in_the_mailbox_go_with_the_socket() -> None:
    one, other = await pair({}, {"active": 2, "packet": 1})
    for data in (b"\1a", b"\1b", b"\1c"):
        ok(await gen_tcp.send(one, data))
    send(current_pid(), "mine")
    await until(lambda: len(mail_of(current_pid())) == 4)
    heard: list[Any] = []

    async def heir() -> None:
        while True:
            heard.append(await receive())

    pid = spawn(heir)
    assert gen_tcp.controlling_process(other, pid) == Ok()
    assert gen_tcp.controlling_process(other, current_pid()) == Error("not_owner")
    assert mail_of(current_pid()) == ["mine", TcpPassive(other)]
    ok(inet.setopts(other, {"active": True}))
    await until(lambda: len(heard) == 3)
    assert heard == [Tcp(other, b"a"), Tcp(other, b"b"), Tcp(other, b"c")]
    exit(pid, "kill")
    assert await gen_tcp.recv(one) == Error("closed")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@in_runtime
async def test_a_new_owner_that_asks_for_more_in_place_gets_all_in_order(kind: str) -> None:
    sent = [b"\1a", b"\1b", b"\1c", b"\1d"]
    one: Any
    other: Any
    if kind == "tcp":
        one, other = await pair({}, {"packet": 1})
        ok(await gen_tcp.send(one, sent))
    else:
        one, other = (ok(gen_udp.open(0, {"ip": LOOPBACK, "active": False})) for _ in range(2))
        for data in sent:
            ok(await gen_udp.send(one, LOOPBACK, ok(inet.port(other)), data))
    ok(inet.setopts(other, {"active": 2}))
    await until(lambda: len(mail_of(current_pid())) == 3)
    heard: list[bytes] = []

    def heir(message: Any) -> None:
        if isinstance(message, Tcp | Udp):
            heard.append(message.data[-1:])
            ok(inet.setopts(other, {"active": "once"}))

    pid = spawn_handler(heir)
    give = gen_tcp.controlling_process if kind == "tcp" else gen_udp.controlling_process
    assert give(other, pid) == Ok()
    await until(lambda: len(heard) == 4)
    assert heard == [b"a", b"b", b"c", b"d"]
    assert len(mail_of(current_pid())) == 1  # that the mode has become passive


@in_runtime
async def test_a_monitor_ends_with_its_process() -> None:
    one, other = await pair()
    heir = spawn_handler(lambda message: None)

    async def watcher() -> None:
        for sock in (one, one, other):
            inet.monitor(sock)
        if current_pid() is inet.info(other).owner:
            ok(gen_tcp.controlling_process(other, heir))

    for owner in (None, other):
        pid, down = spawn_monitor(watcher)
        if owner is not None:
            ok(gen_tcp.controlling_process(owner, pid))
        await receive(down)
        assert inet.info(one).monitors == inet.info(other).monitors == 0
    assert inet.info(other).owner is heir
    refs = [inet.monitor(one), inet.monitor(one)]
    assert inet.cancel_monitor(refs[0])
    ok(await gen_tcp.close(one))
    assert (await receive(PortDown)).ref is refs[1]


@in_runtime
async def test_an_owner_that_traps_exits_hears_of_a_close_by_another() -> None:
    trap_exit(True)
    one, _ = await pair()
    monitored = inet.monitor(one)

    async def stranger() -> None:
        ok(await gen_tcp.close(one))

    spawn(stranger)
    exited = await receive(Exit)
    assert (exited.pid, exited.reason) == (one, "normal")
    assert await receive(PortDown) == PortDown(monitored, one, "normal")
    later = inet.monitor(one)
    assert await receive(PortDown) == PortDown(later, one, "noproc")
    assert not inet.cancel_monitor(later)


@in_runtime
async def test_acceptors_are_served_in_order_and_a_killed_one_is_left_out() -> None:
    listener = ok(gen_tcp.listen(0, {"ip": LOOPBACK, "active": False}))
    served: list[int] = []

    async def acceptor(number: int) -> None:
        ok(await gen_tcp.accept(listener))
        served.append(number)

    pids = []
    for number in range(3):
        pids.append(spawn(acceptor, number))
        await at_rest()
    assert inet.info(listener).states == ("accepting", "listen", "open")
    exit(pids[0], "kill")
    await until(lambda: not is_alive(pids[0]))
    for _ in range(2):
        ok(await gen_tcp.connect(LOOPBACK, ok(inet.port(listener))))
        await at_rest()
    assert served == [1, 2]
    assert await gen_tcp.accept(listener, 0) == Error("timeout")
    ok(await gen_tcp.close(listener))
    assert await gen_tcp.accept(listener) == Error("closed")


@in_runtime
async def test_an_accept_that_is_cancelled_takes_no_connection() -> None:
    listener = ok(gen_tcp.listen(0, {"ip": LOOPBACK, "active": False}))
    with trio.move_on_after(0.01):
        await gen_tcp.accept(listener)
    one = ok(await gen_tcp.connect(LOOPBACK, ok(inet.port(listener)), {"active": False}))
    other = ok(await gen_tcp.accept(listener, 5))
    ok(await gen_tcp.send(one, b"x"))
    assert await gen_tcp.recv(other) == Ok(b"x")
    ok(await gen_tcp.close(listener))


@in_runtime
async def test_sendfile_sends_a_part_of_a_file(tmp_path: Path) -> None:
    one, other = await pair({"packet": 4})
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    assert await gen_tcp.sendfile(one, file, 2, 5) == Ok(5)
    assert await gen_tcp.recv(other, 5) == Ok(b"23456")
    assert await gen_tcp.sendfile(one, file, 8) == Ok(2)
    assert await gen_tcp.recv(other, 2) == Ok(b"89")
    assert await gen_tcp.sendfile(one, tmp_path / "missing") == Error("enoent")
    os.mkfifo(tmp_path / "pipe")
    assert await gen_tcp.sendfile(one, tmp_path / "pipe") == Error("espipe")  # without a wait


@in_runtime
async def test_the_sockets_of_socket_and_gen_tcp_are_not_mixed() -> None:
    one, _ = await pair()
    with pytest.raises(TypeError):
        await socket.recv(one)
    plain = ok(socket.open("inet", "stream"))
    with pytest.raises(TypeError):
        await gen_tcp.recv(plain)  # type: ignore[arg-type]
    ok(await socket.close(plain))


@in_runtime
async def test_a_socket_is_closed_at_the_end_of_its_block() -> None:
    one, other = await pair()
    async with one:
        pass
    assert inet.info(one).states == ("closed",)
    assert await gen_tcp.recv(other) == Error("closed")
    assert repr(one).startswith("#Port<0.")


@in_runtime
async def test_a_low_water_mark_holds_back_reports_but_no_bytes() -> None:
    mark = [("raw", stdlib.SOL_SOCKET, stdlib.SO_RCVLOWAT, (9).to_bytes(4, "little"))]
    listener = ok(gen_tcp.listen(0, [("ip", LOOPBACK), ("active", False), *mark]))
    one = ok(await gen_tcp.connect(LOOPBACK, ok(inet.port(listener)), {"active": False}))
    other = ok(await gen_tcp.accept(listener))
    ok(inet.setopts(one, mark))
    for sender, reader in ((one, other), (other, one)):
        assert await gen_tcp.recv(reader, 0, 0.001) == Error("timeout")
        ok(await gen_tcp.send(sender, b"few"))  # is not reported
        await at_rest()
        assert await gen_tcp.recv(reader, 0, 0) == Ok(b"few")
        ok(inet.setopts(reader, {"active": "once"}))
        ok(await gen_tcp.send(sender, b"many more"))
        assert await receive() == Tcp(reader, b"many more")


@in_runtime
async def test_text_goes_back_to_a_socket_that_gives_it() -> None:
    one, other = await pair({}, {"mode": "list", "active": True})
    ok(await gen_tcp.send(one, bytes(range(256))))
    text = (await receive(Tcp)).data
    ok(await gen_tcp.send(other, [text, ["done", 10]]))
    assert await gen_tcp.recv(one, 261) == Ok(bytes(range(256)) + b"done\n")
    with pytest.raises(ValueError, match="data: expected characters up to"):
        await gen_tcp.send(other, "\u20ac")
    with pytest.raises(TypeError, match="bytes-like"):
        await gen_tcp.send(one, "text")
    ok(await gen_tcp.close(other))
    assert await gen_tcp.send(other, "text") == Error("closed")


@in_runtime
async def test_options_that_do_not_exist_and_the_timeouts() -> None:
    one, _ = await pair()
    assert inet.setopts(one, {"no such": 1}) == Error("einval")
    assert inet.getopts(one, ["send_timeout"]) == Ok({"send_timeout": inf})
    raw = ("raw", stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE)
    ok(inet.setopts(one, [(*raw, (1).to_bytes(4, "little"))]))
    assert ok(inet.getopts(one, [(*raw, 4)]))[raw] != bytes(4)
    with pytest.raises(BadMatch):
        ok(inet.getopts(one, ["no such"]))


@in_runtime
async def test_a_socket_of_an_open_descriptor() -> None:
    one, other = stdlib.socketpair()
    with other:
        sock = ok(gen_tcp.fdopen(one.detach(), {"packet": 1, "active": "once"}))
        other.sendall(b"\2hi")
        assert await receive() == Tcp(sock, b"hi")
        ok(await gen_tcp.send(sock, b"yes"))
        assert other.recv(9) == b"\3yes"
        ok(await gen_tcp.close(sock))
        assert other.recv(9) == b""


@in_runtime
async def test_a_low_water_mark_of_an_open_descriptor() -> None:
    with stdlib.create_server((LOOPBACK, 0)) as server:
        one = stdlib.create_connection(server.getsockname())
        other, _ = server.accept()
    with other:
        one.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVLOWAT, 9)
        sock = ok(gen_tcp.fdopen(one.detach(), {"active": False}))
        assert await gen_tcp.recv(sock, 0, 0.001) == Error("timeout")
        other.sendall(b"few")
        await at_rest()
        assert await gen_tcp.recv(sock, 0, 0) == Ok(b"few")


@in_runtime
async def test_descriptors_that_are_no_connection(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert gen_tcp.fdopen(file.fileno()) == Error("enotsock")
    assert gen_tcp.fdopen(9999) == Error("ebadf")
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as datagrams:
        assert gen_tcp.fdopen(datagrams.fileno()) == Error("einval")
    with pytest.raises(ValueError, match="fd: expected a descriptor"):
        gen_tcp.fdopen(2**32)  # which is 0 as a C int
    with stdlib.socket() as sock, pytest.raises(TypeError, match="options: expected a list"):
        gen_tcp.fdopen(sock.fileno(), 5)  # type: ignore[arg-type]
