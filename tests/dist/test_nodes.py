"""Nodes that come and go: connecting, refusing, silence, disconnecting, coming back."""

import logging
import os
import signal
import socket as stdlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import (
    CallError,
    Down,
    Exit,
    Pid,
    current_pid,
    dist,
    link,
    monitor,
    open_runtime,
    otp,
    processes,
    receive,
    register,
    registered,
    send,
    sleep,
    socket,
    spawn,
    spawn_monitor,
    trap_exit,
    unregister,
)
from actorsock.dist import Atom, NodeDown, NodeUp
from actorsock.dist.node import epmd as epmd_client
from actorsock.dist.node.distribution import distribution

from ..stories import in_runtime, until
from .conftest import Join
from .nodes import Beam, start_epmd

NOBODY = "nobody@127.0.0.1"


async def test_a_node_that_is_not_there(joined: Any) -> None:
    assert await dist.ping(NOBODY) == "pang"
    assert not await dist.connect_node(NOBODY)
    send(("anybody", NOBODY), "dropped")
    ref = monitor(("anybody", NOBODY))
    assert await receive(ref) == Down(ref, ("anybody", NOBODY), "noconnection")
    dist.monitor_node(NOBODY)
    assert await receive() == NodeDown(NOBODY, "noconnection")
    with pytest.raises(CallError, match="noconnection"):
        await otp.call(("anybody", NOBODY), 1)
    with pytest.raises(dist.ErpcError, match="noconnection"):
        await dist.erpc.call(NOBODY, "a", "b")


async def test_names_of_nodes(joined: Any) -> None:
    me = joined.name
    assert dist.node() == me
    assert await dist.ping(me) == "pong"
    assert await dist.connect_node(me)
    assert not dist.disconnect_node(NOBODY)
    register("me", current_pid())
    send(("me", me), 5)
    assert await receive() == 5
    ref = monitor(("nobody", me))
    assert (await receive(ref)).reason == "noproc"


@in_runtime
async def test_without_a_cluster() -> None:
    assert dist.node() == "nonode@nohost"
    with pytest.raises(RuntimeError, match="no node of a cluster"):
        dist.nodes()
    with pytest.raises(RuntimeError, match="no node of a cluster"):
        await dist.erpc.call("a@b", "c", "d")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"name": "py"}, ValueError, "name: expected name@host, got 'py'"),
        ({"name": 5}, TypeError, "name: expected the name of a node"),
        ({"cookie": 5}, TypeError, "cookie: expected a str"),
        ({"cookie": ""}, ValueError, "cookie: expected 1 to 255"),
        ({"cookie_file": "x"}, ValueError, "only one of them"),
        ({"listen": "0.0.0.0"}, ValueError, "can be reached by other machines"),
        ({"listen": "localhost"}, ValueError, "listen: expected a numeric address"),
        ({"listen": 5}, TypeError, "listen: expected an address"),
        ({"port": -1}, ValueError, "port: expected a port"),
        ({"net_ticktime": "x"}, TypeError, "net_ticktime: expected seconds"),
        ({"none": "null"}, ValueError, "none: expected one of"),
        ({"hidden": 1}, TypeError, "hidden: expected a bool"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
@in_runtime
async def test_wrong_arguments(arguments: Any, error: type[Exception], says: str) -> None:
    name = arguments.pop("name", "py@127.0.0.1")
    with pytest.raises(error, match=says):
        async with dist.start(name, **{"cookie": "secret", **arguments}):
            pass
    assert registered() == []


def test_cookies_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cookie"
    file.write_text("secret\n")
    file.chmod(0o440)
    with pytest.raises(PermissionError, match="chmod 400"):
        dist.cookie_from_file(file)
    file.chmod(0o400)
    assert dist.cookie_from_file(file) == "secret"
    file.chmod(0o600)
    file.write_text("\n")
    with pytest.raises(ValueError, match="it is empty"):
        dist.cookie_from_file(file)


async def test_the_cookie_of_the_environment(
    runtime: None, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTORSOCK_COOKIE", raising=False)
    with pytest.raises(ValueError, match="ACTORSOCK_COOKIE"):
        async with join(cookie=None):
            pass
    monkeypatch.setenv("ACTORSOCK_COOKIE", "secret")
    async with join(cookie=None) as node:
        assert node.port
        with pytest.raises(RuntimeError, match="a node already"):
            async with join():
                pass
    assert dist.node() == "nonode@nohost"


@in_runtime
async def test_no_epmd() -> None:
    with stdlib.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(dist.NotRegistered, match="epmd -daemon"):
        async with dist.start("py@127.0.0.1", cookie="x", epmd_port=port):
            pass


@in_runtime
async def test_a_start_that_is_cancelled_leaves_no_socket() -> None:
    with stdlib.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with trio.move_on_after(0.05) as limit:
            async with dist.start("py@127.0.0.1", cookie="x", epmd_port=port):
                pass
    assert limit.cancelled_caught
    assert socket.which_sockets() == []


async def test_who_has_ended_hears_of_no_node(joined: Any, second: Any) -> None:
    node = await second.start()
    assert await dist.connect_node(node.name)

    async def watcher() -> None:
        dist.monitor_nodes(True)
        dist.monitor_node(node.name)

    for _ in range(3):
        _, down = spawn_monitor(watcher)
        await receive(down)
    await watcher()
    home = distribution()
    assert home.news._watchers == {node.name: [current_pid()]}
    assert home.news._subscribers == {current_pid(): 1}
    dist.monitor_nodes(False)


async def test_a_name_that_is_taken(
    joined: Any, epmd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epmd_client, "_FORMER_LIFE", 0.2)

    async def second() -> None:
        async with open_runtime():
            with pytest.raises(dist.NotRegistered, match="has a node"):
                async with dist.start(joined.name, cookie="x", epmd_port=epmd):
                    pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(second)


async def test_epmd_ends_and_another_one_comes(
    runtime: None, erl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epmd_client, "_PAUSE", 0.05)
    program, port = start_epmd()
    try:
        async with dist.start("py@127.0.0.1", cookie="x", epmd_port=port) as node:
            assert await epmd_client.names("127.0.0.1", port) == {"py": node.port}
            program.kill()
            program.wait()
            assert await epmd_client.names("127.0.0.1", port) is None
            program = type(program)(["epmd", "-port", str(port), "-address", "127.0.0.1"])
            with trio.fail_after(30):
                while await epmd_client.names("127.0.0.1", port) != {"py": node.port}:
                    await sleep(0.05)
    finally:
        program.kill()
        program.wait()


async def echo() -> None:
    while True:
        sender, message = await receive(tuple)
        send(sender, message)


async def _start_echo() -> Pid:
    return spawn(echo, name="echo")


async def test_two_nodes_of_ours(joined: Any, second: Any) -> None:
    await second.start()
    await second.ask(_start_echo)
    send(("echo", second.name), (current_pid(), ("text", [1, None])))
    assert await receive() == ("text", [1, None])
    assert await dist.ping(second.name) == "pong"
    assert dist.nodes("connected") == dist.nodes("hidden") == [second.name]
    assert dist.nodes() == []


async def test_another_cookie_is_refused_and_logged(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await second.start(cookie="other")
    with caplog.at_level(logging.WARNING, "actorsock.dist"):
        assert await dist.ping(second.name) == "pang"
        await until(lambda: "has another cookie" in caplog.text)
    assert "connecting with" in caplog.text
    assert "secret" not in caplog.text


async def test_what_is_no_message_ends_the_connection(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await second.start()
    assert await dist.connect_node(second.name)
    dist.monitor_nodes(True)
    distribution().connected[second.name].line.write(b"garbage", None)
    down = await receive()
    assert (down.node, type(down)) == (second.name, NodeDown)
    assert "what is no message: a name that is no atom" in caplog.text


async def test_a_message_in_the_name_of_another_node(
    joined: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await second.start()
    dist.monitor_node(second.name)
    victim = await second.ask(_start_echo)
    away = distribution().peer(NOBODY)
    stranger = distribution().identities.pid(NOBODY, 1, 2, 3)
    distribution().peer(second.name).ties._out.operate(
        26,
        stranger,
        distribution().identities.pid(second.name, victim.number, 0, 1),
        sender=None,
        reason="kill",
    )
    assert (await receive()).node == second.name
    assert "exit2 in the name of" in caplog.text
    assert away.line is None


async def test_disconnecting_ends_what_leads_there(joined: Any, second: Any) -> None:
    trap_exit(True)
    await second.start()
    await second.ask(_start_echo)
    register("test", current_pid())
    dist.monitor_nodes(True)
    ref = monitor(("echo", second.name))
    assert await receive() == NodeUp(second.name)
    dist.monitor_node(second.name)
    assert dist.disconnect_node(second.name)
    assert await receive(ref) == Down(ref, ("echo", second.name), "noconnection")
    assert await receive() == await receive() == NodeDown(second.name, "disconnect")
    dist.monitor_nodes(False)
    send(("echo", second.name), (current_pid(), "again"))
    assert await receive() == "again"


async def test_no_process_is_left_of_a_connection(joined: Any, second: Any) -> None:
    await second.start()
    assert not dist.nodes("connected")
    before = len(processes())

    async def disconnect(node: str) -> bool:
        return dist.disconnect_node(node)

    for ended_by_us in (True, False, True, False):
        assert await dist.connect_node(second.name)
        if ended_by_us:
            assert dist.disconnect_node(second.name)
        else:
            assert await second.ask(disconnect, joined.name)
        # Both runtimes are in this program, and `processes` counts those of this one.
        await until(lambda: not dist.nodes("connected") and len(processes()) == before)


async def test_a_thread_sends(joined: Any, second: Any) -> None:
    await second.start()
    await second.ask(_start_echo)
    await trio.to_thread.run_sync(_send_many, second.name, current_pid())
    assert [await receive() for _ in range(50)] == list(range(50))


def _send_many(node: str, dest: Pid) -> None:
    for number in range(50):
        send(("echo", node), (dest, number))


async def test_only_so_many_handshakes(joined: Any, caplog: pytest.LogCaptureFixture) -> None:
    waiting = [stdlib.create_connection(("127.0.0.1", joined.port)) for _ in range(17)]
    await until(lambda: "16 handshakes go on" in caplog.text)
    for sock in waiting:
        sock.close()


async def test_a_node_goes_down_and_comes_back(joined: Any, beams: Callable[..., Beam]) -> None:
    trap_exit(True)
    beam = beams()
    dist.monitor_nodes(True)
    server, _ = await dist.spawn_monitor(beam.name, "helper", "puppet", [current_pid()])
    assert await receive(NodeUp) == NodeUp(beam.name)
    link(server)
    down = monitor(server)
    dist.monitor_node(beam.name)
    call = otp.send_request(server, "unanswered")
    beam.stop()
    assert await receive(Exit) == Exit(server, "noconnection")
    assert await receive(down) == Down(down, server, "noconnection")
    assert (await otp.receive_response(call)).reason == "noconnection"
    for _ in range(2):
        assert (await receive(NodeDown)).node == beam.name
    assert dist.nodes("connected") == []
    beam.start()
    assert await dist.ping(beam.name) == "pong"
    again = monitor(server)
    assert await receive(again) == Down(again, server, "noproc")
    send(server, "to a former life")
    fresh = await dist.spawn(beam.name, "helper", "puppet", [current_pid()])
    assert fresh is not server
    beam.stop()


async def test_a_frozen_node_is_given_up(
    runtime: None, join: Join, beams: Callable[..., Beam]
) -> None:
    beam = beams(None, "-kernel", "net_ticktime", "8")
    async with join(net_ticktime=1.0):
        pid = await dist.spawn(beam.name, "helper", "echo")
        dist.monitor_nodes(True)
        down = monitor(pid)
        beam.signal(signal.SIGSTOP)
        try:
            assert (await receive(down)).reason == "noconnection"
            assert await receive() == NodeDown(beam.name, "net_tick_timeout")
        finally:
            beam.signal(signal.SIGCONT)
        dist.monitor_nodes(False)
        # It hears of the end of the connection, and takes a new one.
        with trio.fail_after(60):
            while await dist.ping(beam.name) != "pong":
                await sleep(0.1)
    beam.stop()


async def test_our_node_comes_back(runtime: None, join: Join, beam: Beam) -> None:
    name = "again@127.0.0.1"
    for _ in range(3):
        async with join(name):
            register("me", current_pid())
            await beam.eval("{me, Node} ! hello", Node=Atom(name))
            assert await receive() == "hello"
        unregister("me")


async def test_the_end_of_our_node_is_seen(runtime: None, join: Join, beam: Beam) -> None:
    async with join() as node:
        watcher = await dist.spawn(beam.name, "helper", "puppet", [current_pid()])
        send(watcher, (Atom("do"), "monitor_node(Node, true)", {b"Node": Atom(node.name)}))
        assert (await receive())[0] == "done"

        async def lives() -> None:
            link(watcher)
            await trio.sleep_forever()

        spawn(lives)
        await dist.ping(beam.name)
    async with join():
        down = monitor(watcher)
        assert (await receive(down)).reason in ("noconnection", "noproc")


@pytest.mark.parametrize("rounds", [30])
async def test_both_connect_at_once(joined: Any, beam: Beam, rounds: int) -> None:
    """After each disconnect both sides send at the same moment; nothing may be lost."""
    sender = await dist.spawn(beam.name, "helper", "puppet", [current_pid()])
    register("test", current_pid())
    me = Atom(joined.name)
    ticking = "spawn(fun() -> timer:sleep(T), {test, N} ! {from_there, R} end)"
    for number in range(rounds):
        bindings = {b"T": 20, b"N": me, b"R": number}
        send(sender, (Atom("do"), ticking, bindings))
        await receive(lambda m: m[0] == "done")
        dist.disconnect_node(beam.name)
        await trio.sleep(0.02)
        send(sender, number)
        # What is sent while the other side has not heard of the disconnect is lost: ask for news.
        got = await receive(lambda m: type(m) is tuple and m[0] in ("got", "from_there"))
        other = await receive(lambda m: type(m) is tuple and m[0] in ("got", "from_there"))
        assert {got[0], other[0]} == {"got", "from_there"}


async def test_two_of_ours_connect_at_once(joined: Any, second: Any) -> None:
    """Both sides know that there is no connection, and both send in the same moment."""
    await second.start()
    await second.ask(_start_echo)
    register("test", current_pid())

    async def apart() -> None:
        await until(lambda: not distribution().connected)

    async def greet(number: int) -> None:
        send(("test", joined.name), ("from there", number))

    for number in range(100):
        dist.disconnect_node(second.name)
        await second.ask(apart)
        async with trio.open_nursery() as both:
            both.start_soon(second.ask, greet, number)
            send(("echo", second.name), (current_pid(), number))
        assert {await receive(), await receive()} == {number, ("from there", number)}
    unregister("test")


async def test_a_visible_node(runtime: None, join: Join, beams: Callable[..., Beam]) -> None:
    beam = beams()
    async with join() as node:
        assert await dist.ping(beam.name) == "pong"
        assert await beam.eval("{nodes(), nodes(hidden)}") == ([], [node.name])
        assert dist.nodes() == []
    async with join(hidden=False) as node:
        assert await dist.ping(beam.name) == "pong"
        assert await beam.eval("{nodes(), nodes(hidden)}") == ([node.name], [])
        assert dist.nodes() == dist.nodes("connected") == [beam.name]
        assert dist.nodes("hidden") == []
    beam.stop()


async def test_elixirs_nil(runtime: None, join: Join, beam: Beam) -> None:
    async with join(none="nil"):
        assert await beam.eval("{X, X =:= nil}", X=None) == (None, True)
        assert await beam.eval("undefined") == Atom("undefined")


async def test_a_fixed_port_without_epmd(joined: Any, second: Any, join: Join) -> None:
    await second.start(register=False)
    assert await dist.ping(second.name) == "pang"


async def test_known_addresses_need_no_epmd(runtime: None, join: Join, beam: Beam) -> None:
    async with join() as node:
        assert await dist.ping(beam.name) == "pong"
        port = await epmd_client.lookup(beam.name.partition("@")[0], "127.0.0.1", beam.epmd_port)
    assert node.port
    known = {beam.name: ("127.0.0.1", port)}
    async with join(register=False, epmd_port=1, known=known, listen=None) as node:
        assert node.port == 0
        assert await dist.ping(beam.name) == "pong"


def test_a_program_without_a_cluster_does_not_import_it() -> None:
    code = "import sys, actorsock; sys.exit(any('actorsock.dist' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == 0
