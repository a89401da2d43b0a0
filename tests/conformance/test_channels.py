"""One special process in Erlang and in Python, written line by line, used in the same way."""

from pathlib import Path
from typing import Any

from actorsock import Exit, open_runtime, receive, trap_exit
from actorsock.otp import stop, sys

from . import channels
from .erlang_programs import run_in_erlang, term


async def _done_by_ours(light: bool) -> Any:
    async with open_runtime():
        trap_exit(True)
        pid = (await channels.start_link(light)).value
        await sys.log(pid, True)
        first = [await channels.alloc(), await channels.alloc(), await sys.get_state(pid)]
        channels.free(1)
        state = await sys.get_state(pid)
        replaced = await sys.replace_state(pid, lambda free: [*free, 9])
        second = [state, replaced, await channels.alloc()]
        await sys.suspend(pid)
        channels.free(7)
        suspended = [await sys.get_state(pid), (await sys.get_status(pid)).status]
        await sys.resume(pid)
        resumed = [await sys.get_state(pid), (await sys.get_status(pid)).status]
        events = [event[:2] for event in await sys.log(pid, "get") or ()]
        await stop(pid, "shutdown")
        _, reason, free = await receive(tuple)
        exit_reason = (await receive(Exit)).reason
    return [first, second, suspended, resumed, events, [reason, list(free)], exit_reason]


async def test_the_same_special_process(erlang: str, tmp_path: Path) -> None:
    [theirs] = run_in_erlang(erlang, "channels", ["none"], tmp_path)
    assert term(await _done_by_ours(light=False)) == theirs
    assert term(await _done_by_ours(light=True)) == theirs
