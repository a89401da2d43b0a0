"""Whatever a process raises, leaves open or sends harms that process, and no other one."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    DeadlineError,
    Down,
    Pid,
    ProcessExit,
    Ref,
    Timeout,
    cancel_timer,
    current_pid,
    deadline,
    demonitor,
    exit,
    in_trio,
    is_alive,
    mailbox,
    make_ref,
    monitor,
    ok,
    open_runtime,
    otp,
    process_info,
    receive,
    register,
    run,
    send,
    send_after,
    sleep,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
    whereis,
)
from actorsock.runtime.core.mailbox import anything
from actorsock.runtime.core.process import alive

from ..support import crash, every_body


@pytest.fixture
async def bystanders(runtime: None) -> AsyncIterator[None]:
    """Processes of all bodies that must still answer after the test."""

    async def answers() -> None:
        async for sender in mailbox():
            send(sender, "still here")

    pids = [spawn(answers), spawn(answers, light=True)]
    pids.append(spawn_handler(lambda sender: send(sender, "still here")))
    yield
    await wait_all_tasks_blocked()
    for pid in [*pids, spawn(answers), spawn(answers, light=True)]:
        send(pid, current_pid())
        assert await receive(str, after=5) == "still here"


async def end_of(pid: Pid) -> Any:
    """Return the exit reason of a process."""
    return (await receive(monitor(pid))).reason


# --- exceptions -----------------------------------------------------------------------------------


class Own(BaseException):
    pass


def raises(*_: object) -> Any:
    raise Own


class Disguised(ValueError):
    __class__ = property(raises)  # type: ignore[assignment]
    __repr__ = __str__ = raises


class Unprintable(RuntimeError):
    __repr__ = __str__ = raises
    __notes__ = property(raises)


class Indivisible(BaseExceptionGroup[BaseException]):
    derive = raises
    exceptions = property(raises)  # type: ignore[assignment]


def another_tasks_cancelled() -> BaseException:
    """Return what a scope has raised in a task that has ended long ago."""
    raised: list[BaseException] = []

    async def waits() -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled as exc:
            raised.append(exc)
            raise

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await waits()

    trio.run(main)
    return raised[0]


STRAY = another_tasks_cancelled()

RAISED: dict[str, Callable[[], BaseException]] = {
    "GeneratorExit": GeneratorExit,
    "GeneratorExit in a group": lambda: BaseExceptionGroup("", [GeneratorExit(), ValueError()]),
    "Cancelled": lambda: STRAY,
    "Cancelled in a group": lambda: BaseExceptionGroup("", [STRAY]),
    "asyncio.CancelledError": asyncio.CancelledError,
    "own BaseException": Own,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "computed __class__": Disguised,
    "failing __str__": Unprintable,
    "failing argument": lambda: RuntimeError(Unprintable()),
    "failing group": lambda: Indivisible("", [ValueError()]),
    "exit with a failing reason": lambda: ProcessExit(Disguised()),
}


FAILS_TO_PRINT = {
    "computed __class__",
    "failing __str__",
    "failing argument",
    "exit with a failing reason",
}


async def in_a_task(exc: BaseException) -> None:
    await end_of(spawn(crash, exc))


async def in_a_light_process(exc: BaseException) -> None:
    await end_of(spawn(crash, exc, light=True))


async def in_a_task_of_a_task(exc: BaseException) -> None:
    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(crash, exc)

    await end_of(spawn(process))


async def in_in_trio(exc: BaseException) -> None:
    await end_of(spawn(in_trio, crash, exc, light=True))


def throws(exc: BaseException) -> Callable[[object], None]:
    def function(_: object) -> None:
        raise exc

    return function


async def in_a_handler(exc: BaseException) -> None:
    pid = spawn_handler(throws(exc))
    ref = monitor(pid)
    send(pid, "a message")
    await receive(ref)


async def as_a_handler_terminates(exc: BaseException) -> None:
    pid = spawn_handler(print, throws(exc))
    ref = monitor(pid)
    exit(pid, "shutdown")
    assert (await receive(ref)).reason == "shutdown"


async def in_a_predicate(exc: BaseException) -> None:
    for light in [False, True]:
        pid, ref = spawn_monitor(receive, throws(exc), light=light)
        send(pid, "a message")
        await receive(ref)


async def in_a_server(exc: BaseException) -> None:
    class Server(otp.GenServer):
        def handle_cast(self, request: object) -> None:
            raise exc

    class Waits(otp.GenServer):
        async def handle_cast(self, request: object) -> None:
            raise exc

    for server, light in [(Server, False), (Waits, False), (Waits, True)]:
        pid = ok(await otp.start(server, light=light))
        ref = monitor(pid)
        otp.cast(pid, "a request")
        await receive(ref)


async def as_a_server_begins_or_terminates(exc: BaseException) -> None:
    class Begins(otp.GenServer):
        def init(self) -> None:
            raise exc

    class Terminates(otp.GenServer):
        def terminate(self, reason: object) -> None:
            raise exc

    await otp.start(Begins)
    pid = ok(await otp.start(Terminates))
    ref = monitor(pid)
    exit(pid, "shutdown")
    await receive(ref)


@pytest.mark.parametrize("raised", list(RAISED))
@pytest.mark.parametrize(
    "where",
    [
        in_a_task,
        in_a_light_process,
        in_a_task_of_a_task,
        in_in_trio,
        in_a_handler,
        as_a_handler_terminates,
        in_a_predicate,
        in_a_server,
        as_a_server_begins_or_terminates,
    ],
    ids=lambda where: where.__name__,
)
async def test_an_exception_ends_its_own_process(
    bystanders: None, raised: str, where: Callable[[BaseException], Awaitable[None]]
) -> None:
    if where is in_a_task_of_a_task and raised in FAILS_TO_PRINT:
        pytest.skip("a nursery of trio's own calls `repr`, and ends the whole run if it raises")
    trap_exit(True)
    await where(RAISED[raised]())


# --- nurseries that are not left ------------------------------------------------------------------

kept: list[Any] = []


@pytest.fixture(autouse=True)
def forget() -> None:
    kept.clear()
    inside.clear()


async def with_a_nursery() -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        while True:
            yield


async def with_a_scope() -> AsyncIterator[None]:
    with trio.move_on_after(10):
        while True:
            yield


inside: list[Pid] = []


async def with_a_runtime() -> AsyncIterator[None]:
    async with open_runtime() as first:
        inside[:] = [first, spawn(sleep, 60), spawn(sleep, 60, light=True), spawn_handler(print)]
        while True:
            yield


async def enters(thing: Any) -> None:
    kept.append(thing)
    await thing.__aenter__()


async def begins(generator: Any) -> None:
    kept.append(generator)
    await anext(generator)


async def crashes_in_the_loop() -> None:
    async for _ in with_a_nursery():
        raise ValueError


async def catches_what_the_scope_says() -> None:
    # A scope that is left before the nursery in it raises; then the outer scope is the innermost.
    with contextlib.suppress(RuntimeError), trio.move_on_after(10):
        await begins(with_a_nursery())


async def drops_and_lives_on(
    generator: Callable[[], AsyncIterator[None]] = with_a_nursery,
) -> None:
    me = current_pid()
    async for _ in generator():
        break
    gc.collect()
    await wait_all_tasks_blocked()
    assert current_pid() is me
    await trio.sleep_forever()


async def waits_with(generator: Any) -> None:
    await begins(generator)
    await trio.sleep_forever()


LEFT_OPEN: dict[str, Callable[[], Awaitable[None]]] = {
    "a nursery": lambda: enters(trio.open_nursery()),
    "a generator with a nursery": lambda: begins(with_a_nursery()),
    "a generator with a scope": lambda: begins(with_a_scope()),
    "a crash in a generator's loop": crashes_in_the_loop,
    "a generator in a scope": catches_what_the_scope_says,
    "a generator that was dropped": drops_and_lives_on,
    "a generator of a process that is killed": lambda: waits_with(with_a_nursery()),
    "a runtime": lambda: enters(open_runtime()),
    "a generator with a runtime": lambda: begins(with_a_runtime()),
    "a runtime of a process that is killed": lambda: waits_with(with_a_runtime()),
    "a runtime that was dropped": lambda: drops_and_lives_on(with_a_runtime),
}


async def by_a_task(leaves_open: Callable[[], Awaitable[None]]) -> Pid:
    return spawn(leaves_open)


async def by_in_trio(leaves_open: Callable[[], Awaitable[None]]) -> Pid:
    return spawn(in_trio, leaves_open, light=True)


async def by_a_server(leaves_open: Callable[[], Awaitable[None]]) -> Pid:
    class Server(otp.GenServer):
        async def handle_cast(self, request: object) -> None:
            await leaves_open()

    pid = ok(await otp.start(Server))
    otp.cast(pid, "a request")
    return pid


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("left_open", list(LEFT_OPEN))
@pytest.mark.parametrize("by", [by_a_task, by_in_trio, by_a_server], ids=lambda by: by.__name__)
async def test_a_nursery_that_is_not_left_ends_its_own_process(
    bystanders: None,
    left_open: str,
    by: Callable[[Callable[[], Awaitable[None]]], Awaitable[Pid]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pid = await by(LEFT_OPEN[left_open])
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    with trio.fail_after(5):
        await end_of(pid)
    kept.clear()
    gc.collect()
    await wait_all_tasks_blocked()
    assert not any(map(is_alive, inside))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("generator", [with_a_nursery, with_a_runtime])
def test_the_first_process_ends_in_good_order_too(
    generator: Callable[[], AsyncIterator[None]],
) -> None:
    async def cleans_up() -> None:
        try:
            await sleep(60)
        finally:
            inside.append(current_pid())

    async def main() -> None:
        pid = spawn(cleans_up)
        await wait_all_tasks_blocked()
        await begins(generator())
        inside[:] = [pid]

    with pytest.raises(RuntimeError, match="Cancel scope stack corrupted"):
        run(main)
    kept.clear()
    gc.collect()
    assert len(inside) == 2
    assert inside[0] is inside[1]


def test_an_interrupt_in_an_abandoned_runtime_ends_the_program() -> None:
    async def interrupts() -> None:
        try:
            await sleep(60)
        finally:
            sys.exit("in the inner runtime")

    async def with_an_interrupt() -> AsyncIterator[None]:
        async with open_runtime():
            spawn(interrupts)
            await wait_all_tasks_blocked()
            yield

    async def main() -> None:
        await end_of(spawn(begins, with_an_interrupt()))
        await sleep(60)

    with pytest.raises(SystemExit, match="in the inner runtime"):
        run(main)


# --- objects that fail when they are looked at ----------------------------------------------------


class Evil:
    """A message, reason or function that raises whatever is asked of it."""

    __class__ = property(raises)  # type: ignore[assignment]
    __eq__ = __hash__ = __repr__ = __bool__ = __len__ = raises  # type: ignore[assignment]
    ref = __name__ = __wrapped__ = property(raises)

    def __call__(self, *args: object) -> None:
        pass


@every_body
@pytest.mark.parametrize("pattern", [str, (int, str), int | str, "a ref", lambda m: type(m) is str])
async def test_no_message_harms_a_receiver_that_does_not_want_it(
    bystanders: None, light: bool, pattern: Any
) -> None:
    ref = make_ref()

    async def receiver(to: Pid) -> None:
        send(to, await receive(ref if pattern == "a ref" else pattern))

    for waits in [True, False]:
        pid = spawn(receiver, current_pid(), light=light)
        if waits:
            await wait_all_tasks_blocked()
        send(pid, Evil())
        wanted = Down(ref, pid, "normal") if pattern == "a ref" else "wanted"
        send(pid, wanted)
        assert await receive(after=5) == wanted


async def test_no_message_harms_a_demonitor_with_flush(bystanders: None) -> None:
    send(current_pid(), Evil())
    demonitor(monitor(spawn(sleep, 0)), flush=True)
    await receive()


@every_body
async def test_every_reason_reaches_links_and_monitors(bystanders: None, light: bool) -> None:
    reason = Evil()
    trap_exit(True)

    async def linked() -> None:
        spawn_link(exits, reason, light=light)
        await receive()

    async def exits(reason: Any) -> None:
        exit(reason)

    _, ref = spawn_monitor(linked, light=light)
    assert (await receive(ref)).reason is reason
    pid, ref = spawn_monitor(receive, light=light)
    exit(pid, reason)
    assert (await receive(ref)).reason is reason


async def test_a_function_without_a_usable_name_can_be_inspected(bystanders: None) -> None:
    class Nameless:
        __wrapped__ = property(raises)

        def __call__(self, message: object) -> None:
            pass

    assert "Nameless" in process_info(spawn_handler(Nameless())).function


async def test_a_name_of_a_class_of_its_own_is_a_plain_string(bystanders: None) -> None:
    class Name(str):
        __slots__ = ()
        __eq__ = __hash__ = raises  # type: ignore[assignment]

    register(Name("server"), current_pid())
    assert whereis("server") is whereis(Name("server")) is current_pid()
    send(Name("server"), "a message")
    assert await receive() == "a message"
    send_after(0, Name("nobody"), "lost")
    send_after(0, Name("server"), "a message of a timer")
    assert await receive() == "a message of a timer"


class Lying(float):
    """A number of seconds that makes deadlines which cannot be compared."""

    def __radd__(self, now: float) -> float:
        return Incomparable(now + float(self))


class Incomparable(float):
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = raises  # type: ignore[assignment]
    __hash__ = float.__hash__


async def within(seconds: float) -> None:
    with contextlib.suppress(DeadlineError), deadline(seconds):
        await receive()


async def after(seconds: float) -> None:
    send_after(seconds, current_pid(), "late")
    assert await receive() == "late"


async def receives(seconds: float) -> None:
    assert await receive(int, after=seconds) == Timeout()


@every_body
@pytest.mark.parametrize("waits", [sleep, receives, after, within])
async def test_no_number_of_seconds_harms_the_timers(
    bystanders: None, light: bool, waits: Any
) -> None:
    pids = [spawn(waits, Lying(0.001), light=light) for _ in range(3)]
    refs = [monitor(pid) for pid in pids]
    assert [(await receive(ref)).reason for ref in refs] == ["normal"] * 3


@every_body
async def test_a_finalizer_may_cancel_the_other_timers_of_a_process_that_ends(
    bystanders: None, light: bool
) -> None:
    class Message:
        def __init__(self, *refs: Ref) -> None:
            self.refs = refs

        def __del__(self) -> None:
            for ref in self.refs:
                cancel_timer(ref)

    async def ends() -> None:
        last = send_after(60, current_pid(), "last")
        send_after(60, current_pid(), Message(last, send_after(60, current_pid(), Message())))

    assert await end_of(spawn(ends, light=light)) == "normal"


async def test_a_signal_handler_may_send_to_a_handler_in_the_middle_of_a_delivery(
    bystanders: None,
) -> None:
    handled: list[str] = []

    def wanted(message: str) -> bool:
        # A point of the delivery at which Python may run the signal handler.
        mailbox.wanted = anything
        send(pid, "second")
        return True

    pid = spawn_handler(handled.append)
    mailbox = alive[pid].mailbox
    mailbox.wanted = wanted
    send(pid, "first")
    assert handled == ["first", "second"]
    send(pid, "third")
    assert handled == ["first", "second", "third"]


async def test_a_light_process_that_always_awaits_something_foreign_holds_no_one_up(
    bystanders: None,
) -> None:
    class Foreign:
        def __await__(self) -> Any:
            yield "something foreign"

    async def stubborn() -> None:
        while True:
            try:
                await Foreign()
            except TypeError:
                if await receive(after=0) != Timeout():
                    return

    async def more_stubborn() -> None:
        while not stop:
            with contextlib.suppress(TypeError):
                await Foreign()

    stop: list[bool] = []
    pids = [spawn(stubborn, light=True), spawn(more_stubborn, light=True)]
    for _ in range(10):
        await trio.lowlevel.checkpoint()
    send(pids[0], "stop")
    stop.append(True)
    for pid in pids:
        assert await end_of(pid) in ("normal", "noproc")


async def test_a_light_process_may_be_woken_and_end_in_one_step(bystanders: None) -> None:
    async def takes_a_step_of_an_awaitable_itself() -> None:
        receive().__await__().send(None)
        send(current_pid(), "wakes it")

    pid, ref = spawn_monitor(takes_a_step_of_an_awaitable_itself, light=True)
    assert await receive(ref) == Down(ref, pid, "normal")
