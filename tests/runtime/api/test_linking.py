"""Links, both ways and once per pair; monitors, one `Down` for each."""

import attrs
import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    NoProcessError,
    Pid,
    Ref,
    Timeout,
    current_pid,
    demonitor,
    exit,
    is_alive,
    link,
    make_ref,
    monitor,
    process_info,
    receive,
    register,
    send,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
    unlink,
    unregister,
    whereis,
)

from ..support import ended_process, ends, every_body, in_every_body


def links() -> list[Pid]:
    """The links of the caller."""
    return process_info(current_pid()).links


# --- links ----------------------------------------------------------------------------------------


@every_body
@pytest.mark.parametrize("ends_first", [0, 1])
async def test_a_link_works_both_ways(runtime: None, ends_first: int, light: bool) -> None:
    async def partner(other: Pid, observer: Pid) -> None:
        link(other)
        send(observer, "linked")
        await receive()

    pids = [spawn(receive, light=light)]
    pids.append(spawn(partner, pids[0], current_pid(), light=light))
    assert await receive() == "linked"
    refs = [monitor(pid) for pid in pids]
    exit(pids[ends_first], "a reason")
    assert [(await receive(ref)).reason for ref in refs] == ["a reason"] * 2


@in_every_body
async def test_a_repeated_link_is_one_link() -> None:
    trap_exit(True)
    pid = spawn_link(receive)
    link(pid)
    link(pid)
    assert process_info(pid).links == [current_pid()]
    ref = monitor(pid)
    exit(pid, "a reason")
    # The exit signal comes before the Down, in whatever order they were asked for.
    assert [await receive(), await receive()] == [Exit(pid, "a reason"), Down(ref, pid, "a reason")]
    assert await receive(after=0) == Timeout()
    pid, ref = spawn_monitor(receive)
    link(pid)
    exit(pid, "a reason")
    assert [await receive(), await receive()] == [Exit(pid, "a reason"), Down(ref, pid, "a reason")]


@in_every_body
async def test_one_unlink_removes_a_repeated_link() -> None:
    trap_exit(True)
    pid = spawn_link(receive)
    link(pid)
    unlink(pid)
    assert process_info(pid).links == links() == []


@in_every_body
async def test_messages_before_the_end_come_before_the_exit_signal() -> None:
    async def partner(dest: Pid) -> None:
        send(dest, "last words")
        exit("a reason")

    trap_exit(True)
    pid = spawn_link(partner, current_pid())
    assert [await receive(), await receive()] == ["last words", Exit(pid, "a reason")]


@in_every_body
async def test_after_unlink_no_exit_signal_comes() -> None:
    pid = spawn_link(receive)
    unlink(pid)
    ref = monitor(pid)
    exit(pid, "a reason")
    assert (await receive(ref)).reason == "a reason"
    assert not is_alive(pid)


@in_every_body
async def test_either_side_can_unlink() -> None:
    async def partner(other: Pid) -> None:
        unlink(other)
        send(other, "unlinked")
        await receive()

    pid = spawn_link(partner, current_pid())
    assert await receive() == "unlinked"
    assert links() == process_info(pid).links == []


async def test_a_partner_that_unlinks_between_two_notices(runtime: None) -> None:
    """The first notice runs a handler, which makes the second partner unlink."""
    second = spawn_handler(unlink)
    trap_exit(True)
    link(second)

    def passes_on(message: object) -> None:
        if isinstance(message, Exit):
            send(second, message.pid)
        else:
            trap_exit(True)

    first = spawn_handler(passes_on)
    send(first, "trap exits")

    async def partner() -> None:
        link(first)
        link(second)

    _, ref = spawn_monitor(partner)
    assert (await receive(ref)).reason == "normal"
    assert process_info(second).links == [current_pid()]
    for pid in first, second:
        exit(pid, "kill")
    assert await receive(Exit) == Exit(second, "killed")


async def test_unlink_leaves_an_exit_that_has_arrived(runtime: None) -> None:
    trap_exit(True)
    pid = spawn_link(ends)
    await wait_all_tasks_blocked()
    unlink(pid)
    assert await receive(after=0) == Exit(pid, "normal")


@in_every_body
async def test_a_link_to_an_ended_process_raises_or_delivers_noproc() -> None:
    pid = await ended_process()
    with pytest.raises(NoProcessError, match=f"{pid!r} has ended"):
        link(pid)
    assert await receive(after=0) == Timeout()
    trap_exit(True)
    link(pid)
    assert await receive() == Exit(pid, "noproc")
    assert links() == []


@in_every_body
async def test_links_that_do_nothing() -> None:
    link(current_pid())
    assert links() == []
    unlink(current_pid())
    unlink(spawn(receive))
    unlink(await ended_process())


async def test_linked_processes_can_end_together(runtime: None) -> None:
    async def node(dest: Pid) -> None:
        send(dest, current_pid())
        for other in await receive():
            link(other)
        send(dest, "linked")
        await receive()

    made = [spawn_monitor(node, current_pid()) for _ in range(10)]
    pids = [await receive(Pid) for _ in made]
    for pid in pids:
        send(pid, pids)
    for _ in pids:
        assert await receive() == "linked"
    exit(pids[4], "all for one")
    assert [(await receive(ref)).reason for _, ref in made] == ["all for one"] * 10


async def test_a_handler_can_unlink_while_others_are_notified(runtime: None) -> None:
    # Two handlers are linked to one process. The first to get its exit signal asks the second to
    # unlink, which it does in time: from then on no exit signal may reach it.
    received: list[object] = []

    def first(message: object) -> None:
        match message:
            case Exit():
                send(second_pid, ("unlink", message.pid))
            case ("link", pid):
                trap_exit(True)
                link(pid)

    def second(message: object) -> None:
        received.append(message)
        match message:
            case ("link", pid):
                trap_exit(True)
                link(pid)
            case ("unlink", pid):
                unlink(pid)

    pid, ref = spawn_monitor(receive)
    first_pid, second_pid = spawn_handler(first), spawn_handler(second)
    send(first_pid, ("link", pid))
    send(second_pid, ("link", pid))
    exit(pid, "a reason")
    await receive(ref)
    assert received == [("link", pid), ("unlink", pid)]


# --- monitors -------------------------------------------------------------------------------------


@in_every_body
async def test_a_down_carries_the_reason() -> None:
    for reason in ["killed", "shutdown", ("any", 1)]:
        pid = spawn(receive)
        ref = monitor(pid)
        exit(pid, reason)
        assert await receive() == Down(ref, pid, reason)


@in_every_body
async def test_several_monitors_give_several_downs() -> None:
    pid = spawn(ends)
    refs = [monitor(pid) for _ in range(3)]
    assert len(set(refs)) == 3
    assert process_info(pid).monitored_by == [current_pid()] * 3
    assert [await receive() for _ in refs] == [Down(ref, pid, "normal") for ref in refs]
    assert await receive(after=0) == Timeout()


@every_body
async def test_several_processes_can_monitor_one(runtime: None, light: bool) -> None:
    async def watcher(pid: Pid, observer: Pid) -> None:
        ref = monitor(pid)
        send(observer, "watching")
        send(observer, (await receive(ref)).reason)

    pid = spawn(receive, light=light)
    for _ in range(10):
        spawn(watcher, pid, current_pid(), light=light)
    assert [await receive() for _ in range(10)] == ["watching"] * 10
    exit(pid, "a reason")
    assert [await receive() for _ in range(10)] == ["a reason"] * 10


@in_every_body
async def test_a_monitor_of_an_ended_process_delivers_noproc() -> None:
    for dest in (await ended_process(), "nobody"):
        ref = monitor(dest)
        assert await receive(after=0) == Down(ref, dest, "noproc")


@in_every_body
async def test_the_end_of_the_watcher_removes_its_monitor() -> None:
    async def watcher(pid: Pid) -> None:
        monitor(pid)

    pid = spawn(receive)
    _, ref = spawn_monitor(watcher, pid)
    await receive(ref)
    assert process_info(pid).monitored_by == []
    assert process_info(pid, ["messages"])["messages"] == []


@in_every_body
async def test_after_demonitor_no_down_comes() -> None:
    pid = spawn(receive)
    kept, removed = monitor(pid), monitor(pid)
    demonitor(removed)
    assert process_info(pid).monitored_by == [current_pid()]
    exit(pid, "a reason")
    assert await receive() == Down(kept, pid, "a reason")
    assert await receive(after=0) == Timeout()


async def test_demonitor_leaves_a_down_that_has_arrived(runtime: None) -> None:
    pid, ref = spawn_monitor(ends)
    await wait_all_tasks_blocked()
    demonitor(ref)
    assert await receive(after=0) == Down(ref, pid, "normal")


@attrs.frozen
class Reply:
    ref: Ref


@pytest.mark.parametrize("saved", [False, True])
async def test_demonitor_with_flush_removes_a_down_that_has_arrived(
    runtime: None, saved: bool
) -> None:
    pid, ref = spawn_monitor(ends)
    other_pid, other_ref = spawn_monitor(ends)
    await wait_all_tasks_blocked()
    send(current_pid(), Reply(ref))
    if saved:
        await receive(int, after=0)
    demonitor(ref, flush=True)
    left = process_info(current_pid(), ["messages"])["messages"]
    assert left == [Down(other_ref, other_pid, "normal"), Reply(ref)]
    assert pid is not other_pid


async def test_demonitor_with_flush_before_the_end(runtime: None) -> None:
    pid, ref = spawn_monitor(receive)
    demonitor(ref, flush=True)
    exit(pid, "kill")
    await wait_all_tasks_blocked()
    assert await receive(after=0) == Timeout()


@in_every_body
async def test_only_the_watcher_can_demonitor() -> None:
    async def stranger(ref: Ref) -> None:
        demonitor(ref, flush=True)

    pid, ref = spawn_monitor(receive)
    _, stranger_ref = spawn_monitor(stranger, ref)
    await receive(stranger_ref)
    demonitor(make_ref())
    demonitor(make_ref(), flush=True)
    exit(pid, "a reason")
    assert await receive() == Down(ref, pid, "a reason")


@in_every_body
async def test_a_name_is_looked_up_once() -> None:
    first, second = spawn(receive, name="server"), spawn(receive)
    ref = monitor("server")
    assert process_info(current_pid()).monitors == [first]
    unregister("server")
    register("server", second)
    exit(second, "a reason")
    exit(first, "another reason")
    assert await receive() == Down(ref, "server", "another reason")


@in_every_body
async def test_a_process_monitors_itself_without_effect() -> None:
    register("me", current_pid())
    before = process_info(current_pid()).monitored_by
    for ref in [monitor(current_pid()), monitor("me")]:
        assert isinstance(ref, Ref)
        demonitor(ref)
    info = process_info(current_pid())
    assert (info.monitors, info.message_queue_len, info.monitored_by) == ([], 0, before)


@in_every_body
async def test_the_process_is_gone_before_the_down_comes() -> None:
    pid, ref = spawn_monitor(ends, name="server")
    await receive(ref)
    assert process_info(pid) is None
    assert whereis("server") is None
    spawn(receive, name="server")
