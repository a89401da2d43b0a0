"""What exit signals do to real processes, by way of `exit` and by way of a link."""

from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    Pid,
    ProcessExit,
    Timeout,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    otp,
    process_info,
    receive,
    send,
    sleep,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
)

CRASH = ValueError("a crash")
REASONS = ["normal", "kill", "killed", "shutdown", ("any", "value"), CRASH]

SURVIVES = "survives"
HEARS = "hears of it"
DIES = "dies"
DIES_KILLED = "dies killed"

# reason: (what becomes of a process that does not trap exits, of one that does)
BY_EXIT = dict.fromkeys(REASONS, (DIES, HEARS)) | {
    "normal": (SURVIVES, HEARS),
    "kill": (DIES_KILLED, DIES_KILLED),
}
BY_ITSELF = dict.fromkeys(REASONS, (DIES, HEARS)) | {"kill": (DIES_KILLED, DIES_KILLED)}
BY_LINK = dict.fromkeys(REASONS, (DIES, HEARS)) | {"normal": (SURVIVES, HEARS)}

both = pytest.mark.parametrize("trapping", [False, True], ids=["not trapping", "trapping"])
every_reason = pytest.mark.parametrize("reason", REASONS, ids=repr)
every_body = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


def fate(message: object, reason: Any, sender: Pid) -> str:
    """What became of a process, by the first that its observer hears."""
    match message:
        case Down(_, _, "killed") if reason != "killed":
            return DIES_KILLED
        case Down(_, _, heard) if heard == reason:
            return DIES
        case Exit(pid, heard) if pid is sender and heard == reason:
            return HEARS
        case "nothing happened":
            return SURVIVES
        case _:
            return f"unexpected: {message}"


@every_body
@both
@every_reason
async def test_exit_with_a_pid(runtime: None, reason: Any, trapping: bool, light: bool) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        send(observer, "ready")
        while True:
            send(observer, await receive())

    me = current_pid()
    pid, _ = spawn_monitor(target, me, light=light)
    assert await receive() == "ready"
    assert exit(pid, reason) is None
    send(pid, "nothing happened")
    assert fate(await receive(), reason, me) == BY_EXIT[reason][trapping]


@every_body
@both
@every_reason
async def test_exit_with_its_own_pid(
    runtime: None, reason: Any, trapping: bool, light: bool
) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        exit(current_pid(), reason)
        send(current_pid(), "nothing happened")
        send(observer, await receive())

    pid, _ = spawn_monitor(target, current_pid(), light=light)
    assert fate(await receive(), reason, pid) == BY_ITSELF[reason][trapping]


@every_body
@both
@every_reason
async def test_the_end_of_a_linked_process(
    runtime: None, reason: Any, trapping: bool, light: bool
) -> None:
    async def partner() -> None:
        exit(reason)

    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        pid, _ = spawn_monitor(partner, light=light)
        link(pid)
        send(observer, pid)
        match await receive():
            case Down():  # the exit signal comes before it, so there was none
                send(observer, "nothing happened")
            case other:
                send(observer, other)

    spawn_monitor(target, current_pid(), light=light)
    partner_pid = await receive(Pid)
    assert fate(await receive(), reason, partner_pid) == BY_LINK[reason][trapping]


@both
async def test_a_linked_process_that_returns(runtime: None, trapping: bool) -> None:
    async def partner() -> None:
        pass

    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        pid, _ = spawn_monitor(partner)
        link(pid)
        send(observer, [type(await receive()), type(await receive(after=0))])

    spawn(target, current_pid())
    names = [kind.__name__ for kind in await receive()]
    assert names == (["Exit", "Down"] if trapping else ["Down", "Timeout"])


@both
async def test_a_linked_process_that_crashes(runtime: None, trapping: bool) -> None:
    async def partner() -> None:
        raise CRASH

    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        spawn_link(partner)
        send(observer, await receive())

    spawn_monitor(target, current_pid())
    match await receive():
        case Exit(_, reason):
            assert trapping
        case Down(_, _, reason):
            assert not trapping
    assert reason is CRASH


@both
async def test_a_linked_process_that_is_killed(runtime: None, trapping: bool) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        send(observer, spawn_link(receive))
        send(observer, await receive())

    spawn_monitor(target, current_pid())
    exit(await receive(Pid), "kill")
    match await receive():
        case Exit(_, reason):
            assert trapping
        case Down(_, _, reason):
            assert not trapping
    assert reason == "killed"


async def test_a_signal_runs_along_a_chain_of_links(runtime: None) -> None:
    async def node(left: int, observer: Pid) -> None:
        if left:
            spawn_link(node, left - 1, observer)
        else:
            send(observer, "built")
        await receive()

    first = spawn(node, 20, current_pid())
    await receive()
    others = [monitor(pid) for pid in chain_from(first)]
    exit(first, ("broken",))
    assert [(await receive(ref)).reason for ref in others] == [("broken",)] * 21


def chain_from(first: Pid) -> list[Pid]:
    chain: list[Pid] = []
    links = [first]
    while links:
        chain += links
        links = [pid for pid in process_info(chain[-1]).links if pid not in chain]
    return chain


async def test_exit_to_a_process_that_has_ended_does_nothing(runtime: None) -> None:
    async def ended() -> None:
        pass

    pid, ref = spawn_monitor(ended)
    await receive(ref)
    assert exit(pid, "kill") is None
    assert exit(pid, "normal") is None


async def test_trapped_signals_stay_in_the_order_of_messages(runtime: None) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(True)
        send(observer, "ready")
        await receive(lambda message: message == "go")
        send(observer, [await receive() for _ in range(3)])

    me = current_pid()
    pid = spawn(target, me)
    await receive()
    send(pid, "before")
    exit(pid, "a signal")
    send(pid, "after")
    send(pid, "go")
    assert await receive() == ["before", Exit(me, "a signal"), "after"]


async def test_trap_exit_returns_the_former_setting(runtime: None) -> None:
    assert trap_exit(True) is False
    assert trap_exit(True) is True
    assert trap_exit(False) is True
    assert trap_exit(False) is False


async def test_trapping_is_not_inherited(runtime: None) -> None:
    async def child(observer: Pid) -> None:
        send(observer, trap_exit(False))

    trap_exit(True)
    spawn(child, current_pid())
    assert await receive() is False


async def waits_in_receive() -> None:
    await receive()


async def waits_in_receive_with_a_timeout() -> None:
    await receive(int, after=1_000_000)


async def waits_in_sleep() -> None:
    await sleep(1_000_000)


async def waits_in_trio_sleep() -> None:
    await trio.sleep_forever()


async def waits_with_tasks_of_its_own() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(receive)
        nursery.start_soon(sleep, 1_000_000)


async def waits_in_a_scope_of_its_own() -> None:
    with trio.CancelScope():
        await receive()
    raise AssertionError("only the scope around the whole process was cancelled")


@pytest.mark.parametrize(
    "wait",
    [
        waits_in_receive,
        waits_in_receive_with_a_timeout,
        waits_in_sleep,
        waits_in_trio_sleep,
        waits_with_tasks_of_its_own,
        waits_in_a_scope_of_its_own,
    ],
)
async def test_a_process_is_killed_wherever_it_waits(runtime: None, wait: Any) -> None:
    async def target(observer: Pid) -> None:
        try:
            await wait()
        finally:
            send(observer, "cleaned up")

    pid, ref = spawn_monitor(target, current_pid())
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert not is_alive(pid)
    assert await receive() == "cleaned up"
    assert await receive() == Down(ref, pid, "killed")


async def test_killed_before_its_first_step_it_never_runs(runtime: None) -> None:
    async def target(observer: Pid) -> None:
        send(observer, "it ran")

    pid, ref = spawn_monitor(target, current_pid())
    exit(pid, "kill")
    assert await receive() == Down(ref, pid, "killed")
    assert not is_alive(pid)


async def test_shielded_clean_up_is_waited_for(runtime: None) -> None:
    cleaning = trio.Event()
    may_end = trio.Event()

    async def target() -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                cleaning.set()
                await may_end.wait()

    pid, ref = spawn_monitor(target)
    await wait_all_tasks_blocked()
    exit(pid, "first reason")
    await cleaning.wait()
    assert not is_alive(pid)
    exit(pid, "kill")  # it is ending already, for a reason that stands
    assert await receive(ref, after=0) == Timeout()
    may_end.set()
    assert await receive(ref) == Down(ref, pid, "first reason")


async def test_clean_up_may_still_use_the_mailbox(runtime: None) -> None:
    async def target(observer: Pid) -> None:
        try:
            await receive(lambda message: False)
        finally:
            with trio.CancelScope(shield=True):
                send(observer, (await receive(str), await receive(int)))

    pid, ref = spawn_monitor(target, current_pid())
    send(pid, "sent before")
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    await wait_all_tasks_blocked()
    send(pid, 2)
    assert await receive() == ("sent before", 2)
    assert (await receive(ref)).reason == "killed"


async def test_a_process_that_goes_on_after_its_end_was_decided(runtime: None) -> None:
    async def target(observer: Pid) -> None:
        send(observer, "ready")
        with trio.CancelScope(shield=True):
            await receive()
        # No wait from here on, so nothing interrupts it any more.

    pid, ref = spawn_monitor(target, current_pid())
    await receive()
    exit(pid, "a reason")
    send(pid, "go on")
    assert await receive(ref) == Down(ref, pid, "a reason")


async def test_a_crash_in_the_clean_up_does_not_change_the_reason(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def target() -> None:
        try:
            await receive()
        finally:
            raise CRASH

    pid, ref = spawn_monitor(target)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert await receive(ref) == Down(ref, pid, "killed")
    assert [record.exc_info[1] for record in caplog.records] == [CRASH]


async def test_exit_in_the_clean_up_does_not_change_the_reason(runtime: None) -> None:
    async def target() -> None:
        try:
            await receive()
        finally:
            exit("another reason")

    pid, ref = spawn_monitor(target)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert await receive(ref) == Down(ref, pid, "killed")


async def test_a_decision_to_end_is_no_exception_to_handle(runtime: None) -> None:
    async def target() -> None:
        with suppress(Exception):
            exit("on purpose")

    _, ref = spawn_monitor(target)
    assert (await receive(ref)).reason == "on purpose"


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_who_catches_a_failed_call_does_not_catch_its_own_end(
    runtime: None, light: bool
) -> None:
    async def asks_again_and_again() -> None:
        while True:
            with suppress(ProcessExit):
                await otp.call("nobody", "anything")
            with suppress(ProcessExit, Exception):
                await sleep(60)

    pid, ref = spawn_monitor(asks_again_and_again, light=light)
    await wait_all_tasks_blocked()
    exit(pid, "over")
    assert await receive(ref) == Down(ref, pid, "over")


async def test_a_light_process_that_catches_its_own_end_keeps_nobody_from_running(
    runtime: None,
) -> None:
    async def defies() -> None:
        for _ in range(30_000):
            with suppress(BaseException):
                await receive()
            with suppress(BaseException):
                await sleep(1)

    pid, ref = spawn_monitor(defies, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "over")
    rounds = 0
    while (down := await receive(ref, after=0)) == Timeout():
        await trio.lowlevel.checkpoint()
        rounds += 1
    assert down.reason == "over"
    assert rounds > 10
