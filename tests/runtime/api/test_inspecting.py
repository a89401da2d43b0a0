"""Looking at processes from outside."""

import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Pid,
    ProcessInfo,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    process_info,
    processes,
    receive,
    run,
    send,
    sleep,
    spawn,
    spawn_handler,
    spawn_monitor,
    trap_exit,
)


async def test_process_info_of_a_waiting_process(runtime: None) -> None:
    async def process(observer: Pid) -> None:
        trap_exit(True)
        link(observer)
        monitor(observer)
        send(observer, "ready")
        await receive(int)

    me = current_pid()
    pid, _ = spawn_monitor(process, me, name="a name")
    assert await receive() == "ready"
    send(pid, "not what it waits for")
    await wait_all_tasks_blocked()
    assert process_info(pid) == ProcessInfo(
        pid=pid,
        kind="task",
        function=f"{__name__}:{process.__qualname__}",
        registered_name="a name",
        status="waiting",
        message_queue_len=1,
        messages=["not what it waits for"],
        links=[me],
        monitors=[me],
        monitored_by=[me],
        trap_exit=True,
    )
    assert process_info(me).links == [pid]
    trap_exit(True)
    send(pid, 1)
    await wait_all_tasks_blocked()
    assert process_info(pid) is None


async def test_the_status_of_a_process(runtime: None) -> None:
    cleaning, may_end = trio.Event(), trio.Event()

    async def process() -> None:
        try:
            await sleep(1_000_000)
        finally:
            with trio.CancelScope(shield=True):
                cleaning.set()
                await may_end.wait()

    assert process_info(current_pid()).status == "running"
    pid, ref = spawn_monitor(process)
    await wait_all_tasks_blocked()
    assert process_info(pid).status == "waiting"
    exit(pid, "kill")
    await cleaning.wait()
    assert process_info(pid).status == "exiting"
    assert not is_alive(pid)
    assert pid in processes()
    may_end.set()
    await receive(ref)
    assert process_info(pid) is None
    assert pid not in processes()


async def test_the_status_of_a_handler(runtime: None) -> None:
    seen: list[tuple[str, int]] = []

    def handler(message: object) -> None:
        info = process_info(current_pid())
        seen.append((info.status, info.message_queue_len))

    pid = spawn_handler(handler)
    assert process_info(pid).status == "waiting"
    send(pid, "a message")
    assert seen == [("running", 0)]


async def test_process_info_is_a_snapshot(runtime: None) -> None:
    pid = spawn(receive)
    info = process_info(pid)
    link(pid)
    send(pid, "a message")
    assert (info.links, info.messages) == ([], [])
    trap_exit(True)
    await wait_all_tasks_blocked()


async def test_processes_are_listed_oldest_first(runtime: None) -> None:
    before = processes()
    pids = [spawn(receive), spawn_handler(print), spawn(receive)]
    assert processes() == [*before, *pids]
    exit(pids[1], "kill")
    assert processes() == [*before, pids[0], pids[2]]


def test_the_function_of_the_first_process_is_main() -> None:
    async def main() -> str:
        return process_info(current_pid()).function

    assert run(main) == f"{__name__}:{main.__qualname__}"
