"""Children that do not end when they are killed, and very many children."""

import logging
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    Timeout,
    exit,
    ok,
    otp,
    receive,
    sleep,
    spawn,
    spawn_link,
    spawn_monitor,
)
from actorsock.otp import ChildSpec, Supervisor, SupervisorFlags
from actorsock.runtime.bodies.stacks import place_of
from actorsock.runtime.core.process import alive

LONG = 60.0  # seconds that a stubborn child cleans up


async def stubborn() -> None:
    try:
        await receive()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(LONG)


async def docile() -> None:
    await receive()


STUBBORN = ChildSpec("stubborn", spawn_link, (stubborn,), shutdown="brutal_kill")
DOCILE = ChildSpec("docile", spawn_link, (docile,))


async def family(strategy: Any = "one_for_one") -> Pid:
    children = [DOCILE, STUBBORN]
    top = ok(await otp.start(Supervisor, children, SupervisorFlags(strategy, intensity=5)))
    await wait_all_tasks_blocked()
    return top


async def pids(top: Pid) -> dict[Any, Any]:
    return {child.id: child.pid for child in await otp.which_children(top)}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


class Sluggish(otp.GenServer):
    async def init(self) -> None:
        await stubborn()


@pytest.mark.parametrize(
    "start",
    [
        lambda: otp.start(Sluggish, timeout=0.2),
        lambda: otp.start_link(Sluggish, timeout=0.2),
        lambda: otp.proc_lib.start(stubborn, timeout=0.2),
    ],
    ids=["start", "start_link", "proc_lib"],
)
async def test_a_starter_says_so_and_goes_on(
    runtime: None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, start: Any
) -> None:
    begun = trio.current_time()
    assert await start() == Error("timeout")
    assert trio.current_time() - begun == pytest.approx(5.2)
    (text,) = warnings(caplog)
    assert "has not ended 5 seconds after it was killed: it waits at" in text
    assert "in stubborn" in text
    await sleep(LONG)
    assert await receive(after=0) == Timeout()


async def test_the_supervisor_says_so_and_goes_on(
    runtime: None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    top = await family()
    before = await pids(top)
    asked = [spawn_monitor(otp.terminate_child, top, "stubborn")[1] for _ in range(2)]
    begun = trio.current_time()
    await sleep(5.5)
    (text,) = warnings(caplog)
    assert f"child 'stubborn' {before['stubborn']!r} has not ended 5 seconds after" in text
    assert "in stubborn" in text
    exit(before["docile"], "because")
    await sleep(0.1)
    after = await pids(top)
    assert after["stubborn"] is before["stubborn"]
    assert after["docile"] not in (before["docile"], None)
    for request in (otp.restart_child, otp.delete_child):
        assert await request(top, "stubborn") == Error("running")  # type: ignore[operator]
    # The answers come when the child has ended, as in Erlang.
    for ref in asked:
        assert (await receive(ref)).reason == "normal"
    assert trio.current_time() - begun == pytest.approx(LONG)
    assert [text.split(" seconds")[0][-2:].strip() for text in warnings(caplog)] == [
        "5",
        "10",
        "20",
        "40",
    ]
    assert isinstance(await otp.restart_child(top, "stubborn"), Ok)


async def test_children_that_are_restarted_together_wait_for_it(
    runtime: None, autojump_clock: MockClock
) -> None:
    top = await family("one_for_all")
    before = await pids(top)
    exit(before["docile"], "because")
    await sleep(10)
    assert await pids(top) == {"docile": "restarting", "stubborn": before["stubborn"]}
    await sleep(LONG)
    after = await pids(top)
    assert all(isinstance(pid, Pid) for pid in after.values())
    assert not set(after.values()) & set(before.values())


@pytest.mark.parametrize("terminated", [False, True])
async def test_a_supervisor_that_ends_waits_and_says_so(
    runtime: None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, terminated: bool
) -> None:
    top = await family()
    begun = trio.current_time()
    if terminated:
        spawn(otp.terminate_child, top, "stubborn")
        await sleep(7)
    await otp.stop(top, "shutdown")
    assert trio.current_time() - begun == pytest.approx(LONG)
    assert len(warnings(caplog)) == 4


async def test_dynamic_children(
    runtime: None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    flags = SupervisorFlags("simple_one_for_one")
    template = ChildSpec("any", spawn_link, shutdown=1)
    top = ok(await otp.start(Supervisor, [template], flags))
    first, second = [ok(await otp.start_child(top, stubborn)) for _ in range(2)]
    await wait_all_tasks_blocked()
    pid, ref = spawn_monitor(otp.terminate_child, top, first)
    await sleep(7)
    assert (await otp.count_children(top)).workers == 2
    assert await receive(ref) == Down(ref, pid, "normal")
    assert [child.pid for child in await otp.which_children(top)] == [second]
    await otp.stop(top, "shutdown")
    assert "has not ended 5 seconds after" in warnings(caplog)[-4]


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_the_place_where_a_process_waits(runtime: None, light: bool) -> None:
    async def outer() -> None:
        await docile()

    pid = spawn(outer, light=light)
    assert place_of(alive[pid]) is None
    await wait_all_tasks_blocked()
    place = place_of(alive[pid])
    assert place is not None
    assert place.endswith("in docile")
    assert __file__ in place


async def seconds_of_a_restart(count: int) -> float:
    specs = [ChildSpec(n, lambda: spawn(docile, light=True)) for n in range(count)]
    flags = SupervisorFlags("one_for_all", intensity=10**6)
    top = ok(await otp.start(Supervisor, specs, flags))
    first, last = (await pids(top))[0], (await pids(top))[count - 1]
    begun = time.thread_time()
    exit(first, "because")
    await wait_all_tasks_blocked()
    while (await pids(top))[count - 1] in (last, None):
        await sleep(0.001)
    used = time.thread_time() - begun
    await otp.stop(top, "shutdown")
    return used


async def test_a_restart_takes_linear_time(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actorsock")
    few = min([await seconds_of_a_restart(100) for _ in range(3)])
    many = min([await seconds_of_a_restart(1600) for _ in range(3)])
    assert many < 120 * few  # 16 times as many children; quadratic would be 256 times
