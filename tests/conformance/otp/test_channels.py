"""One special process in Erlang and in Python, written line by line, used in the same way."""

from pathlib import Path
from typing import Any

from actorsock import Exit, exit, open_runtime, receive, trap_exit
from actorsock.otp import stop, sys

from ..sides.erlang_programs import run_in_erlang, term
from . import channels


async def _done_by_ours(light: bool) -> Any:
    async with open_runtime():
        trap_exit(True)
        pid = (await channels.start_link(light)).value
        await sys.log(pid, True)
        seen: list[Any] = []

        async def watch(key: str, last: int) -> None:
            def see(number: int, event: Any, name: str) -> Any:
                seen.append([key, number, event[:2], name])
                return "done" if number == last else number + 1

            await sys.install(pid, see, 0, key=key)

        def fail(state: Any, event: Any, name: str) -> None:
            exit("why")

        for key, last in (("two", 1), ("four", 3), ("four", 0)):
            await watch(key, last)
        await sys.install(pid, fail, 0, key="fails")
        first = [await channels.alloc(), await channels.alloc(), await sys.get_state(pid)]
        channels.free(1)
        state = await sys.get_state(pid)
        replaced = await sys.replace_state(pid, lambda free: [*free, 9])
        second = [state, replaced, await channels.alloc()]
        first_seen = [*seen]
        seen.clear()
        await watch("one", -1)
        await watch("other", -1)
        await sys.remove(pid, "one")
        await sys.remove(pid, "nobody")
        await sys.suspend(pid)
        channels.free(7)
        suspended = [await sys.get_state(pid), (await sys.get_status(pid)).status]
        await sys.resume(pid)
        resumed = [await sys.get_state(pid), (await sys.get_status(pid)).status]
        await sys.remove(pid, "other")
        channels.free(8)
        await sys.get_state(pid)
        later_seen = [*seen]
        events = [event[:2] for event in await sys.log(pid, "get") or ()]
        await sys.no_debug(pid)
        assert await sys.log(pid, "get") == []
        await stop(pid, "shutdown")
        _, reason, free = await receive(tuple)
        exit_reason = (await receive(Exit)).reason
    told = [reason, list(free)]
    return [first, second, suspended, resumed, first_seen, later_seen, events, told, exit_reason]


async def test_the_same_special_process(erlang: str, tmp_path: Path) -> None:
    [theirs] = run_in_erlang(erlang, "channels", ["none"], tmp_path)
    assert term(await _done_by_ours(light=False)) == theirs
    assert term(await _done_by_ours(light=True)) == theirs
