"""Circles of calls, and the tree of what processes have started."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    InCall,
    InMonitor,
    Pid,
    Ref,
    current_pid,
    exit,
    make_ref,
    monitor,
    ok,
    otp,
    receive,
    set_label,
    spawn,
    spawn_link,
    trap_exit,
    who_waits_for_whom,
)
from actorsock.observing.wait_reasons import InReceive, reason_of_receive
from actorsock.observing.who_waits import circles_in


class Proxy(otp.GenServer):
    """Passes a request on along a route of servers."""

    async def handle_call(self, route: list[Pid], caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call(route[0], route[1:], 1_000_000))


async def test_two_servers_that_call_each_other(runtime: None) -> None:
    first = ok(await otp.start(Proxy))
    second = ok(await otp.start(Proxy, light=True))
    caller = spawn(otp.call, first, [second, first], 1_000_000)
    await wait_all_tasks_blocked()
    waits = who_waits_for_whom()
    assert waits.circles == [[first, second]]
    assert {pid: str(reason).split(" for ")[0] for pid, reason in waits.reasons.items()} == {
        first: f"call {second!r}",
        second: f"call {first!r}",
        caller: f"call {first!r}",
    }
    assert all(isinstance(reason, InCall) for reason in waits.reasons.values())
    for pid in (caller, first, second):
        exit(pid, "kill")
    await wait_all_tasks_blocked()
    assert who_waits_for_whom().reasons == {}


async def test_a_wait_for_an_end_is_one_too(runtime: None) -> None:
    async def waits_for(pid: Pid) -> None:
        await receive(monitor(pid))

    pid = spawn(receive)
    waiting = spawn(waits_for, pid)
    await wait_all_tasks_blocked()
    waits = who_waits_for_whom()
    assert waits.reasons == {waiting: InMonitor(pid)}
    assert waits.circles == []
    exit(pid, "kill")
    await wait_all_tasks_blocked()


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 9)))
def test_circles_are_exactly_those_from_which_no_way_leads_out(edges: Any) -> None:
    circles = circles_in(edges)
    in_circles = [pid for circle in circles for pid in circle]
    assert len(set(in_circles)) == len(in_circles)
    for circle in circles:
        assert [edges[pid] for pid in circle] == [*circle[1:], circle[0]]

    def comes_back(pid: int) -> bool:
        at = edges.get(pid)
        for _ in edges:
            if at == pid:
                return True
            at = edges.get(at)
        return False

    assert set(in_circles) == {pid for pid in edges if comes_back(pid)}


A_PID, A_REF = Pid(), Ref()


@pytest.mark.parametrize(
    ("arguments", "reason", "text"),
    [
        ((True, None, False, None), InReceive(None), "receive"),
        ((int, None, False, None), InReceive(int), "receive int"),
        (((int, str), None, False, None), InReceive((int, str)), "receive int or str"),
        ((A_REF, None, False, None), InReceive(A_REF), f"receive {A_REF!r}"),
        ((callable, None, False, None), InReceive(callable), "receive callable"),
        (((), None, False, None), InReceive(()), "receive "),
        ((A_REF, A_PID, False, None), InMonitor(A_PID), f"end of {A_PID!r}"),
        ((A_REF, A_PID, True, None), InCall(A_PID), f"call {A_PID!r}"),
        ((A_REF, A_PID, True, 2.5), InCall(A_PID, 2.5), f"call {A_PID!r} for 2.5 s"),
        ((A_REF, ("till", "a@b"), True, None), InCall(("till", "a@b")), "call ('till', 'a@b')"),
    ],
)
def test_the_reason_of_a_receive(arguments: Any, reason: Any, text: str) -> None:
    assert reason_of_receive(*arguments) == reason
    assert str(reason) == text


# --- the tree -------------------------------------------------------------------------------------


def shown(node: otp.TreeNode | None) -> Any:
    """The ids, names and labels of a tree, and the number of what is not shown."""
    assert node is not None
    word = node.id or node.registered_name or node.label or node.function.rpartition(":")[2]
    if not node.children:
        return word if not node.count else (word, node.count)
    return {word: [shown(child) for child in node.children]}


async def helper() -> None:
    set_label("a helper")
    await receive()


class Till(otp.GenServer):
    """A server with a process of its own."""

    def init(self) -> None:
        spawn_link(helper)


async def test_the_tree_of_a_supervisor(runtime: None) -> None:
    spec = otp.ChildSpec("till", otp.start_link, (Till,))
    stock = otp.ChildSpec("stock", spawn_link, (receive,))
    many = otp.ChildSpec("one", otp.start_link, (Till,))
    pool = otp.ChildSpec(
        "pool",
        otp.start_link,
        (otp.Supervisor, [many], otp.SupervisorFlags("simple_one_for_one")),
        type="supervisor",
    )
    shop = ok(await otp.start_link(otp.Supervisor, [spec, stock, pool], name="shop"))
    ok(await otp.terminate_child(shop, "stock"))
    children = {child.id: child.pid for child in await otp.which_children(shop)}
    ok(await otp.start_child(children["pool"]))
    await wait_all_tasks_blocked()
    tree = otp.supervision_tree(shop)
    assert shown(tree) == {
        "shop": [
            {"till": ["a helper"]},
            "stock",
            {"pool": [{"Till": ["a helper"]}]},
        ]
    }
    assert (tree.type, tree.children[0].type, tree.children[2].type) == (
        "supervisor",
        "worker",
        "supervisor",
    )
    assert tree.children[1].pid is None
    assert shown(otp.supervision_tree(shop, depth=1)) == {
        "shop": [("till", 1), "stock", ("pool", 1)]
    }
    assert attrs.evolve(otp.supervision_tree(shop, 0), children=[]).count == 3
    await otp.stop(shop)
    assert otp.supervision_tree(shop) is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((make_ref(),), TypeError), ((Pid(), "1"), TypeError), ((Pid(), -1), ValueError)],
)
async def test_wrong_arguments(runtime: None, arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        otp.supervision_tree(*arguments)


async def test_a_long_chain_of_processes(runtime: None) -> None:
    async def one(left: int) -> None:
        if left:
            spawn_link(one, left - 1, light=True)
        await receive()

    first = spawn(one, 2000, light=True)
    await wait_all_tasks_blocked()
    tree, length = otp.supervision_tree(first), 0
    while tree.children:
        (tree,) = tree.children
        length += 1
    assert length == 2000
    exit(first, "kill")


async def test_the_tree_of_any_process(runtime: None) -> None:
    trap_exit(True)
    pid = ok(await otp.start_link(Till))
    await wait_all_tasks_blocked()
    assert shown(otp.supervision_tree(pid)) == {"Till": ["a helper"]}
    assert otp.supervision_tree(current_pid()).children[-1].pid is pid
    await otp.stop(pid)
