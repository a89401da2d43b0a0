"""Context variables: each process has its own, copied from the process that started it."""

import contextvars
import decimal
from collections.abc import Iterator

import pytest
import trio

from actorsock import (
    Pid,
    current_pid,
    in_trio,
    ok,
    open_runtime,
    otp,
    receive,
    run,
    send,
    sleep,
    spawn,
    spawn_handler,
    spawn_monitor,
)

from ..support import every_body

VARIABLE = contextvars.ContextVar("variable", default="nobody's")


@pytest.fixture(autouse=True)
def _the_callers_stay_as_they_are() -> Iterator[None]:
    yield
    assert VARIABLE.get() == "nobody's"


@every_body
async def test_a_process_inherits_a_copy(runtime: None, light: bool) -> None:
    async def tells(main: Pid) -> None:
        before = VARIABLE.get()
        VARIABLE.set("its own")
        await sleep(0)
        send(main, (before, VARIABLE.get()))

    async def starts(main: Pid) -> None:
        VARIABLE.set("inherited")
        spawn(tells, main, light=light)
        VARIABLE.set("too late")

    spawn(starts, current_pid(), light=light)
    assert await receive() == ("inherited", "its own")


@every_body
async def test_processes_that_alternate_have_contexts_of_their_own(
    runtime: None, light: bool
) -> None:
    async def counts(main: Pid, digits: int) -> None:
        with decimal.localcontext() as context:
            context.prec = digits
            await sleep(0)
            send(main, (digits, decimal.getcontext().prec))

    for digits in (5, 6, 7):
        spawn(counts, current_pid(), digits, light=light)
    assert sorted([await receive() for _ in range(3)]) == [(5, 5), (6, 6), (7, 7)]


async def test_a_handler_has_a_context_of_its_own(runtime: None) -> None:
    me = current_pid()

    def handle(message: str) -> None:
        send(me, VARIABLE.get())
        VARIABLE.set(message)

    def terminate(reason: object) -> None:
        send(me, (reason, VARIABLE.get()))
        raise SystemError

    handler = spawn_handler(handle, terminate)
    for message in ("one", "two"):
        send(handler, message)
    assert [await receive(), await receive()] == ["nobody's", "one"]


async def test_a_server_has_a_context_of_its_own(runtime: None) -> None:
    class Server(otp.GenServer):
        def handle_call(self, request: object, caller: object) -> otp.Reply:
            VARIABLE.set("the server's")
            return otp.Reply(VARIABLE.get())

    server = ok(await otp.start(Server))
    assert await otp.call(server, "set") == "the server's"
    assert VARIABLE.get() == "nobody's"


async def test_a_task_started_by_a_light_process_is_in_its_runtime() -> None:
    """Also where another runtime is open."""

    async def who() -> Pid:
        async with trio.open_nursery() as nursery:
            pids: list[Pid] = []

            async def child() -> None:
                pids.append(current_pid())

            nursery.start_soon(child)
        return pids[0]

    async def light(main: Pid) -> None:
        send(main, await in_trio(who))
        send(main, await in_trio(trio.lowlevel.current_task))

    async with open_runtime(), trio.open_nursery() as nursery:

        async def other() -> None:
            async with open_runtime():
                _, ref = spawn_monitor(light, current_pid(), light=True)
                assert isinstance(await receive(), Pid)
                assert (await receive(ref)).reason != "normal"

        nursery.start_soon(other)


def test_a_light_process_does_not_change_the_context_of_run() -> None:
    async def sets() -> None:
        VARIABLE.set("a light process's")

    async def main() -> None:
        _, ref = spawn_monitor(sets, light=True)
        await receive(ref)

    run(main)
    assert VARIABLE.get() == "nobody's"
