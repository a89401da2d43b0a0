"""Small stories in which one allocation fails, each allocation in turn; run as a program.

`python -m tests.runtime.no_memory STORY BODY FIRST LAST [STEP]` forks a child for each allocation,
so that one that hangs or breaks its interpreter is no matter to the others. It prints a line for
each allocation after which something hangs or is missing, or the whole program ends.

The story runs in a process of its own. It may end by the error, and so may the processes that it
talks to. But whatever ends must be noticed by those that monitor it, and whatever has not ended
must go on working.

Two allocations of `spawn task` hang, one in each spawn: `nursery.start_soon` of trio fails after it
has added the task to the nursery and before it has scheduled it. A program of trio alone hangs too.
"""

import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
    Pid,
    Timeout,
    current_pid,
    demonitor,
    exit,
    link,
    monitor,
    ok,
    otp,
    processes,
    receive,
    run,
    send,
    send_after,
    sleep,
    socket,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
    unlink,
)

from ..sockets import connection

SECONDS: Final = 8
"""A child that takes longer hangs."""


class Server(otp.GenServer):
    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        return otp.Reply(request)


class AsyncServer(otp.GenServer):
    async def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        return otp.Reply(request)


async def echo() -> None:
    while True:
        sender, message = await receive(tuple)
        send(sender, message)


async def short() -> None:
    pass


@attrs.frozen
class Others:
    """The processes and sockets that a story uses."""

    light: bool
    echo: Pid
    server: Pid
    async_server: Pid
    near: socket.Socket
    far: socket.Socket


async def sends(others: Others) -> None:
    send(others.echo, (current_pid(), 1))
    await receive(int, after=0.3)


async def spawns(others: Others) -> None:
    spawn(short, light=others.light)
    _, ref = spawn_monitor(short, light=others.light)
    await receive(ref, after=0.3)


async def links(others: Others) -> None:
    trap_exit(True)
    pid = spawn_link(echo, light=others.light)
    link(others.echo)
    unlink(others.echo)
    exit(pid, "kill")
    await receive(Exit, after=0.3)


async def monitors(others: Others) -> None:
    pid, ref = spawn_monitor(echo, light=others.light)
    exit(pid, "over")
    await receive(ref, after=0.3)
    demonitor(monitor(others.echo))


async def calls(others: Others) -> None:
    await otp.call(others.server, 1, 0.3)


async def calls_async(others: Others) -> None:
    await otp.call(others.async_server, 1, 0.3)


async def sets_timers(others: Others) -> None:
    send_after(0.001, current_pid(), "timer")
    await receive(str, after=0.3)
    await sleep(0.001)


async def uses_sockets(others: Others) -> None:
    await socket.send(others.far, b"x", timeout=0.3)
    await socket.recv(others.near, timeout=0.3)


async def waits_for_bytes(others: Others) -> None:
    send(others.echo, (others.echo, None))
    spawn(sends_bytes, others.far, light=others.light)
    await socket.recv(others.near, timeout=0.3)


async def sends_bytes(sock: socket.Socket) -> None:
    await socket.send(sock, b"x")


STORIES: Final[dict[str, Callable[[Others], Awaitable[None]]]] = {
    "send": sends,
    "spawn": spawns,
    "link": links,
    "monitor": monitors,
    "call": calls,
    "call-async": calls_async,
    "timer": sets_timers,
    "socket": uses_sockets,
    "recv": waits_for_bytes,
}


async def main(story: Callable[[Others], Awaitable[None]], light: bool, number: int) -> list[str]:
    import _testcapi

    trap_exit(True)
    near, far = await connection()
    others = Others(
        light,
        spawn(echo, light=light),
        ok(await otp.start(Server)),
        ok(await otp.start(AsyncServer)),
        near,
        far,
    )
    known = set(processes())
    refs = {pid: monitor(pid) for pid in (others.echo, others.server, others.async_server)}

    async def with_a_failure() -> None:
        _testcapi.set_nomemory(number, number + 1)
        try:
            await story(others)
        finally:
            _testcapi.remove_mem_hooks()

    _, ref = spawn_monitor(story, others, light=light)  # fills the caches of the interpreter
    await receive(ref)
    _, ref = spawn_monitor(with_a_failure, light=light)
    wrong = []
    if await receive(ref, after=3) == Timeout():
        wrong.append("the story does not end")
    _testcapi.remove_mem_hooks()
    await sleep(0.01)
    # What is left by a failed `spawn_link` or `exit` is ended here, and must end.
    for left in set(processes()) - known:
        ended = monitor(left)
        exit(left, "kill")
        if await receive(ended, after=3) == Timeout():
            wrong.append(f"{left} does not end")
    for other, ref in refs.items():
        if await receive(ref, after=0) != Timeout():
            continue
        if other is others.echo:
            send(other, (current_pid(), "still there"))
            answer = await receive(
                lambda m, ref=ref: m == "still there" or (isinstance(m, Down) and m.ref is ref),
                after=3,
            )
        else:
            try:
                answer = await otp.call(other, "still there", 3)
            except CallError as exc:
                answer = exc
        if answer != "still there":
            wrong.append(f"{other} answers {answer!r}")
    await socket.recv(near, timeout=0)
    ok(await socket.send(far, b"still there", timeout=3))
    received = await socket.recv(near, 11, timeout=3)
    if isinstance(received, Error) or not received.value.endswith(b"there"):
        wrong.append(f"the reader gets {received!r}")
    return wrong


def child(story: Callable[[Others], Awaitable[None]], light: bool, number: int) -> int:
    faulthandler.dump_traceback_later(SECONDS - 1, exit=True)
    logging.disable()
    try:
        wrong = run(main, story, light, number)
    except BaseException as exc:  # the program has ended, and says so
        print(f"{number}: ends by {exc!r:.300}", flush=True)
        return 2
    print("".join(f"{number}: {line}\n" for line in wrong), end="", flush=True)
    return 4 if wrong else 0


def try_each(story: Callable[[Others], Awaitable[None]], light: bool, numbers: range) -> None:
    for number in numbers:
        pid = os.fork()
        if pid == 0:
            signal.alarm(SECONDS)
            try:
                os._exit(child(story, light, number))
            finally:
                os._exit(3)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        # Python 3.12 and 3.13 crash themselves at some allocations, as that of a new function.
        if code == -signal.SIGSEGV and sys.version_info >= (3, 12):
            continue
        if code not in (0, 2, 4):  # 1 is that of faulthandler
            print(f"{number}: hangs, or breaks the interpreter: {code}", flush=True)


if __name__ == "__main__":
    try_each(STORIES[sys.argv[1]], sys.argv[2] == "light", range(*map(int, sys.argv[3:])))
