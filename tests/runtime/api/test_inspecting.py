"""The lists of processes, and the label of each."""

from trio.testing import wait_all_tasks_blocked

from actorsock import (
    current_pid,
    exit,
    process_info,
    processes,
    receive,
    run,
    set_label,
    spawn,
    spawn_handler,
)


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


async def test_a_label_is_any_object_and_need_not_be_unique(runtime: None) -> None:
    async def session(user: int) -> None:
        set_label(("session", user))
        await receive()

    first, second, other = spawn(session, 1), spawn(session, 1), spawn(receive)
    await wait_all_tasks_blocked()
    labels = [process_info(pid).label for pid in (first, second, other)]
    assert labels == [("session", 1), ("session", 1), None]
