"""Peers: programs of one's own as nodes; functions sent to them; how each of the two ends."""

import functools
import importlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import (
    BadMatch,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    current_pid,
    dist,
    exit,
    monitor,
    open_runtime,
    otp,
    receive,
    send,
    spawn,
    trap_exit,
)
from actorsock.dist import Atom
from actorsock.dist.node.distribution import distribution
from actorsock.otp import ChildSpec, Supervisor
from actorsock.runtime.core.process import alive

from ..stories import in_runtime, until
from . import peer_code
from .conftest import Join
from .nodes import Beam

ROOT = Path(__file__).parents[2]


def runs(pid: int) -> bool:
    """Whether a program runs; one that has ended and is not waited for does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _home() -> str:
    return dist.node()


@in_runtime
async def test_a_peer_for_a_block() -> None:
    assert dist.node() == "nonode@nohost"
    async with dist.peer.start() as node:
        assert dist.nodes("connected") == [node]
        assert await dist.ping(node) == "pong"
        pid = await dist.peer.call(node, os.getpid)
        assert pid != os.getpid()
        assert await dist.peer.call(node, _home) == node
    assert not runs(pid)
    assert dist.node() == "nonode@nohost"


@in_runtime
async def test_what_is_sent_with_a_function() -> None:
    async with dist.peer.start() as node:
        values = ("text", b"bytes", [1, {"a": None}], peer_code.Point(1, "one"), Ok(Error("no")))
        args, kwargs = await dist.peer.call(node, peer_code.back, *values, named="text")
        assert tuple(args) == values
        assert kwargs == {"named": "text"}
        half = functools.partial(peer_code.back, 1, two=2)
        assert await dist.peer.call(node, half, 3) == ((1, 3), {"two": 2})
        kinds = {
            peer_code.echo: "function",
            peer_code.Counter: "ABCMeta",
            len: "builtin_function_or_method",
            functools.partial(peer_code.echo): "partial",
            ChildSpec("id", peer_code.echo): "ChildSpec",
        }
        for value, kind in kinds.items():
            assert await dist.peer.call(node, peer_code.kind_of, value) in (kind, "type")


def _local() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


async def decorated() -> None: ...


hidden = decorated


async def decorated() -> None: ...  # type: ignore[no-redef]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: None, "is a lambda, which has no name: define it with `def`"),
        (_local(), "is local to a function: define it with `def`"),
        ([].append, "has no name by which|is a method of an object"),
        (Path().exists, "is a method of an object, which stays here: send a function"),
        (hidden, "is not what `tests.dist.test_peer.decorated` is"),
        (functools.partial(_local()), "is local to a function"),
    ],
    ids=range(6),
)
@in_runtime
async def test_functions_that_cannot_be_sent(function: Any, says: str) -> None:
    async with dist.start("a@127.0.0.1", cookie="x", register=False) as here:
        # Nothing is sent, so there need be no peer.
        dist.node.__globals__["distribution"]().keys["b@127.0.0.1"] = b""
        for call in (dist.peer.call("b@127.0.0.1", function), _spawn(function)):
            with pytest.raises(TypeError, match=says):
                await call
        with pytest.raises(ValueError, match="was not started by this program"):
            await dist.peer.call("c@127.0.0.1", os.getpid)
        with pytest.raises(TypeError, match="node: expected the name of a node"):
            await dist.spawn(peer_code.echo)  # type: ignore[call-overload]
    assert here.port


async def _spawn(function: Any) -> Pid:
    return await dist.spawn(function, node="b@127.0.0.1")


@in_runtime
async def test_spawn_link_and_monitor() -> None:
    trap_exit(True)
    async with dist.peer.start() as node:
        pid = await dist.spawn(peer_code.echo, node=node, name="echo")
        send(pid, (current_pid(), "text"))
        number, value = await receive()
        assert (number != os.getpid(), value) == (True, "text")
        send(("echo", node), (current_pid(), Atom("atom")))
        assert await receive() == (number, "atom")
        light = await dist.spawn_link(peer_code.stay, current_pid(), node=node, light=True)
        assert await receive() == ("here", light)
        exit(light, "enough")
        assert await receive() == Exit(light, "enough")
        broken, ref = await dist.spawn_monitor(peer_code.crash, "text", node=node)
        assert await receive() == Down(ref, broken, (("ValueError", "text"), []))
        _, ref = await dist.spawn_monitor(peer_code.stay, node=node, name="echo")
        assert (await receive(ref)).reason[0][0] == "ValueError"
        with pytest.raises(dist.ErpcError, match="as it is"):
            await dist.peer.call(node, _raise)
        with pytest.raises(dist.ErpcError, match="timeout"):
            await dist.peer.call(node, peer_code.stay, timeout=0.1)


def _raise() -> None:
    raise LookupError("as it is")


@in_runtime
async def test_a_module_that_is_not_there() -> None:
    async with dist.peer.start(env={"X": "1"}) as node:
        assert await dist.peer.call(node, os.getenv, "X") == "1"
        there = peer_code.back
        module, there.__module__ = there.__module__, "os"
        try:
            with pytest.raises(TypeError, match="is not what"):
                await dist.peer.call(node, there)
        finally:
            there.__module__ = module


@in_runtime
async def test_peers_reach_one_another() -> None:
    async with dist.peer.pool(2) as (one, two):
        await dist.peer.call(two, peer_code.start_counter, "counter")
        assert await dist.peer.call(one, peer_code.ask, two, "counter", 5) == 5
        # No peer runs what another one sends: only the parent has the key.
        with pytest.raises(dist.ErpcError, match="was not started by this program"):
            await dist.peer.call(one, dist.peer.call, two, os.getpid)
        apply = dist.erpc.call(two, "actorsock", "apply", [b"guess", b""])
        with pytest.raises(dist.ErpcError, match="only the program that has started this one"):
            await apply


@in_runtime
async def test_a_peer_that_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    async with dist.peer.start() as node:
        _, ref = await dist.spawn_monitor(peer_code.stay, node=node)
        with pytest.raises(dist.ErpcError, match="noconnection"):
            await dist.peer.call(node, peer_code.kill_program)
        assert (await receive(ref)).reason == "noconnection"
        await until(lambda: f"the peer {node} has ended: signal SIGKILL" in caplog.text)
        with pytest.raises(dist.ErpcError, match="noconnection"):
            await dist.peer.call(node, os.getpid)


@in_runtime
async def test_a_pool_starts_what_has_ended() -> None:
    async with dist.peer.pool(1) as (node,):
        before = await dist.peer.call(node, os.getpid)
        dist.monitor_nodes(True)
        await dist.spawn(_end, node=node)
        assert await receive(dist.NodeDown) == dist.NodeDown(node, "connection_closed")
        assert await receive(dist.NodeUp) == dist.NodeUp(node)
        assert await dist.peer.call(node, os.getpid) != before


async def _end() -> None:
    peer_code.end_of_program(3)


@in_runtime
async def test_a_pool_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    async def use_pool() -> None:
        async with dist.peer.pool(1, intensity=0) as (node,):
            await dist.spawn(_end, node=node)
            await trio.sleep_forever()

    user = spawn(use_pool)
    assert (await receive(monitor(user))).reason == "shutdown"
    assert "exit status 3" in caplog.text


@pytest.mark.parametrize(
    ("args", "wait_boot", "reason"),
    [
        (("-c", "raise SystemExit(7)"), 15.0, ("exit_status", 7)),
        (("--no-such-option",), 15.0, ("exit_status", 2)),
        (("-c", "import time; time.sleep(60)"), 0.2, "timeout"),
    ],
    ids=["crash", "option", "slow"],
)
@in_runtime
async def test_a_peer_that_does_not_start(args: Any, wait_boot: float, reason: Any) -> None:
    with pytest.raises(BadMatch) as caught:
        async with dist.peer.start(args=args, wait_boot=wait_boot, shutdown=0.1):
            pass
    assert caught.value.result == Error(reason)
    with pytest.raises(BadMatch, match="shutdown"):
        async with dist.peer.pool(1, args=args, wait_boot=wait_boot, shutdown=0.1, intensity=1):
            pass


@in_runtime
async def test_a_busy_peer_is_killed_in_the_end() -> None:
    async with dist.peer.start(shutdown=0.3) as node:
        pid = await dist.peer.call(node, os.getpid)
        await dist.spawn(_busy, node=node)
        await trio.sleep(0.1)
    assert not runs(pid)


async def _busy() -> None:
    peer_code.compute_for_ever()


@in_runtime
async def test_peers_in_a_tree_of_ones_own(join: Join) -> None:
    async with join():
        spec = ChildSpec("peer", dist.peer.start_link, ("child",), shutdown=20)
        tree = ok_(await otp.start_link(Supervisor, [spec]))
        node = f"child@{dist.node().partition('@')[2]}"
        (child,) = await otp.which_children(tree)
        pid = await dist.peer.call(node, os.getpid)
        await dist.peer.stop(child.pid)  # type: ignore[arg-type]
        assert not runs(pid)
        dist.monitor_nodes(True)
        if node not in dist.nodes("connected"):
            assert await receive(dist.NodeUp) == dist.NodeUp(node)
        await otp.stop(tree)


def ok_(result: Any) -> Any:
    """The value of a result."""
    assert isinstance(result, Ok), result
    return result.value


async def test_a_peer_of_a_registered_node_is_seen_by_erlang(joined: Any, beam: Beam) -> None:
    async with dist.peer.start() as node:
        await dist.peer.call(node, peer_code.start_counter, "counter")
        text = "gen_server:call({counter, N}, 5)"
        assert await beam.eval(text, N=Atom(node)) == 5


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"size": 0}, ValueError, "size: expected a number of peers"),
        ({"size": "2"}, TypeError, "size"),
        ({"args": "-O"}, TypeError, "args: expected a sequence of str"),
        ({"args": 5}, TypeError, "args: expected a sequence of str"),
        ({"env": {"A": 1}}, TypeError, "env: expected a mapping of str to str"),
        ({"env": ["A"]}, TypeError, "env: expected a mapping of str to str"),
        ({"wait_boot": -1}, ValueError, "wait_boot"),
        ({"shutdown": None}, TypeError, "shutdown"),
        ({"prefix": "a@b@c"}, ValueError, "name: expected name@host"),
    ],
    ids=range(9),
)
@in_runtime
async def test_wrong_arguments(arguments: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        async with dist.peer.pool(**arguments):
            pass
    with pytest.raises(RuntimeError, match="no node"):
        await dist.peer.start_link()


@in_runtime
async def test_names_that_are_taken() -> None:
    async with dist.start("taken@127.0.0.1", cookie="secret", register=False):
        assert await dist.peer.start_link("taken") == Error("already_started")
        pid = ok_(await dist.peer.start_link("one", peer_down="stop"))
        assert await dist.peer.start_link("one@127.0.0.1") == Error("already_started")
        await dist.peer.stop(pid)


@in_runtime
async def test_a_module_that_fails_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = "import os\nif 'FAILS' in os.environ: {}['here']\ndef function(): ...\n"
    (tmp_path / "fails_there.py").write_text(code)
    module: Any = importlib.import_module("fails_there")
    async with dist.peer.start(env={"FAILS": "1"}) as node:
        with pytest.raises(dist.ErpcError) as caught:
            await dist.peer.call(node, module.function)
        said = "importing fails_there failed: KeyError: 'here'"
        assert caught.value.reason == ("NotImportable", said)
        assert await dist.peer.call(node, os.getenv, "FAILS") == "1"  # nothing else has failed
    del sys.modules["fails_there"]


@in_runtime
async def test_a_frozen_peer_is_ended() -> None:
    async with dist.peer.start(shutdown=0.2) as node:
        pid = await dist.peer.call(node, os.getpid)
        os.kill(pid, signal.SIGSTOP)
    assert not runs(pid)


# --- whole programs: how they end -----------------------------------------------------------------

PROGRAM = """
import os, sys
from actorsock import dist, run, sleep, receive, current_pid
from tests.dist import peer_code

def mine():
    return __name__

async def main():
    async with dist.peer.pool(2) as nodes:
        pids = [await dist.peer.call(node, os.getpid) for node in nodes]
        assert await dist.peer.call(nodes[0], mine) == "__actorsock_main__"
        print(*pids, flush=True)
        {then}

if __name__ == "__main__":
    run(main)
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Starts a script with two peers; returns it and the numbers of their programs."""
    started: list[subprocess.Popen[str]] = []

    def start(then: str) -> tuple[subprocess.Popen[str], list[int]]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(PROGRAM).format(then=then))
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, str(script)], env=environ, stdout=pipe, stderr=pipe, text=True,
            start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, [int(word) for word in line.split()]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def all_end(pids: list[int]) -> None:
    """Wait until programs have ended."""
    until = time.monotonic() + 60
    while left := [pid for pid in pids if runs(pid)]:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_the_parent_is_killed(program: Any) -> None:
    parent, peers = program("await sleep(1000)")
    parent.kill()
    all_end(peers)


def test_the_parent_is_killed_and_has_forked(program: Any) -> None:
    """The child has a copy of the parent's end of every pipe."""
    parent, peers = program("os.fork() or __import__('time').sleep(1000); await sleep(1000)")
    parent.kill()
    all_end(peers)


def test_the_parent_is_killed_while_its_peers_compute(program: Any) -> None:
    parent, peers = program("[await dist.spawn(peer_code.compute, node=node) for node in nodes]; "
                            "await sleep(1000)")  # fmt: skip
    parent.kill()
    all_end(peers)


def test_ctrl_c_in_the_terminal(program: Any) -> None:
    parent, peers = program("await sleep(1000)")
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = parent.communicate(timeout=60)
    all_end(peers)
    assert err.count("Traceback") == 1, err  # the parent's own KeyboardInterrupt
    assert "KeyboardInterrupt" in err


def test_what_a_peer_writes_is_the_parents(program: Any) -> None:
    parent, peers = program(
        "await dist.peer.call(nodes[0], peer_code.write, 'written'); "
        "await dist.spawn(peer_code.crash, 'wrong', node=nodes[1]); await sleep(1); "
        "print(sorted(await dist.peer.call(nodes[0], peer_code.threads)))"
    )
    # Not `communicate`: what came with the first line has been read already.
    out, err = parent.stdout.read(), parent.stderr.read()
    assert parent.wait(60) == 0
    all_end(peers)
    assert out.splitlines() == ["written", "['MainThread', 'actorsock parent watch']"]
    assert "written\n" in err
    assert re.search(r"core-\d+-\d+@127.0.0.1 ERROR actorsock: process", err)
    assert "ValueError: wrong" in err


def test_nothing_secret_is_on_the_command_line(program: Any) -> None:
    _, peers = program("import actorsock; await sleep(1000)")
    for pid in peers:
        words = (
            Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        )
        assert b"@127.0.0.1" not in words
        assert b"cookie" not in words.lower().replace(b"pytest", b"")


def children() -> list[str]:
    """The programs that this one has started and not waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


async def test_starts_and_stops_leave_nothing() -> None:
    before = children()
    async with open_runtime():
        processes = len(alive)
        async with dist.start("py@127.0.0.1", cookie="x", register=False):
            home = distribution()
            for _ in range(3):
                async with dist.peer.start() as node:
                    assert await dist.ping(node) == "pong"
            assert not home.kin | home.keys.keys() | home.settings.known.keys()
        await until(lambda: len(alive) == processes)
    assert children() == before
