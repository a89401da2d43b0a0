"""Links: both ways, once per pair, gone after unlink."""

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    NoProcessError,
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    process_info,
    receive,
    send,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
    unlink,
)


async def ends() -> None:
    pass


async def ended_process() -> Pid:
    pid, ref = spawn_monitor(ends)
    await receive(ref)
    return pid


async def test_a_link_works_both_ways(runtime: None) -> None:
    async def partner(other: Pid, observer: Pid) -> None:
        link(other)
        send(observer, "linked")
        await receive()

    for ends_first in [0, 1]:
        pids = [spawn(receive)]
        pids.append(spawn(partner, pids[0], current_pid()))
        assert await receive() == "linked"
        refs = [monitor(pid) for pid in pids]
        exit(pids[ends_first], "a reason")
        assert [(await receive(ref)).reason for ref in refs] == ["a reason"] * 2


async def test_a_repeated_link_is_one_link(runtime: None) -> None:
    trap_exit(True)
    pid = spawn_link(receive)
    link(pid)
    link(pid)
    assert process_info(pid).links == [current_pid()]
    ref = monitor(pid)
    exit(pid, "a reason")
    assert [await receive(), await receive()] == [Exit(pid, "a reason"), Down(ref, pid, "a reason")]
    assert await receive(after=0) == Timeout()


async def test_one_unlink_undoes_a_repeated_link(runtime: None) -> None:
    trap_exit(True)
    pid = spawn_link(receive)
    link(pid)
    unlink(pid)
    assert process_info(pid).links == process_info(current_pid()).links == []


async def test_the_exit_signal_comes_before_the_down(runtime: None) -> None:
    trap_exit(True)
    pid, ref = spawn_monitor(receive)
    link(pid)
    exit(pid, "a reason")
    assert await receive() == Exit(pid, "a reason")
    assert await receive() == Down(ref, pid, "a reason")


async def test_messages_before_death_come_before_the_exit_signal(runtime: None) -> None:
    async def partner(dest: Pid) -> None:
        send(dest, "last words")
        exit("a reason")

    trap_exit(True)
    pid = spawn_link(partner, current_pid())
    assert [await receive(), await receive()] == ["last words", Exit(pid, "a reason")]


async def test_after_unlink_no_exit_signal_comes(runtime: None) -> None:
    async def target(pid: Pid, observer: Pid) -> None:
        link(pid)
        unlink(pid)
        ref = monitor(pid)
        exit(pid, "a reason")
        send(observer, await receive(ref))

    pid = spawn(receive)
    spawn(target, pid, current_pid())
    assert (await receive()).reason == "a reason"
    assert not is_alive(pid)


async def test_either_side_can_unlink(runtime: None) -> None:
    async def partner(other: Pid, observer: Pid) -> None:
        unlink(other)
        send(observer, "unlinked")
        await receive()

    pid = spawn_link(partner, current_pid(), current_pid())
    assert await receive() == "unlinked"
    assert process_info(current_pid()).links == process_info(pid).links == []


async def test_unlink_leaves_an_exit_that_has_arrived(runtime: None) -> None:
    trap_exit(True)
    pid = spawn_link(ends)
    await wait_all_tasks_blocked()
    unlink(pid)
    assert await receive(after=0) == Exit(pid, "normal")


async def test_link_to_an_ended_process(runtime: None) -> None:
    pid = await ended_process()
    with pytest.raises(NoProcessError, match=f"{pid!r} has ended"):
        link(pid)
    assert await receive(after=0) == Timeout()


async def test_link_to_an_ended_process_by_one_that_traps_exits(runtime: None) -> None:
    pid = await ended_process()
    trap_exit(True)
    link(pid)
    assert await receive() == Exit(pid, "noproc")
    assert process_info(current_pid()).links == []


async def test_link_to_itself_does_nothing(runtime: None) -> None:
    link(current_pid())
    assert process_info(current_pid()).links == []
    unlink(current_pid())


async def test_unlink_without_a_link_does_nothing(runtime: None) -> None:
    unlink(spawn(receive))
    unlink(await ended_process())


async def test_spawn_link_to_a_process_that_is_over_at_once(runtime: None) -> None:
    trap_exit(True)
    pid = spawn_link(ends)
    assert await receive() == Exit(pid, "normal")


async def test_linked_processes_may_die_together(runtime: None) -> None:
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


async def test_a_handler_unlinks_while_others_are_told(runtime: None) -> None:
    # Two handlers are linked to one process. The first to hear of its end asks the second to
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
