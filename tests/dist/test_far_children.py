"""Supervisors whose children are on other nodes, which come and go."""

import functools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from actorsock import (
    Error,
    Ok,
    Pid,
    current_pid,
    dist,
    exit,
    monitor,
    ok,
    otp,
    receive,
    send,
    spawn_link,
    trap_exit,
)
from actorsock.otp import ChildInfo, ChildSpec, Supervisor, SupervisorFlags
from actorsock.otp.supervision.rules import Child, Family

from ..stories import in_runtime, until
from . import peer_code
from .conftest import Join
from .nodes import Beam

NEVER = SupervisorFlags("one_for_one", intensity=0)
"""The first restart that counts ends the supervisor."""


@attrs.define
class Node:
    """A peer that the test ends and starts again."""

    name: str
    pid: Pid | None = None

    async def up(self) -> None:
        self.pid = ok(await dist.peer.start_link(self.name, peer_down="stop"))

    async def kill(self) -> None:
        number = await dist.peer.call(self.name, os.getpid)
        assert self.pid is not None
        ref = monitor(self.pid)
        os.kill(number, signal.SIGKILL)
        await receive(ref)


@asynccontextmanager
async def nodes(*names: str) -> AsyncIterator[list[Node]]:
    """Some peers; this runtime is a node without epmd for them."""
    async with dist.start("main@127.0.0.1", cookie="secret", register=False):
        found = [Node(f"{name}@127.0.0.1") for name in names]
        for node in found:
            await node.up()
        yield found


def counter(node: Node | list[Node], **options: Any) -> ChildSpec:
    """A server there that tells this process of its start."""
    names = [n.name for n in node] if isinstance(node, list) else node.name
    return ChildSpec(
        "child", otp.start_link, (peer_code.Counter, 0, current_pid()), node=names, **options
    )


async def started() -> Any:
    _, pid = await receive(lambda m: type(m) is tuple and m[0] == "started")
    return pid


@in_runtime
async def test_a_child_there() -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor, [counter(a)], NEVER))
        child = await started()
        assert dist.node(child) == a.name
        assert await otp.which_children(tree) == [ChildInfo("child", child, "worker")]
        assert (await otp.count_children(tree)).active == 1
        assert await otp.call(child, 5) == 5
        # Its parent is the supervisor, so it ends in good order with it though it traps exits.
        await otp.stop(tree)
        assert await receive() == ("terminated", "shutdown")


@in_runtime
async def test_what_a_child_there_does_wrong_counts() -> None:
    trap_exit(True)
    async with nodes("a") as (a,):
        for end in ("crash", "noconnection"):
            tree = ok(await otp.start_link(Supervisor, [counter(a)], NEVER))
            ref = monitor(tree)
            child = await started()
            if end == "crash":
                with pytest.raises(otp.CallError):
                    await otp.call(child, "crash")
            else:
                otp.cast(child, "noconnection")  # by itself: the node is there
            assert (await receive(ref)).reason == "shutdown"


@in_runtime
async def test_a_node_that_goes_down_is_not_the_childs_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor, [counter(a)], NEVER))
        for _ in range(2):
            former = await started()
            await a.kill()
            await until(lambda: f"waits for {a.name}" in caplog.text)
            assert await otp.which_children(tree) == [ChildInfo("child", "restarting", "worker")]
            assert await otp.restart_child(tree, "child") == Error("restarting")
            caplog.clear()
            await a.up()
        child = await started()
        assert child != former
        assert await otp.call(child, 1) == 1
        await otp.stop(tree)


@in_runtime
async def test_a_connection_that_breaks() -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor, [counter(a)], NEVER))
        await started()
        dist.disconnect_node(a.name)
        # The former child has ended there: its link was lost too.
        news = [await receive(), await receive()]
        assert ("terminated", "noconnection") in news
        await otp.stop(tree)


@in_runtime
async def test_a_child_that_waits_is_terminated(caplog: pytest.LogCaptureFixture) -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor, [counter(a)], NEVER))
        await started()
        await a.kill()
        await until(lambda: "waits for" in caplog.text)
        ok(await otp.terminate_child(tree, "child"))
        await a.up()
        await trio.sleep(0.2)
        assert await otp.which_children(tree) == [ChildInfo("child", None, "worker")]
        ok(await otp.restart_child(tree, "child"))
        await started()
        await a.kill()
        await otp.stop(tree)  # also while a child waits


@in_runtime
async def test_another_node_takes_over() -> None:
    async with nodes("a", "b") as (a, b):
        tree = ok(await otp.start_link(Supervisor, [counter([a, b])], NEVER))
        assert dist.node(await started()) == a.name
        await a.kill()
        assert dist.node(await started()) == b.name
        await a.up()
        await b.kill()
        assert dist.node(await started()) == a.name
        await otp.stop(tree)


@pytest.mark.parametrize("restart", ["transient", "temporary"])
@in_runtime
async def test_how_it_is_restarted(restart: Any) -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor, [counter(a, restart=restart)], NEVER))
        await started()
        await a.kill()
        await a.up()
        if restart == "transient":
            await started()
        else:
            assert await otp.which_children(tree) == []
        await otp.stop(tree)


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@in_runtime
async def test_children_that_belong_together(strategy: Any) -> None:
    """What depends on a child waits with it, and is started once, in order."""
    async with nodes("a") as (a,):
        me = current_pid()
        local = [
            ChildSpec(name, otp.start_link, (peer_code.Counter, 0, me)) for name in ("one", "two")
        ]
        children = [local[0], counter(a), local[1]]
        flags = SupervisorFlags(strategy, intensity=0)
        tree = ok(await otp.start_link(Supervisor, children, flags))
        first = [await started() for _ in range(3)]
        await a.kill()
        stopped = 2 if strategy == "one_for_all" else 1
        for _ in range(stopped):
            assert await receive() == ("terminated", "shutdown")
        infos = {info.id: info.pid for info in await otp.which_children(tree)}
        assert infos["one"] == (None if strategy == "one_for_all" else first[0])
        assert (infos["child"], infos["two"]) == ("restarting", None)
        await a.up()
        again = [await started() for _ in range(stopped + 1)]
        assert [info.pid for info in await otp.which_children(tree)][-len(again) :] == again
        await otp.stop(tree)


@in_runtime
async def test_simple_one_for_one() -> None:
    async with nodes("a") as (a,):
        spec = ChildSpec("any", otp.start_link, (peer_code.Counter,), node=a.name)
        flags = SupervisorFlags("simple_one_for_one", intensity=0)
        tree = ok(await otp.start_link(Supervisor, [spec], flags))
        for value in (10, 20):
            child = ok(await otp.start_child(tree, value, current_pid()))
            assert await started() == child
        await a.kill()
        await a.up()
        values = {await otp.call(await started(), 0) for _ in range(2)}
        assert values == {10, 20}
        assert (await otp.count_children(tree)).active == 2
        children = await otp.which_children(tree)
        assert children[0].pid is not None
        ok(await otp.terminate_child(tree, children[0].pid))
        otp.cast(children[1].pid, "as asked")  # type: ignore[arg-type]
        ref = monitor(tree)
        trap_exit(True)
        assert (await receive(ref)).reason == "shutdown"


async def _fails(reason: Any) -> Any:
    if isinstance(reason, str):
        return Error(reason)
    raise reason()


async def _returns_nothing() -> None: ...


@in_runtime
async def test_a_child_that_cannot_be_started_there() -> None:
    async with nodes("a") as (a,):
        tree = ok(await otp.start_link(Supervisor))

        async def start(function: Any, *args: Any) -> Any:
            spec = ChildSpec(args, function, args, node=a.name)
            return await otp.start_child(tree, spec)

        assert await start(_fails, "as asked") == Error("as asked")
        assert await start(_fails, "ignore") == Ok(None)
        assert (await start(_fails, KeyError)).reason == (("KeyError", ""), [])
        assert isinstance((await start(_returns_nothing)).reason, TypeError)
        assert isinstance((await start(lambda: None)).reason, TypeError)
        light = functools.partial(spawn_link, light=True)
        pid = ok(await start(light, peer_code.stay, current_pid()))
        assert await receive() == ("here", pid)
        ok(await otp.terminate_child(tree, (peer_code.stay, current_pid())))
        await a.kill()
        assert await start(_fails, "x") == Error("noconnection")
        nowhere = ChildSpec("x", otp.start_link, node="nobody@127.0.0.1")
        assert isinstance((await otp.start_child(tree, nowhere)).reason, ValueError)  # type: ignore[union-attr]
        await otp.stop(tree)


@in_runtime
async def test_a_child_of_a_program_without_a_cluster() -> None:
    trap_exit(True)
    spec = ChildSpec("x", otp.start_link, node="a@127.0.0.1")
    result = await otp.start_link(Supervisor, [spec])
    assert "this runtime is no node" in str(result)


async def test_a_child_on_an_erlang_node(runtime: None, join: Join, beams: Any) -> None:
    beam: Beam = beams()
    async with join():
        args = (beam.name, "helper", "echo")
        spec = ChildSpec("echo", dist.spawn_link, args)
        tree = ok(await otp.start_link(Supervisor, [spec], NEVER))
        for _ in range(2):
            beam.stop()
            beam.start()
            with trio.fail_after(60):
                while isinstance((await otp.which_children(tree))[0].pid, str):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            (info,) = await otp.which_children(tree)
            send(info.pid, (current_pid(), 1))  # type: ignore[arg-type]
            assert await receive() == 1
        ref = monitor(tree)
        trap_exit(True)
        exit(info.pid, "kill")  # type: ignore[arg-type]
        assert (await receive(ref)).reason == "shutdown"
    beam.stop()


def test_the_rules_do_not_count_it() -> None:
    family = Family(NEVER)
    for number in range(3):
        pid = Pid()
        if number == 0:
            family.add(Child(ChildSpec("id", otp.start_link)), pid)
        else:
            family.started("id", pid)
        plan = family.child_ended(pid, "noconnection", 0.0, counts=False)
        assert (plan.give_up, plan.start) == (False, ("id",))
    family.started("id", pid)
    assert family.child_ended(pid, "noconnection", 0.0).give_up


@pytest.mark.parametrize(
    ("node", "error", "says"),
    [
        (5, TypeError, "node: expected the name of a node, or several"),
        (("a@b", 5), TypeError, "node: expected the name of a node, got 5"),
        ("a", ValueError, "node: expected name@host"),
        ("a@", ValueError, "node: expected name@host"),
    ],
    ids=range(4),
)
def test_wrong_nodes(node: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        ChildSpec("id", otp.start_link, node=node)
