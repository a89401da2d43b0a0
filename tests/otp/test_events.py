"""Event managers: handlers that come, go, fail and are supervised, in a task and a light process.

What happens in which order is compared with Erlang in tests/conformance/otp/test_events.py.
"""

import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    send,
    sleep,
    spawn_monitor,
)
from actorsock.arguments import shown
from actorsock.otp import (
    EventHandler,
    EventManager,
    GenEventExit,
    HandlerCall,
    NoReply,
    RemoveHandler,
    Reply,
    SwapHandler,
    sys,
)
from actorsock.otp.behaviour.effects import End, Invoke, Returned, TellStarter
from actorsock.otp.behaviour.lifecycle import Ending
from actorsock.otp.calls.protocol import Begin, StopRequest
from actorsock.otp.events import rules
from actorsock.otp.events.effects import Tell, Unlink
from actorsock.otp.events.requests import Notify
from actorsock.runtime.core.identity import Ref

from .conftest import failure, messages, start_with_parent


class Handler(EventHandler):
    """Reports what it is called with, and does what it is told."""

    def init(self, log: Pid, name: str = "handler", outcome: Any = None) -> Any:
        self.log, self.name = log, name
        return obey(outcome)

    def handle_event(self, event: Any) -> Any:
        send(self.log, (self.name, event))
        return obey(event)

    def handle_call(self, request: Any) -> Any:
        return obey(request)

    def handle_info(self, message: Any) -> None:
        send(self.log, (self.name, "info", message))

    def terminate(self, reason: Any) -> Any:
        send(self.log, (self.name, "terminate", reason))
        return obey(reason)


class Waiting(Handler):
    """Handles an event after ten seconds."""

    async def init(self, *args: Any) -> Any:
        return Handler.init(self, *args)

    async def handle_event(self, event: Any) -> Any:
        await sleep(10)
        return Handler.handle_event(self, event)


def obey(order: Any) -> Any:
    """Do what `order` says; a `str` says nothing."""
    if isinstance(order, str):
        return None
    if isinstance(order, Exception):
        raise order
    return exit(order[1]) if isinstance(order, tuple) and order[0] == "exit" else order


@pytest.fixture(params=["task", "light"])
async def manager(request: pytest.FixtureRequest, runtime: None) -> Pid:
    pid = ok(await otp.start(EventManager, light=request.param == "light"))
    assert process_info(pid).kind == request.param
    return pid


async def add(manager: Pid, name: str, cls: type[Handler] = Handler) -> None:
    ok(await otp.add_handler(manager, (cls, name), current_pid(), name))


async def test_the_newest_handler_gets_an_event_first(manager: Pid) -> None:
    await add(manager, "a")
    await add(manager, "b")
    otp.notify(manager, None)
    assert await messages() == [("b", None), ("a", None)]


async def test_a_notice_may_be_waited_for(manager: Pid, autojump_clock: MockClock) -> None:
    await add(manager, "slow", Waiting)
    await add(manager, "fast")
    began = trio.current_time()
    otp.notify(manager, None)
    assert await receive() == ("fast", None)
    assert trio.current_time() == began
    await otp.sync_notify(manager, None)
    assert trio.current_time() == began + 20  # longer than a call waits otherwise
    assert await messages() == [("slow", None), ("fast", None), ("slow", None)]


async def test_a_request_to_one_handler(manager: Pid) -> None:
    await add(manager, "a")
    assert await otp.call(manager, HandlerCall((Handler, "a"), Reply(5))) == 5
    assert await otp.call(manager, HandlerCall((Handler, "b"), Reply(5))) == Error("bad_module")
    assert await otp.call(manager, HandlerCall(Handler, Reply(5))) == Error("bad_module")
    ref = otp.send_request(manager, HandlerCall((Handler, "a"), Reply("later")))
    assert await otp.receive_response(ref) == Ok("later")


async def test_a_handler_that_fails_is_removed(
    manager: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    await add(manager, "a")
    me = current_pid()
    ok(await otp.add_sup_handler(manager, (Handler, "bad"), me, "bad"))
    crash = ValueError("as you wish")
    otp.notify(manager, crash)
    assert await messages() == [
        ("bad", crash),
        ("bad", "terminate", ("error", crash)),
        GenEventExit((Handler, "bad"), crash),
        ("a", crash),
        ("a", "terminate", ("error", crash)),
    ]
    assert await otp.which_handlers(manager) == []
    first, second = caplog.messages
    assert f"process {manager!r}" in first
    assert "removes its event handler (Handler, 'bad'): handle_event failed" in first
    assert "(Handler, 'a')" in second
    assert caplog.records[0].exc_info[1] is crash


@pytest.mark.parametrize(
    ("callback", "result"),
    [
        ("handle_event", 7),
        ("handle_event", Reply(1)),
        ("handle_event", RemoveHandler(1)),
        ("handle_call", None),
        ("handle_call", RemoveHandler()),
        ("handle_call", SwapHandler("x", Handler, "y")),
        ("handle_call", Reply(1, timeout=3)),
        ("handle_call", NoReply()),
    ],
)
async def test_an_impossible_result_is_a_failure(manager: Pid, callback: str, result: Any) -> None:
    await add(manager, "a")
    if callback == "handle_call":
        answer = await otp.call(manager, HandlerCall((Handler, "a"), result))
        assert isinstance(answer.reason, TypeError)
    else:
        await otp.sync_notify(manager, result)
        await receive()
    name, what, (error, reason) = await receive()
    assert (name, what, error) == ("a", "terminate", "error")
    expected = "Reply(value), or" if callback == "handle_call" else "None, or"
    assert str(reason).startswith(f"{callback}: expected {expected} RemoveHandler or SwapHandler ")
    assert str(reason).endswith(f" to be returned, got {shown(result)}")
    assert await otp.which_handlers(manager) == []


_CRASH = LookupError("nothing there")


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Error("no"), "no"), (_CRASH, _CRASH), (("exit", "because"), "because")]
)
async def test_a_handler_that_does_not_begin(manager: Pid, outcome: Any, reason: Any) -> None:
    result = await otp.add_handler(manager, Handler, current_pid(), "a", outcome)
    assert result == Error(reason)
    assert await otp.which_handlers(manager) == []


async def test_wrong_init(manager: Pid) -> None:
    result = await otp.add_handler(manager, Handler, current_pid(), "a", 7)
    assert isinstance(result, Error)
    assert str(result.reason) == "init: expected None or Error to be returned, got 7"


async def test_a_failing_terminate_is_reported(
    manager: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    await add(manager, "a")
    assert await otp.delete_handler(manager, (Handler, "a"), ("exit", "late")) == Error("late")
    [record] = caplog.records
    assert record.name == "actorsock.otp"
    assert "(Handler, 'a'): terminate failed: 'late'" in record.message
    assert await otp.delete_handler(manager, Handler, "x") == Error("module_not_found")


async def test_a_callback_that_is_missing(manager: Pid, caplog: pytest.LogCaptureFixture) -> None:
    class Bare(EventHandler):
        pass

    ok(await otp.add_handler(manager, Bare, "anything"))
    send(manager, "dropped")
    answer = await otp.call(manager, HandlerCall(Bare, "x"))
    assert isinstance(answer.reason, NotImplementedError)
    assert "Bare" in str(answer.reason)
    assert "has no handle_info for: 'dropped'" in caplog.messages[0]
    ok(await otp.add_handler(manager, Bare))
    await otp.sync_notify(manager, "x")
    assert await otp.which_handlers(manager) == []


async def test_other_messages_and_calls_are_infos(manager: Pid) -> None:
    await add(manager, "a")
    send(manager, "hello")
    otp.cast(manager, "cast")
    ref = otp.send_request(manager, "call")
    assert await receive() == ("a", "info", "hello")
    assert await receive() == ("a", "info", otp.Cast("cast"))
    match await receive(tuple):
        case ("a", "info", otp.Call(caller, "call")):
            otp.reply(caller, "answer")
    assert await otp.receive_response(ref) == Ok("answer")


async def test_ids_that_can_not_be_compared(manager: Pid) -> None:
    class Awkward:
        def __eq__(self, other: object) -> bool:
            raise LookupError("not comparable")

        __hash__ = object.__hash__

    ok(await otp.add_handler(manager, (Handler, Awkward()), current_pid()))
    assert await otp.call(manager, HandlerCall((Handler, 5), "x")) == Error("bad_module")


# --- swapped ----------------------------------------------------------------------------------


class New(Handler):
    """Takes the place of another handler, or refuses."""

    def init(self, args: Any, term: Any) -> Any:  # type: ignore[override]
        self.log, self.name, outcome = args
        send(self.log, (self.name, "init", term))
        return obey(outcome)


async def test_a_handler_is_deleted_or_swapped_from_outside(manager: Pid) -> None:
    me = current_pid()
    for name in "abc":
        await add(manager, name)
    assert await otp.delete_handler(manager, (Handler, "a"), [1]) == Ok([1])
    assert await otp.swap_handler(manager, ((Handler, "b"), [2]), (New, (me, "new", None))) == Ok()
    assert await otp.which_handlers(manager) == [New, (Handler, "c")]
    assert await otp.swap_handler(manager, (New, ("exit", 3)), (New, (me, "newer", None))) == Ok()
    assert await otp.swap_handler(manager, (Handler, 4), (New, (me, "newest", None))) == Ok()
    refusal = Error("no")
    assert await otp.swap_handler(manager, (New, [5]), (New, (me, "none", refusal))) == refusal
    assert await otp.which_handlers(manager) == [New, (Handler, "c")]
    assert await messages() == [
        *(("a", "terminate", [1]), ("b", "terminate", [2]), ("new", "init", [2])),
        *(("new", "terminate", ("exit", 3)), ("newer", "init", Error(3))),
        ("newest", "init", "error"),
        *(("newest", "terminate", [5]), ("none", "init", [5])),
    ]


async def test_the_supervision_of_a_swapped_handler(manager: Pid) -> None:
    me = current_pid()
    ok(await otp.add_sup_handler(manager, (Handler, 1), me, "a"))
    ok(await otp.swap_handler(manager, ((Handler, 1), []), ((New, 2), (me, "b", None))))
    ok(await otp.swap_sup_handler(manager, ((New, 2), []), ((New, 3), (me, "c", None))))
    ok(await otp.swap_sup_handler(manager, ((New, 9), []), ((New, 4), (me, "d", None))))
    ok(await otp.delete_handler(manager, (New, 3), []))
    assert [each for each in await messages() if isinstance(each, GenEventExit)] == [
        GenEventExit((Handler, 1), ("swapped", (New, 2), me)),
        GenEventExit((New, 2), ("swapped", (New, 3), me)),
        GenEventExit((New, 3), "normal"),
    ]
    ok(await otp.delete_handler(manager, (New, 4), []))
    assert (await messages())[-1] == GenEventExit((New, 4), "normal")


@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("outcome", [None, Error("no"), _CRASH])
async def test_a_handler_swaps_itself(
    manager: Pid, caplog: pytest.LogCaptureFixture, supervised: bool, outcome: Any
) -> None:
    me = current_pid()
    add = otp.add_sup_handler if supervised else otp.add_handler
    for call in (False, True):
        ok(await add(manager, Handler, me, "old"))
        swap = SwapHandler([1], (New, call), (me, "new", outcome), *(["reply"] if call else []))
        if call:
            assert await otp.call(manager, HandlerCall(Handler, swap)) == "reply"
        else:
            await otp.sync_notify(manager, swap)
            assert await receive() == ("old", swap)
        expected = [("old", "terminate", [1]), ("new", "init", [1])]
        if supervised:
            expected.insert(1, GenEventExit(Handler, ("swapped", (New, call), me)))
        if supervised and outcome is not None:
            expected.append(GenEventExit((New, call), "crash"))
        assert await messages() == expected
        kept = await otp.which_handlers(manager)
        assert kept == ([] if outcome is not None else [(New, call)])
        if kept:
            ok(await otp.delete_handler(manager, kept[0], []))
            told = [GenEventExit(kept[0], "normal")] if supervised else []
            assert await messages() == [("new", "terminate", []), *told]
    assert len(caplog.records) == 2 * (outcome is not None)
    for record in caplog.records:
        assert "removes its event handler (New, " in record.message
        assert (record.exc_info is not None) == (outcome is _CRASH)


# --- supervised -------------------------------------------------------------------------------


async def test_the_end_of_its_supervisor_removes_a_handler(manager: Pid) -> None:
    me = current_pid()
    await add(manager, "a")

    async def supervisor() -> None:
        ok(await otp.add_sup_handler(manager, (Handler, "b"), me, "b"))
        exit("because")

    pid, ref = spawn_monitor(supervisor)
    assert await receive(ref) == Down(ref, pid, "because")
    assert await messages() == [
        ("b", "terminate", ("stop", "because")),
        ("a", "info", Exit(pid, "because")),
    ]
    assert await otp.which_handlers(manager) == [(Handler, "a")]


@pytest.mark.parametrize("how", ["stop", "parent"])
async def test_the_end_of_the_manager(runtime: None, how: str) -> None:
    """Its handlers are told, in order, and the processes that supervise them do not end."""
    parent, manager = await start_with_parent(EventManager)
    me = current_pid()
    await add(manager, "a")
    ok(await otp.add_sup_handler(manager, (Handler, "b"), me, "b"))
    ref = monitor(manager)
    if how == "stop":
        await otp.stop(manager, "shutdown")
    else:
        send(parent, "shutdown")
    assert (await receive(ref)).reason == "shutdown"
    assert await messages() == [
        ("b", "terminate", "stop"),
        GenEventExit((Handler, "b"), "shutdown"),
        ("a", "terminate", "stop"),
    ]
    assert await failure(otp.which_handlers(manager)) == "noproc"
    otp.notify(manager, "dropped")
    with pytest.raises(ValueError, match="no process is registered"):
        otp.notify("nobody", "lost")


async def test_a_manager_that_is_killed_while_a_handler_waits(
    manager: Pid, autojump_clock: MockClock
) -> None:
    await add(manager, "slow", Waiting)
    ref = monitor(manager)
    otp.notify(manager, None)
    await sleep(0.5)
    exit(manager, "kill")
    assert (await receive(ref)).reason == "killed"
    assert await messages() == []


async def test_a_manager_in_a_supervision_tree(runtime: None) -> None:
    spec = otp.ChildSpec("events", otp.start_link, (EventManager,))
    top = ok(await otp.start(otp.Supervisor, [spec]))
    [child] = await otp.which_children(top)
    await add(child.pid, "a")
    await otp.stop(top)
    assert await messages() == [("a", "terminate", "stop")]


# --- sys --------------------------------------------------------------------------------------


async def test_the_state_of_a_manager(manager: Pid) -> None:
    await add(manager, "a")
    await add(manager, "b")
    (_, b), (name, a) = await sys.get_state(manager)
    assert (b.name, name, a.name) == ("b", (Handler, "a"), "a")
    other = Handler()
    other.log, other.name = current_pid(), "other"
    changed = [((Handler, "b"), other), (name, a)]
    assert await sys.replace_state(manager, lambda pairs: changed) == changed
    otp.notify(manager, "x")
    assert await messages() == [("other", "x"), ("a", "x")]
    for wrong in (7, [], [(name, a)], [(name, a), (name, 7)], [a, a]):
        with pytest.raises(TypeError, match="function: expected"):
            await sys.replace_state(manager, lambda pairs, wrong=wrong: wrong)


async def test_the_status_of_a_manager(manager: Pid) -> None:
    class Secret(Handler):
        def format_status(self) -> Any:
            raise self.name

    await add(manager, "a")
    ok(await otp.add_handler(manager, Secret, current_pid(), LookupError()))
    status = await sys.get_status(manager)
    assert status.behaviour.endswith(":EventManager")
    (_, crashed), (_, shown) = status.state
    assert "format_status crashed" in crashed
    assert shown == {"log": current_pid(), "name": "a"}


async def test_events_are_traced_and_counted(
    manager: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await sys.trace(manager, True)
    await sys.statistics(manager, True)
    await sys.log(manager, True)
    otp.notify(manager, "x")
    await otp.sync_notify(manager, "y")
    counted = await sys.statistics(manager, "get")
    assert counted is not None
    assert (counted.messages_in, counted.messages_out) == (2, 1)
    assert (await sys.log(manager, "get"))[0] == ("in", Notify("x"))
    assert "got Notify('x')" in caplog.text


async def test_a_suspended_manager_handles_events_later(manager: Pid) -> None:
    await add(manager, "a")
    await sys.suspend(manager)
    otp.notify(manager, "x")
    assert await messages() == []
    await sys.resume(manager)
    assert await messages() == [("a", "x")]


# --- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (otp.add_handler, (7,)),
        (otp.add_sup_handler, (int,)),
        (otp.delete_handler, ((Handler, 1, 2), "x")),
        (otp.swap_handler, ((Handler, "x"), (EventManager, "y"))),
        (otp.swap_handler, ((EventManager, "x"), (Handler, "y"))),
        (otp.swap_handler, (Handler, (Handler, "y"))),
        (otp.swap_sup_handler, ((Handler, "x"), [Handler, "y"])),
    ],
)
async def test_wrong_handlers(runtime: None, function: Any, args: Any) -> None:
    with pytest.raises(TypeError, match=r"(handler|old|new): expected .*, got "):
        await function(current_pid(), *args)


def test_wrong_handlers_in_records() -> None:
    with pytest.raises(TypeError, match="handler: expected a class derived from EventHandler"):
        HandlerCall("alarms", "x")
    with pytest.raises(TypeError, match="handler: expected a class derived from EventHandler"):
        SwapHandler("x", "alarms", "y")


async def test_a_manager_has_no_arguments(runtime: None) -> None:
    match await otp.start(EventManager, 7):
        case Error(TypeError()):
            pass
        case other:
            pytest.fail(repr(other))


async def test_a_handler_that_waits_for_its_own_manager_times_out(
    manager: Pid, autojump_clock: MockClock
) -> None:
    class Asking(EventHandler):
        async def handle_call(self, request: Any) -> Any:
            return Reply(await failure(otp.call(manager, HandlerCall(Asking, request), 1)))

    ok(await otp.add_handler(manager, Asking))
    assert await otp.call(manager, HandlerCall(Asking, "x")) == "calling_self"
    assert isinstance(await receive(after=0), Timeout)


# --- the rules alone --------------------------------------------------------------------------


async def test_one_event_for_two_handlers(runtime: None) -> None:
    """The rules, driven with values: no process, no callback."""
    me, parent = current_pid(), current_pid()
    state, effects = rules.step(rules.Fresh(), Begin(parent, ref := Ref(), ()))
    assert effects == (Invoke("_init", ()),)
    state, effects = rules.step(state, Returned(None))
    assert (state, effects) == (rules.Waiting(parent), (TellStarter(ref, None),))
    first, second = Handler(), Handler()
    handlers = tuple(rules.Installed(Handler, each, me) for each in (first, second))
    state, effects = rules.step(rules.Waiting(None, handlers), Notify("x"))
    assert effects == (Invoke("_call_handler", (first, "handle_event", "x")),)
    state, effects = rules.step(state, Returned(RemoveHandler()))
    assert effects == (Invoke("_call_handler", (first, "terminate", "remove_handler")),)
    state, effects = rules.step(state, Returned("ignored"))
    told = Tell(me, GenEventExit(Handler, "normal"))
    assert effects == (told, Invoke("_call_handler", (second, "handle_event", "x")))
    state, effects = rules.step(state, Returned(None))
    assert (state, effects) == (rules.Waiting(None, handlers[1:]), ())
    state, effects = rules.step(state, StopRequest("shutdown"))
    assert effects == (Invoke("_call_handler", (second, "terminate", "stop")),)
    state, effects = rules.step(state, Returned(None))
    told = Tell(me, GenEventExit(Handler, "shutdown"))
    assert (state, effects) == (Ending(End("shutdown")), (told, Unlink(me), End("shutdown")))
