"""A behaviour whose events never end leaves time for others, in every kind of process."""

from typing import Any, ClassVar

import pytest
import trio

from actorsock import Pid, current_pid, exit, is_alive, ok, otp, receive, send
from actorsock.otp import (
    Continue,
    EventTimeout,
    GenServer,
    Info,
    Internal,
    KeepState,
    NextEvent,
    NextState,
    NoReply,
    Postpone,
    RepeatState,
    StateMachine,
    StateTimeout,
)
from actorsock.runtime.core.reductions import EVENT, RUN_QUEUE_BUDGET, TASK_BUDGET

from ..conftest import Starter

AT_MOST = RUN_QUEUE_BUDGET // EVENT  # events in one pass of trio's loop


class Server(GenServer):
    """A server whose `init` is the beginning of a chain of `result`s."""

    result: ClassVar[Any]
    count = 0

    def init(self) -> Any:
        return self.result

    def handle_continue(self, term: Any) -> Any:
        self.count += 1
        return self.result

    def handle_info(self, message: Any) -> Any:
        self.count += 1
        return self.result


class Machine(StateMachine):
    """A machine that answers each event by `result`, or `results` in turn."""

    results: ClassVar[list[Any]]
    count = 0

    def init(self) -> Any:
        return NextState("on", NextEvent(Internal("begin")))

    def handle_event(self, event: Any, state: Any) -> Any:
        self.count += 1
        return self.results[self.count % len(self.results)]


class Continues(Server):
    result = Continue("again")


class TimesOut(Server):
    result = NoReply(timeout=0)


class InsertsEvents(Machine):
    results: ClassVar[list[Any]] = [KeepState(NextEvent(Internal("again")))]


class StateTimesOut(Machine):
    results: ClassVar[list[Any]] = [KeepState(StateTimeout(0))]


class EventTimesOut(Machine):
    results: ClassVar[list[Any]] = [KeepState(EventTimeout(0))]


class Postpones(Machine):
    results: ClassVar[list[Any]] = [NextState("on", Postpone()), NextState("off", Postpone())]


class Enters(Machine):
    enters = True
    results: ClassVar[list[Any]] = [RepeatState()]


@pytest.mark.parametrize(
    "behaviour",
    [Continues, TimesOut, InsertsEvents, StateTimesOut, EventTimesOut, Postpones, Enters],
)
async def test_a_chain_of_events_gives_way(start: Starter, behaviour: Any) -> None:
    begun: list[Any] = []

    class Busy(behaviour):  # type: ignore[misc]  # one of the classes above
        def init(self) -> Any:
            begun.append(self)
            return super().init()

    pid = await start(Busy)
    most = 0
    for _ in range(20):
        before = begun[0].count
        await trio.lowlevel.checkpoint()
        most = max(most, begun[0].count - before)
    # A task may give way sooner than light processes, and these sooner than handlers.
    assert TASK_BUDGET // EVENT // 2 < most <= AT_MOST
    exit(pid, "kill")
    await trio.testing.wait_all_tasks_blocked()
    assert not is_alive(pid)


async def test_events_come_before_messages(start: Starter) -> None:
    handled: list[Any] = []

    class Counts(StateMachine):
        def init(self, parent: Pid) -> Any:
            self.left, self.parent = 1000, parent
            return NextState("on", NextEvent(Internal("count")))

        def on(self, event: Any) -> Any:
            if isinstance(event, Info):
                handled.append(event.message)
                send(self.parent, "done")
                return None
            handled.append(self.left)
            self.left -= 1
            return KeepState(NextEvent(Internal("count"))) if self.left else None

    pid = await start(Counts, current_pid())
    send(pid, "a message")
    await receive("done".__eq__)
    assert handled == [*range(1000, 0, -1), "a message"]


async def test_held_messages_give_way_and_keep_their_order(start: Starter) -> None:
    count = 2000
    handled: list[int] = []

    class Collects(GenServer):
        def handle_cast(self, number: int) -> None:
            handled.append(number)

        def handle_call(self, request: Any, caller: Any) -> otp.Reply:
            return otp.Reply(list(handled))

    pid = await start(Collects)
    await otp.sys.suspend(pid)
    for number in range(count):
        otp.cast(pid, number)
    await otp.sys.resume(pid)
    assert len(handled) <= AT_MOST
    otp.cast(pid, count)
    assert await otp.call(pid, "all") == [*range(count + 1)]


async def test_sends_to_others_do_not_pay_for_a_busy_handler(runtime: None) -> None:
    class Silent(GenServer):
        def handle_cast(self, request: Any) -> None: ...

    machine: list[Any] = []

    class Busy(InsertsEvents):
        def init(self) -> Any:
            machine.append(self)
            return super().init()

    ok(await otp.start(Busy))
    silent = ok(await otp.start(Silent))
    before = machine[0].count
    for _ in range(10):
        await trio.lowlevel.checkpoint()
    # The left over steps run in every second pass: between two slices all tasks run once.
    assert AT_MOST * 3 < machine[0].count - before <= AT_MOST * 6
    before = machine[0].count
    for _ in range(1000):
        otp.cast(silent, "nothing")
    assert machine[0].count - before <= AT_MOST
