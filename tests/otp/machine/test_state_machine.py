"""StateMachine: states, postponed events and time-outs, the same in every kind of body."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    send,
    sleep,
    spawn,
)
from actorsock.otp import (
    Call,
    Cast,
    Enter,
    EventTimeout,
    Info,
    Internal,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
    TimedOut,
)

from ..conftest import Starter, Tables, error_text, failure, messages


class Lock(otp.StateMachine):
    """The code lock of gen_statem's documentation."""

    def init(self, code: list[int]) -> NextState:
        self.code, self.entered = code, []
        return NextState("locked")

    def locked(self, event: Any) -> Any:
        match event:
            case Cast(int() as digit):
                self.entered = [*self.entered, digit][-len(self.code) :]
                if self.entered == self.code:
                    self.entered = []
                    return NextState("open", StateTimeout(10, "lock"))
            case Call(caller, "state"):
                otp.reply(caller, "locked")
            case Call(_, "wait until open"):
                return KeepState(Postpone())
        return None

    def open(self, event: Any) -> Any:
        match event:
            case TimedOut("state", "lock"):
                return NextState("locked")
            case Cast(int()):
                return KeepState(Postpone())
            case Call(caller, _):
                otp.reply(caller, "open")
        return None


async def test_states(start: Starter, autojump_clock: MockClock) -> None:
    lock = await start(Lock, [1, 2])
    assert await otp.call(lock, "state") == "locked"
    for digit in [2, 1, 2]:
        otp.cast(lock, digit)
    assert await otp.call(lock, "state") == "open"
    await sleep(9)
    assert await otp.call(lock, "state") == "open"
    await sleep(1.1)
    assert await otp.call(lock, "state") == "locked"


async def test_postponed_events_wait_for_another_state(
    start: Starter, autojump_clock: MockClock
) -> None:
    async def waits(dest: Pid) -> None:
        send(dest, await otp.call(lock, "wait until open", timeout=100))

    lock = await start(Lock, [1])
    spawn(waits, current_pid())
    assert await receive(after=1) == Timeout()
    otp.cast(lock, 1)
    assert await receive() == "open"
    otp.cast(lock, 1)  # it is open: the digit counts when it is locked again
    await sleep(10.5)
    assert await otp.call(lock, "state") == "open"


class Script(otp.StateMachine):
    """Does what the events say, and reports them to `log`."""

    def init(self, log: Pid, *actions: Any) -> NextState:
        self.log = log
        return NextState("a", *actions)

    def handle_event(self, event: Any, state: Any) -> Any:
        send(self.log, (state, event))
        match event:
            case Cast(request) | Call(_, request):
                return request(state) if callable(request) else request
        return None


async def test_any_value_may_be_a_state(start: Starter) -> None:
    machine = await start(Script, current_pid())
    otp.cast(machine, NextState((1, 2)))
    send(machine, "a message")
    assert [await receive(), await receive()] == [
        ("a", Cast(NextState((1, 2)))),
        ((1, 2), Info("a message")),
    ]


async def test_next_events_come_first_then_the_postponed(
    start: Starter, autojump_clock: MockClock
) -> None:
    def first_time(state: Any) -> Any:
        return KeepState(Postpone()) if state == "a" else None

    machine = await start(Script, current_pid())
    one, two, same = Cast(first_time), Cast(first_time), KeepState()
    for event in (one, two):
        otp.cast(machine, event.request)
    change = NextState("b", NextEvent(Internal(1)), NextEvent(Internal(2)))
    otp.cast(machine, change)
    otp.cast(machine, same)
    assert await messages() == [
        ("a", one),
        ("a", two),
        ("a", Cast(change)),
        ("b", Internal(1)),
        ("b", Internal(2)),
        ("b", one),
        ("b", two),
        ("b", Cast(same)),
    ]


async def test_the_same_state_is_no_change(start: Starter, autojump_clock: MockClock) -> None:
    machine = await start(Script, current_pid(), StateTimeout(2))
    otp.cast(machine, KeepState(Postpone()))
    otp.cast(machine, NextState("a"))
    await sleep(5)
    assert await messages() == [
        ("a", Cast(KeepState(Postpone()))),
        ("a", Cast(NextState("a"))),
        ("a", TimedOut("state", None)),
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([KeepState(StateTimeout(3, "x")), KeepState()], [("state", "x", 3)]),
        ([KeepState(StateTimeout(3)), NextState("b")], []),
        ([KeepState(StateTimeout(3)), NextState("b", StateTimeout(5, "y"))], [("state", "y", 6)]),
        ([KeepState(StateTimeout(3)), KeepState(StateTimeout(float("inf")))], []),
        ([KeepState(StateTimeout(3)), KeepState(StateTimeout(7))], [("state", None, 8)]),
        ([KeepState(EventTimeout(3, "x"))], [("event", "x", 3)]),
        ([KeepState(EventTimeout(3)), KeepState()], []),
        ([NextState("b", EventTimeout(0, "x"))], [("event", "x", 0)]),
        ([KeepState(EventTimeout(3), NextEvent(Internal("i")))], []),
        ([KeepState(NamedTimeout("n", 3, "x")), NextState("b")], [("n", "x", 3)]),
        ([KeepState(NamedTimeout("n", 3)), KeepState(NamedTimeout("n"))], []),
        (
            [KeepState(NamedTimeout("n", 3), NamedTimeout("m", 2)), KeepState(EventTimeout(5))],
            [("m", None, 2), ("n", None, 3)],
        ),
    ],
)
async def test_time_outs(
    start: Starter, autojump_clock: MockClock, events: list[Any], expected: list[Any]
) -> None:
    came: list[Any] = []

    async def collect() -> None:
        while True:
            match await receive(after=20):
                case Timeout():
                    return
                case (_, TimedOut(name, content)):
                    came.append((name, content, round(trio.current_time() - began)))

    collector = spawn(collect)
    machine = await start(Script, collector)
    began = trio.current_time()
    for event in events:
        otp.cast(machine, event)
        await sleep(1)
    await receive(monitor(collector))
    assert came == expected


class Entering(otp.StateMachine):
    enters = True

    def init(self, log: Pid) -> NextState:
        self.log = log
        return NextState("a", NextEvent(Internal("first")))

    def a(self, event: Any) -> Any:
        send(self.log, ("a", event))
        match event:
            case Enter():
                return KeepState(StateTimeout(3))
            case TimedOut():
                return NextState("b")
            case Cast(result):
                return result

    def b(self, event: Any) -> Any:
        send(self.log, ("b", event))
        if event == Enter("a"):
            return NextState("b")
        return None


async def test_entering_states(start: Starter, autojump_clock: MockClock) -> None:
    machine = await start(Entering, current_pid())
    otp.cast(machine, NextState("a"))
    otp.cast(machine, KeepState(Postpone()))
    postponed = Cast(KeepState(Postpone()))
    await sleep(5)
    assert await messages() == [
        ("a", Enter("a")),
        ("a", Internal("first")),
        ("a", Cast(NextState("a"))),
        ("a", postponed),
        ("a", TimedOut("state", None)),
        ("b", Enter("a")),
        ("b", postponed),
    ]


async def test_a_state_that_is_entered_again(start: Starter, autojump_clock: MockClock) -> None:
    """Otherwise it is kept: its time-out runs on, and postponed events wait on."""
    machine = await start(Entering, current_pid())
    await sleep(1)
    otp.cast(machine, KeepState(Postpone()))
    otp.cast(machine, RepeatState(NextEvent(Internal("i"))))
    await sleep(1)
    assert await messages() == [
        ("a", Enter("a")),
        ("a", Internal("first")),
        ("a", Cast(KeepState(Postpone()))),
        ("a", Cast(RepeatState(NextEvent(Internal("i"))))),
        ("a", Enter("a")),
        ("a", Internal("i")),
    ]


class EnteringScript(Script):
    """A script whose entries of a state return the results in `entries`, one after the other."""

    enters = True

    def init(self, log: Pid, entries: dict[Any, list[Any]], *actions: Any) -> NextState:
        self.entries = entries
        return super().init(log, *actions)

    def handle_event(self, event: Any, state: Any) -> Any:
        result = super().handle_event(event, state)
        if isinstance(event, Enter) and self.entries.get(state):
            return self.entries[state].pop(0)
        return result


async def test_an_entry_that_is_repeated(start: Starter) -> None:
    machine = await start(EnteringScript, current_pid(), {"b": [RepeatState()]})
    otp.cast(machine, NextState("b"))
    otp.cast(machine, RepeatState())
    assert await messages() == [
        ("a", Enter("a")),
        ("a", Cast(NextState("b"))),
        ("b", Enter("a")),
        ("b", Enter("a")),
        ("b", Cast(RepeatState())),
        ("b", Enter("b")),
    ]


async def test_repeating_without_entries_is_keeping(start: Starter) -> None:
    machine = await start(Script, current_pid())
    otp.cast(machine, RepeatState(NextEvent(Internal(1))))
    assert await messages() == [
        ("a", Cast(RepeatState(NextEvent(Internal(1))))),
        ("a", Internal(1)),
    ]


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([StateTimeout(0, "s"), EventTimeout(0, "e"), NextEvent(Internal("i"))], ["i", "s"]),
        ([NamedTimeout("n", 0, "n"), StateTimeout(0, "s"), EventTimeout(0)], ["n", "s"]),
        ([EventTimeout(0, "e"), StateTimeout(0, "s")], ["e", "s"]),
        ([NamedTimeout(1, 0, 1), NamedTimeout(2, 0, 2), NamedTimeout(1, 0, 3)], [2, 3]),
        ([NamedTimeout(1, 0, 1), NamedTimeout(2, 0, 2), NamedTimeout(1, "update", 3)], [2, 3]),
        ([NamedTimeout(1, 0, 1), NamedTimeout(2, 0, 2), NamedTimeout(1)], [2]),
        ([NamedTimeout(1, 9, 1), NamedTimeout(1, 0, 2)], [2]),
        ([StateTimeout("update", "s"), StateTimeout(0, "t")], ["t"]),
    ],
)
async def test_time_outs_of_zero_come_before_messages(
    start: Starter, actions: list[Any], expected: list[Any]
) -> None:
    """The expectations are what gen_statem did."""

    class Acting(Script):
        def handle_event(self, event: Any, state: Any) -> Any:
            if event == Cast("act"):
                send(current_pid(), "a letter")
                return KeepState(*actions)
            return super().handle_event(event, state)

    otp.cast(await start(Acting, current_pid()), "act")
    came = [event for _, event in await messages()]
    assert [getattr(event, "content", event) for event in came] == [*expected, Info("a letter")]


async def test_a_time_out_that_is_due_ends_with_the_state(start: Starter) -> None:
    machine = await start(Script, current_pid())
    event = KeepState(StateTimeout(0), NextEvent(Cast(NextState("b"))))
    otp.cast(machine, event)
    assert await messages() == [("a", Cast(event)), ("a", Cast(NextState("b")))]


async def test_the_content_of_a_time_out_is_changed(
    start: Starter, autojump_clock: MockClock
) -> None:
    machine = await start(Script, current_pid())
    otp.cast(machine, KeepState(StateTimeout(3, "old"), NamedTimeout("n", 5, "old")))
    otp.cast(machine, KeepState(StateTimeout("update", "new")))
    await sleep(4)
    assert (await messages())[2:] == [("a", TimedOut("state", "new"))]
    otp.cast(machine, KeepState(EventTimeout("update", "at once")))
    assert (await messages())[1:] == [("a", TimedOut("event", "at once"))]


async def test_an_entry_updates_time_outs_of_before_the_change_of_state(start: Starter) -> None:
    """The time-outs of the change start after the entry, so "update" finds the old one."""
    updates = [NamedTimeout(name, "update", "entry") for name in ["runs", "new"]]
    entries = {"b": [KeepState(*updates)]}
    machine = await start(EnteringScript, current_pid(), entries, NamedTimeout("runs", 1000))
    await messages()
    otp.cast(machine, NextState("b", NamedTimeout("runs", 0), NamedTimeout("new", 1000)))
    assert (await messages())[1:] == [("b", Enter("a")), ("b", TimedOut("new", "entry"))]


async def test_equal_time_outs_come_last_one_first(
    start: Starter, autojump_clock: MockClock
) -> None:
    machine = await start(Script, current_pid())
    actions = NamedTimeout("one", 1), NamedTimeout("two", 1), StateTimeout(1)
    otp.cast(machine, KeepState(*actions))
    await receive()
    await sleep(2)
    assert [event.name for _, event in await messages()] == ["state", "two", "one"]


async def test_async_states_wait(runtime: None, autojump_clock: MockClock) -> None:
    class Slow(otp.StateMachine):
        def init(self) -> NextState:
            return NextState("slow")

        async def slow(self, event: Any) -> Any:
            await sleep(1)
            otp.reply(event.caller, "done")

    for light in [False, True]:
        machine = ok(await otp.start(Slow, light=light))
        assert process_info(machine).kind == ("light" if light else "task")
        assert await otp.call(machine, "question") == "done"


async def test_a_state_without_a_method_is_a_crash(in_body: Any) -> None:
    """The mistake crashes the callback that returns the state, not the next event."""

    class Lamp(otp.StateMachine):
        limit = 7

        def init(self, state: Any) -> NextState:
            return NextState(state)

        def off(self, event: Any) -> Any:
            match event:
                case Call(caller, "state"):
                    otp.reply(caller, "off")
                case Call(_, state):
                    return NextState(state)
            return None

    class Dimmed(Lamp):
        dimmed = Lamp.off

    lamp, keywords = in_body(Dimmed)
    for wrong in ["onn", "init", "limit", "_off", 7]:
        result = await otp.start(lamp, wrong, **keywords)
        assert error_text(result, TypeError) == f"init: no method for the state {wrong!r}"
        machine = ok(await otp.start(lamp, "off", **keywords))
        reason = await failure(otp.call(machine, wrong))
        assert isinstance(reason, TypeError)
        assert str(reason) == f"off: no method for the state {wrong!r}"
    machine = ok(await otp.start(lamp, "dimmed", **keywords))
    assert await otp.call(machine, "state") == "off"


async def test_a_thousand_machines_leave_nothing(start: Starter, tables: Tables) -> None:
    before = tables()
    log = spawn(receive)
    exit(log, "kill")
    for _ in range(1000):
        machine = await start(Script, log, StateTimeout(1000), NamedTimeout("n", 1000))
        otp.cast(machine, NextState("b", EventTimeout(1000), StateTimeout(1000)))
        assert is_alive(machine)
        await otp.stop(machine)
    await receive(monitor(log))
    assert tables() == before


async def test_a_message_that_hides_its_class_is_an_event_like_others(start: Starter) -> None:
    class Disguised:
        __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

    class Counts(otp.StateMachine):
        def init(self) -> NextState:
            self.number = 0
            return NextState("counts")

        def counts(self, event: Any) -> None:
            if type(event) is Call:
                otp.reply(event.caller, self.number)
            else:
                self.number += 1

    pid = await start(Counts)
    send(pid, Disguised())
    assert await otp.call(pid, "number") == 1
