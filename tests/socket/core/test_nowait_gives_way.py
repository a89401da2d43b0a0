"""A loop on a function that never waits lets other processes run: see `runtime.core.reductions`."""

import tempfile
from typing import Any

import pytest

from actorsock import Ok, Select, Timeout, ok, receive, send, sleep, socket, spawn, spawn_handler
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.reductions import SYSTEM_CALL, TASK_BUDGET

from ...stories import in_runtime, until
from ..support import at_rest, connected, info_of, selected
from ..support_data import local_pair

AT_MOST = 3 * TASK_BUDGET // SYSTEM_CALL
"""Calls in a row, of which each finds something to do."""


@pytest.mark.parametrize("body", ["task", "light", "handler"])
@in_runtime
async def test_others_run_beside_a_flood_of_calls(body: str) -> None:
    sock, peer = await connected()
    counts = {"calls": 0, "longest": 0}

    def work() -> Select | None:
        """Call until a `Select` says that others must run."""
        for _ in range(10 * AT_MOST):
            if counts["calls"] > 20 * AT_MOST:
                break
            peer.sendall(b"x")
            counts["calls"] += 1
            match socket.recv_nowait(sock):
                case Select() as select:
                    return select
        return None

    async def flood() -> None:
        while (select := work()) is not None:
            await receive(select.info.ref)

    async def beside() -> None:
        while True:
            before = counts["calls"]
            await sleep(0)
            counts["longest"] = max(counts["longest"], counts["calls"] - before)

    spawn(beside)
    if body == "handler":
        send(spawn_handler(lambda message: work()), "go")
    else:
        spawn(flood, light=body == "light")
    await until(lambda: counts["calls"] > 20 * AT_MOST)
    assert 0 < counts["longest"] <= 5 * AT_MOST


@in_runtime
async def test_a_caller_that_does_not_wait_is_served_all_the_same() -> None:
    sock, peer = await connected()
    results: list[Any] = []
    for _ in range(AT_MOST):
        peer.sendall(b"x")
        results.append(socket.recv_nowait(sock))
    received = sum(len(result.value) for result in results if isinstance(result, Ok))
    assert received >= AT_MOST * 3 // 4
    assert any(isinstance(result, Select) for result in results)
    assert ok(await socket.recv(sock, AT_MOST - received, timeout=1)) or received == AT_MOST


def use_up_the_budget() -> None:
    body = current_process().body
    body.floor = body.budget


@in_runtime
async def test_a_caller_without_budget_gets_no_select_message_before_there_is_data() -> None:
    sock, peer = await connected()
    for _ in range(2):  # the poller reports the changes of the socket before the second time
        use_up_the_budget()
        info = info_of(socket.recv_nowait(sock))
        await at_rest()
        assert isinstance(await receive(info.ref, after=0), Timeout)
        ok(socket.cancel(sock, info))
    use_up_the_budget()
    info = info_of(socket.recv_nowait(sock))
    peer.sendall(b"x")
    assert await receive(info.ref) == selected(sock, info)
    assert socket.recv_nowait(sock) == Ok(b"x")


@in_runtime
async def test_what_takes_long_costs_more() -> None:
    left, right = local_pair()
    body, size = current_process().body, 100_000
    with tempfile.TemporaryFile() as file:
        file.write(bytes(size))
        file.flush()
        for call, expected in (
            (lambda: socket.send_nowait(left, bytes(size)), Ok()),
            (lambda: socket.recv_nowait(right, size), Ok(bytes(size))),
            (lambda: socket.sendfile_nowait(left, file, 0, size), Ok(size)),
            (lambda: socket.recvmsg_nowait(right, size), None),
        ):
            body.budget = TASK_BUDGET
            result = call()
            assert result == expected or len(ok(result).iov[0]) == size
            calls = TASK_BUDGET - body.budget - size // 1024
            assert calls in (SYSTEM_CALL, 2 * SYSTEM_CALL)
