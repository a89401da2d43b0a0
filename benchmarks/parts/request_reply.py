"""Request and reply: a process sends to an idle handler or server, which replies in place."""

import asyncio
from collections.abc import Generator
from functools import partial
from typing import Any, Final

import attrs

from actorsock import (
    Pid,
    Ref,
    current_pid,
    make_ref,
    ok,
    otp,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
)

from ..harness import Against, Benchmark, Effort, Skipped, at_least
from ..inside import Contestants, Stopwatch
from ..programs import each_fresh

__all__ = ["CONTESTANTS", "Reply", "Request", "answer", "benchmarks", "calls"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TASK_REF: Final = "task body, reply by ref"
LIGHT_REF: Final = "light body, reply by ref"
TASK_CALL: Final = "task body, call of a GenServer"
LIGHT_CALL: Final = "light body, call of a GenServer"
ASYNCIO: Final = "a pair of asyncio queues"
PYKKA: Final = "pykka's ask"

BATCH: Final = 500


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark: one request at a time."""
    what = "request and reply, an idle handler"
    yield Benchmark(
        "request and reply (thousands/s)",
        "one at a time",
        each_fresh("request_reply", CONTESTANTS, effort, {TASK, LIGHT, TASK_CALL, LIGHT_CALL}),
        (
            Against(what, ASYNCIO, at_least(TASK, 10), at_least(LIGHT, 18)),
            Against(what, PYKKA, at_least(TASK, 30), at_least(LIGHT, 60)),
            Against(
                "call of a GenServer", ASYNCIO, at_least(TASK_CALL, 5), at_least(LIGHT_CALL, 6)
            ),
        ),
    )


@attrs.define
class Request:
    """A request; its reply carries the same ref."""

    sender: Pid
    ref: Ref
    number: int


@attrs.define
class Reply:
    """A reply."""

    ref: Ref
    number: int


def answer(request: Request) -> None:
    """Handle a request: the function of a handler process."""
    send(request.sender, Reply(request.ref, request.number + 1))


def _increment(message: tuple[Pid, int]) -> None:
    sender, number = message
    send(sender, number + 1)


def _handler(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def ask(main: Pid) -> None:
        me, handler = current_pid(), spawn_handler(_increment)
        while watch.lap(BATCH):
            for number in range(BATCH):
                send(handler, (me, number))
                await receive()
        send(main, "done")

    return _measured(watch, ask, light)


def _handler_by_ref(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def ask(main: Pid) -> None:
        me, handler = current_pid(), spawn_handler(answer)
        while watch.lap(BATCH):
            for number in range(BATCH):
                ref = make_ref()
                send(handler, Request(me, ref, number))
                await receive(ref)
        send(main, "done")

    return _measured(watch, ask, light)


class _Incrementing(otp.GenServer):
    def handle_call(self, request: int, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(request + 1)


async def calls(watch: Stopwatch, light: bool) -> None:
    """Let a process call a server, until `watch` has enough."""
    spawn(_ask_server, watch, current_pid(), light=light)
    await receive(str)


async def _ask_server(watch: Stopwatch, main: Pid) -> None:
    server = ok(await otp.start(_Incrementing))
    while watch.lap(BATCH):
        for number in range(BATCH):
            await otp.call(server, number)
    send(main, "done")


def _call(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    run(calls, watch, light)
    return watch.thousands


def _measured(watch: Stopwatch, ask: Any, light: bool) -> float:
    async def main() -> None:
        spawn(ask, current_pid(), light=light)
        await receive()

    run(main)
    return watch.thousands


def _two_queues(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def answering(requests: "asyncio.Queue[int]", replies: "asyncio.Queue[int]") -> None:
        while True:
            replies.put_nowait(await requests.get() + 1)

    async def main() -> None:
        requests: asyncio.Queue[int] = asyncio.Queue()
        replies: asyncio.Queue[int] = asyncio.Queue()
        task = asyncio.create_task(answering(requests, replies))
        while watch.lap(BATCH):
            for number in range(BATCH):
                requests.put_nowait(number)
                await replies.get()
        task.cancel()

    asyncio.run(main())
    return watch.thousands


def _pykka(effort: Effort) -> float:
    try:
        import pykka  # pyright: ignore[reportMissingImports]  # not installed for the tests
    except ImportError:
        raise Skipped("pykka is not installed") from None

    class Actor(pykka.ThreadingActor):
        def on_receive(self, message: int) -> int:
            return message + 1

    watch = Stopwatch(effort.seconds)
    actor = Actor.start()
    while watch.lap(BATCH):
        for number in range(BATCH):
            actor.ask(number)
    actor.stop()
    return watch.thousands


CONTESTANTS: Final[Contestants] = {
    ASYNCIO: _two_queues,
    TASK: partial(_handler, False),
    LIGHT: partial(_handler, True),
    PYKKA: _pykka,
    TASK_REF: partial(_handler_by_ref, False),
    LIGHT_REF: partial(_handler_by_ref, True),
    TASK_CALL: partial(_call, False),
    LIGHT_CALL: partial(_call, True),
}
