"""A call that never waits, of a process that has used up its budget: the same in both forms."""

import weakref
from typing import Any

import pytest

from actorsock import Select, ok, receive, send, sleep, socket, spawn
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.reductions import LIGHT_BUDGET
from actorsock.socket.core.poller import ready_now

from ...socket.support import connected
from ..forms import both_ways

LEFT = [11, 10, 1, -LIGHT_BUDGET + 10, -LIGHT_BUDGET + 11, -2 * LIGHT_BUDGET + 10, -5000]
"""Reductions before a call: it uses up the budget, or a `Select` has said so before."""


async def use_up(left: int, there: bool, sock: Any, peer: Any) -> list[Any]:
    """Call with so few reductions left, and with or without data; call until the data is there."""
    body = current_process().body
    first: Any = socket.recv_nowait(sock)
    peer.sendall(b"first")
    await receive(first.info.ref)
    seen: list[Any] = [socket.recv_nowait(sock)]
    if there:
        peer.sendall(b"data")
    body.floor = body.budget - left
    result: Any = socket.recv_nowait(sock)
    seen += [type(result), body.budget - body.floor, len(current_process().mailbox)]
    if not there:
        peer.sendall(b"data")
    while isinstance(result, Select):
        seen += [result.info.tag, result.info.continuation, result.data]
        message = await receive(result.info.ref)
        seen += [message.socket is sock, message.tag, message.ref is result.info.ref]
        result = socket.recv_nowait(sock)
    return [*seen, result, type(socket.recv_nowait(sock)), socket.info(sock).counters]


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
def test_a_call_without_budget_in_which_the_socket_is_closed(light: bool) -> None:
    """By a weak reference to the handle of the earlier call, which this call replaces."""

    async def caller(sock: Any, peer: Any, me: Any) -> None:
        first: Any = socket.recv_nowait(sock)
        closing = weakref.ref(first.info.ref, lambda _: socket.close_nowait(sock))
        peer.sendall(b"data")
        while not ready_now(sock._actor.fd, "read"):
            await sleep(0.001)
        del first
        body = current_process().body
        body.floor = body.budget
        result: Any = socket.recv_nowait(sock)
        seen = [type(result), closing() is None]
        send(me, [*seen, type(await receive(result.info.ref, after=5))])

    async def story() -> Any:
        sock, peer = await connected()
        spawn(caller, sock, peer, current_process().pid, light=light)
        seen = await receive(list, after=20)
        peer.close()
        return seen

    both_ways(story)


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("there", [True, False], ids=["data", "nothing"])
@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
def test_a_call_without_budget(light: bool, there: bool, left: int) -> None:
    async def story() -> list[Any]:
        sock, peer = await connected()
        me = current_process().pid

        async def caller() -> None:
            send(me, await use_up(left, there, sock, peer))

        spawn(caller, light=light)
        seen = await receive(list, after=20)
        assert isinstance(seen, list)
        ok(await socket.close(sock))
        peer.close()
        return seen

    both_ways(story)
