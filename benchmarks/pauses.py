"""The longest time for which a loop over one function holds up all others.

    python -m benchmarks.pauses [SECONDS] [WORD ...]

Each row is a loop that always finds something to do: it never waits for long. It runs in each kind
of process that can run it, beside a trio task that only notes how long each pass of trio's loop
takes: in processor time of the thread, so that other programs on the machine do not count. None may
take longer than `LONGEST`; the program exits with 1 if one does. The words select rows.

To add a row, write an async function that loops for ever, and put it into `ROWS`.
"""

import gc
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter, thread_time
from typing import Any, Final

import trio

from actorsock import (
    cancel_timer,
    current_pid,
    exit,
    in_trio,
    is_alive,
    mailbox,
    make_ref,
    otp,
    receive,
    run,
    send,
    send_after,
    sleep,
    spawn,
    spawn_monitor,
)
from actorsock.otp import GenServer, Reply

__all__ = ["LONGEST", "ROWS", "longest_pause"]

LONGEST: Final = 0.02
"""Seconds."""

Loop = Callable[[], Awaitable[object]]


def _wants_int(message: Any) -> bool:
    return type(message) is int


async def _receive() -> None:
    while True:
        send(current_pid(), 1)
        await receive()


async def _receive_type() -> None:
    while True:
        send(current_pid(), 1)
        await receive(int)


async def _receive_predicate() -> None:
    while True:
        send(current_pid(), 1)
        await receive(_wants_int)


async def _receive_nothing() -> None:
    while True:
        await receive(after=0)


async def _receive_ref_in_vain() -> None:
    while True:
        await receive(make_ref(), after=0)


def _among(count: int, pattern: Any) -> Loop:
    """Return a loop of receives that pass over `count` messages each time."""

    async def loop() -> None:
        me = current_pid()
        for start in range(0, count, 500):
            for _ in range(min(500, count - start)):
                send(me, "passed over")
            await sleep(0)
        while True:
            send(me, 1)
            await receive(pattern)

    return loop


async def _iterate() -> None:
    send(current_pid(), 1)
    async for message in mailbox():
        send(current_pid(), message)


async def _iterate_nothing() -> None:
    while True:
        async for _ in mailbox(after=0):
            pass


async def _sleep() -> None:
    while True:
        await sleep(0)


async def _nothing() -> None:
    pass


async def _in_trio() -> None:
    while True:
        await in_trio(_nothing)


async def _spawn() -> None:
    while is_alive(current_pid()):
        _, ref = spawn_monitor(_nothing)
        await receive(ref)


async def _timers() -> None:
    while True:
        ref = send_after(0, current_pid(), "now")
        await receive(after=0)
        cancel_timer(ref)


def _expire(count: int) -> Loop:
    """Return a loop of `count` timers that run out at once."""

    async def loop() -> None:
        me = current_pid()
        while True:
            for start in range(0, count, 500):
                for _ in range(min(500, count - start)):
                    send_after(0.5, me, "now")
                await sleep(0)
            for _ in range(count):
                await receive()

    return loop


class _Adder(GenServer):
    def handle_call(self, request: int, caller: object) -> Reply:
        return Reply(request + 1)


async def _call() -> None:
    server = (await otp.start(_Adder)).unwrap()
    while True:
        await otp.call(server, 1)


async def _send_request() -> None:
    server = (await otp.start(_Adder)).unwrap()
    while True:
        await otp.receive_response(otp.send_request(server, 1))


async def _start() -> None:
    while True:
        server = (await otp.start(_Adder)).unwrap()
        await otp.stop(server)


ROWS: Final[dict[str, Loop]] = {
    "receive()": _receive,
    "receive(int)": _receive_type,
    "receive(predicate)": _receive_predicate,
    "receive(after=0)": _receive_nothing,
    "receive(ref, after=0)": _receive_ref_in_vain,
    "receive(int) past 900 messages": _among(900, int),
    "receive(predicate) past 900 messages": _among(900, _wants_int),
    "receive(predicate) past 300,000 messages": _among(300_000, _wants_int),
    "receive(int | bool) past 300,000 messages": _among(300_000, int | bool),
    "async for in mailbox()": _iterate,
    "async for in mailbox(after=0)": _iterate_nothing,
    "sleep(0)": _sleep,
    "in_trio": _in_trio,
    "spawn_monitor": _spawn,
    "send_after and cancel_timer": _timers,
    "100,000 timers": _expire(100_000),
    "otp.call": _call,
    "otp.send_request": _send_request,
    "otp.start and otp.stop": _start,
}


async def longest_pause(loop: Loop, light: bool, seconds: float) -> float:
    """Return the longest pass of trio's loop, in processor seconds, while a process runs `loop`."""
    pid = spawn(loop, light=light)
    longest = 0.0
    end = perf_counter() + seconds
    last = thread_time()
    while perf_counter() < end:
        await trio.lowlevel.checkpoint()
        now = thread_time()
        longest = max(longest, now - last)
        last = now
    exit(pid, "kill")
    return longest


def main(seconds: float, words: list[str]) -> int:
    """Print a line for each row and kind of process; return 1 if a pause is too long."""
    too_long = 0
    for name, loop in ROWS.items():
        if words and not any(word in name for word in words):
            continue
        for light in [False, True]:
            gc.collect()
            gc.disable()  # its pauses depend on the size of the program, not on the function
            pause = run(longest_pause, loop, light, seconds) or 0.0
            gc.enable()
            too_long += pause > LONGEST
            mark = "  TOO LONG" if pause > LONGEST else ""
            print(f"{name:45}{'light' if light else 'task':6}{1000 * pause:8.1f} ms{mark}")
    return 1 if too_long else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    duration = float(arguments.pop(0)) if arguments and arguments[0][0].isdigit() else 1.0
    sys.exit(main(duration, arguments))
