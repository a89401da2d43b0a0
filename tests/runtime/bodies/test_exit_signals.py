"""The effect of exit signals on real processes, sent by `exit` or through a link."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
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
    in_trio,
    is_alive,
    link,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    send,
    sleep,
    socket,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
)

from ..support import crash, ended_process, ends, every_body, in_every_body, outcome_of

CRASH = ValueError("a crash")
REASONS = ["normal", "kill", "killed", "shutdown", ("any", "value"), CRASH]

SURVIVES = "survives"
DELIVERED = "gets an Exit message"
DIES = "dies"
DIES_KILLED = "dies killed"

# reason: (effect on a process that does not trap exits, on one that does)
BY_EXIT = dict.fromkeys(REASONS, (DIES, DELIVERED)) | {
    "normal": (SURVIVES, DELIVERED),
    "kill": (DIES_KILLED, DIES_KILLED),
}
BY_ITSELF = dict.fromkeys(REASONS, (DIES, DELIVERED)) | {"kill": (DIES_KILLED, DIES_KILLED)}
BY_LINK = dict.fromkeys(REASONS, (DIES, DELIVERED)) | {"normal": (SURVIVES, DELIVERED)}

trapping_or_not = pytest.mark.parametrize(
    "trapping", [False, True], ids=["not trapping", "trapping"]
)
every_reason = pytest.mark.parametrize("reason", REASONS, ids=repr)


def effect(message: object, reason: Any, sender: Pid) -> str:
    """The effect of a signal on a process, by the first message that its observer receives."""
    match message:
        case Down(_, _, "killed") if reason != "killed":
            return DIES_KILLED
        case Down(_, _, received) if received == reason:
            return DIES
        case Exit(pid, received) if pid is sender and received == reason:
            return DELIVERED
        case "nothing happened":
            return SURVIVES
        case _:
            return f"unexpected: {message}"


@every_body
@trapping_or_not
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
    assert effect(await receive(), reason, me) == BY_EXIT[reason][trapping]


@every_body
@trapping_or_not
@every_reason
async def test_exit_with_the_callers_pid(
    runtime: None, reason: Any, trapping: bool, light: bool
) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        exit(current_pid(), reason)
        send(current_pid(), "nothing happened")
        send(observer, await receive())

    pid, _ = spawn_monitor(target, current_pid(), light=light)
    assert effect(await receive(), reason, pid) == BY_ITSELF[reason][trapping]


@every_body
@trapping_or_not
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
            case Down():  # an exit signal would come before it
                send(observer, "nothing happened")
            case other:
                send(observer, other)

    spawn_monitor(target, current_pid(), light=light)
    partner_pid = await receive(Pid)
    assert effect(await receive(), reason, partner_pid) == BY_LINK[reason][trapping]


@trapping_or_not
async def test_the_return_of_a_linked_process(runtime: None, trapping: bool) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        pid, _ = spawn_monitor(ends)
        link(pid)
        send(observer, [type(await receive()), type(await receive(after=0))])

    spawn(target, current_pid())
    assert await receive() == ([Exit, Down] if trapping else [Down, Timeout])


async def kill_itself() -> None:
    exit(current_pid(), "kill")


async def crash_itself() -> None:
    await crash(CRASH)


@trapping_or_not
@pytest.mark.parametrize(("partner", "reason"), [(crash_itself, CRASH), (kill_itself, "killed")])
async def test_a_crash_or_a_kill_of_a_linked_process(
    runtime: None, caplog: pytest.LogCaptureFixture, trapping: bool, partner: Any, reason: Any
) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(trapping)
        spawn_link(partner)
        send(observer, await receive())

    spawn_monitor(target, current_pid())
    message = await receive()
    assert isinstance(message, Exit if trapping else Down)
    assert message.reason is reason


async def test_a_signal_follows_a_chain_of_links(runtime: None) -> None:
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


@in_every_body
async def test_exit_to_a_process_that_has_ended_does_nothing() -> None:
    pid = await ended_process()
    assert exit(pid, "kill") is None
    assert exit(pid, "normal") is None


@every_body
async def test_trapped_signals_stay_in_the_order_of_messages(runtime: None, light: bool) -> None:
    async def target(observer: Pid) -> None:
        trap_exit(True)
        send(observer, "ready")
        await receive(lambda message: message == "go")
        send(observer, [await receive() for _ in range(3)])

    me = current_pid()
    pid = spawn(target, me, light=light)
    await receive()
    send(pid, "before")
    exit(pid, "a signal")
    send(pid, "after")
    send(pid, "go")
    assert await receive() == ["before", Exit(me, "a signal"), "after"]


@in_every_body
async def test_trap_exit_returns_the_former_setting_and_is_not_inherited() -> None:
    async def child(observer: Pid) -> None:
        send(observer, trap_exit(False))

    assert [trap_exit(flag) for flag in [True, True, False, False]] == [False, True, True, False]
    trap_exit(True)
    spawn(child, current_pid())
    assert await receive() is False


# --- where it may wait ----------------------------------------------------------------------------


async def receives_with_a_time_out() -> None:
    await receive(int, after=1_000_000)


async def sleeps() -> None:
    await sleep(inf)


async def accepts() -> None:
    listener = ok(socket.open("inet", "stream"))
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    await socket.accept(listener)


async def waits_in_trio() -> None:
    await in_trio(trio.sleep_forever)


async def waits_with_tasks_of_its_own() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(receive)
        nursery.start_soon(sleep, 1_000_000)


async def waits_in_a_scope_of_its_own() -> None:
    with trio.CancelScope():
        await receive()
    raise AssertionError("only the scope around the whole process was cancelled")


IN_EVERY_BODY = [receive, receives_with_a_time_out, sleeps, accepts, waits_in_trio]
IN_TASKS = [trio.sleep_forever, waits_with_tasks_of_its_own, waits_in_a_scope_of_its_own]


@pytest.mark.parametrize(
    ("wait", "light"),
    [(wait, light) for light in (False, True) for wait in IN_EVERY_BODY]
    + [(wait, False) for wait in IN_TASKS],
)
async def test_a_process_is_killed_wherever_it_waits(
    runtime: None, wait: Callable[[], Awaitable[Any]], light: bool
) -> None:
    async def target(observer: Pid) -> None:
        try:
            await wait()
        finally:
            send(observer, "cleaned up")

    pid, ref = spawn_monitor(target, current_pid(), light=light)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert not is_alive(pid)
    assert await receive() == "cleaned up"
    assert await receive() == Down(ref, pid, "killed")


@every_body
async def test_a_process_killed_before_its_first_step_never_runs(
    runtime: None, light: bool
) -> None:
    async def target(observer: Pid) -> None:
        send(observer, "it ran")

    pid, ref = spawn_monitor(target, current_pid(), light=light)
    exit(pid, "kill")
    assert await receive() == Down(ref, pid, "killed")
    assert not is_alive(pid)


# --- clean-up -------------------------------------------------------------------------------------


async def test_the_end_waits_for_shielded_clean_up(runtime: None) -> None:
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
    exit(pid, "kill")  # it is ending already, and the first reason stands
    assert await receive(ref, after=0) == Timeout()
    may_end.set()
    assert await receive(ref) == Down(ref, pid, "first reason")


async def test_clean_up_can_use_the_mailbox(runtime: None) -> None:
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


async def test_the_decided_reason_stands_if_the_process_goes_on(runtime: None) -> None:
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


async def exit_otherwise() -> None:
    exit("another reason")


@every_body
@pytest.mark.parametrize(("last_act", "log"), [(crash_itself, [CRASH]), (exit_otherwise, [])])
async def test_the_decided_reason_stands_after_another_end_in_the_clean_up(
    runtime: None, caplog: pytest.LogCaptureFixture, last_act: Any, log: list[Any], light: bool
) -> None:
    async def target() -> None:
        try:
            await receive()
        finally:
            await last_act()

    pid, ref = spawn_monitor(target, light=light)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert await receive(ref) == Down(ref, pid, "killed")
    assert [record.exc_info[1] for record in caplog.records] == log


# --- catching -------------------------------------------------------------------------------------


@every_body
async def test_except_exception_does_not_catch_an_exit(runtime: None, light: bool) -> None:
    async def target() -> None:
        with suppress(Exception):
            exit("on purpose")

    assert await outcome_of(target, light=light) == "on purpose"


@every_body
async def test_catching_a_failed_call_does_not_catch_an_exit_signal(
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
