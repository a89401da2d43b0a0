"""Context variables that were declared as travelling go with requests, and nowhere else."""

import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from actorsock import (
    CallError,
    Limit,
    Ok,
    Pid,
    current_pid,
    ok,
    otp,
    receive,
    register,
    send,
    spawn,
    trace,
)
from actorsock.otp import Call, Caller, Cast, Continue, NoReply, Reply, Stop
from actorsock.otp.calls.travelling import travellers

from ..conftest import Starter

WHO: ContextVar[str] = ContextVar("WHO")
WHAT: ContextVar[str] = ContextVar("WHAT", default="nothing")
HOME: ContextVar[str] = ContextVar("HOME", default="nobody's")


@pytest.fixture(autouse=True)
def travelling() -> Iterator[None]:
    otp.travels(WHO)
    otp.travels(WHAT)
    yield
    otp.stays(WHO)
    otp.stays(WHAT)
    assert travellers == []


def seen() -> tuple[str, str, str]:
    return WHO.get("?"), WHAT.get(), HOME.get()


class Server(otp.GenServer):
    """Tells a process what each callback sees."""

    def init(self, told: Pid) -> None:
        self.told = told
        WHO.set("server")

    def tell(self, callback: str) -> None:
        send(self.told, (callback, *seen()))

    def handle_call(self, request: Any, caller: Caller) -> Any:
        self.tell("call")
        match request:
            case "set":
                WHO.set("somebody else")
                HOME.set("the server's")
            case "continue":
                return Reply(None, then=Continue("more"))
            case "wait":
                return Reply(None, timeout=0)
            case "wait long":
                return Reply(None, timeout=0.01)
            case "later":
                self.caller = caller
                return NoReply()
            case "crash":
                raise ValueError("as you wish")
            case "stop":
                return Stop("normal", "stopped")
            case ("ask", server):
                return Reply(otp.send_request(server, "see"))
        return Reply(None)

    def handle_cast(self, request: Any) -> None:
        self.tell("cast")
        if request == "answer":
            otp.reply(self.caller, None)

    def handle_continue(self, term: Any) -> None:
        self.tell("continue")

    def handle_info(self, message: Any) -> None:
        self.tell(str(message))

    def terminate(self, reason: Any) -> None:
        self.tell("terminate")


async def news(count: int) -> list[tuple[str, ...]]:
    return [await receive(tuple, after=30) for _ in range(count)]


OWN = ("server", "nothing", "nobody's")
CALLERS = ("caller", "parcel", "nobody's")


async def begin(start: Starter) -> Pid:
    """Start a server, and set the variables in the caller."""
    pid = await start(Server, current_pid())
    WHO.set("caller")
    WHAT.set("parcel")
    HOME.set("the caller's")
    return pid


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda server: otp.cast(server, "see"), id="cast"),
        pytest.param(lambda server: otp.cast("named", "see"), id="cast to a name"),
        pytest.param(lambda server: otp.send_request(server, "see"), id="send_request"),
    ],
)
async def test_values_go_with_a_request(start: Starter, make: Any) -> None:
    server = await begin(start)
    register("named", server)
    make(server)
    send(server, "afterwards")
    (_, *request), afterwards = await news(2)
    assert tuple(request) == CALLERS
    assert afterwards == ("afterwards", *OWN)


@pytest.mark.parametrize(
    ("request_", "follows"),
    [
        ("see", []),
        ("continue", [("continue", *CALLERS)]),
        ("wait", [("timeout", *CALLERS)]),
        ("wait long", [("timeout", *CALLERS)]),
        ("stop", [("terminate", *CALLERS)]),
    ],
)
async def test_values_go_with_a_call_and_what_follows(
    start: Starter, request_: str, follows: list[Any]
) -> None:
    server = await begin(start)
    await otp.call(server, request_)
    assert await news(1 + len(follows)) == [("call", *CALLERS), *follows]
    assert seen() == ("caller", "parcel", "the caller's")
    if request_ != "stop":
        send(server, "afterwards")
        assert await news(1) == [("afterwards", *OWN)]


async def test_what_the_callback_sets_is_undone_for_travelling_variables_alone(
    start: Starter,
) -> None:
    server = await begin(start)
    await otp.call(server, "set")
    send(server, "afterwards")
    assert await news(2) == [
        ("call", *CALLERS),
        ("afterwards", "server", "nothing", "the server's"),
    ]


async def test_a_crash_has_the_values_of_the_request(start: Starter) -> None:
    server = await begin(start)
    with pytest.raises(CallError, match="as you wish"):
        await otp.call(server, "crash")
    assert await news(2) == [("call", *CALLERS), ("terminate", *CALLERS)]


async def test_a_deferred_reply_carries_nothing(start: Starter) -> None:
    server = await begin(start)
    ref = otp.send_request(server, "later")
    WHO.set("another")
    otp.cast(server, "answer")
    assert await otp.receive_response(ref) == Ok(None)
    assert await news(2) == [("call", *CALLERS), ("cast", "another", *CALLERS[1:])]
    assert seen()[0] == "another"


async def test_values_go_on_from_server_to_server(start: Starter) -> None:
    other = await start(Server, current_pid())
    server = await begin(start)
    await otp.call(server, ("ask", other))
    assert await news(2) == [("call", *CALLERS), ("call", *CALLERS)]


async def test_a_variable_without_a_value_and_one_that_stays(start: Starter) -> None:
    server = await start(Server, current_pid())
    otp.stays(WHAT)
    WHAT.set("parcel")
    await otp.call(server, "see")
    assert await news(1) == [("call", *OWN)]


async def test_values_of_held_messages(start: Starter) -> None:
    server = await begin(start)
    await otp.sys.suspend(server)
    for who in ("first", "second"):
        WHO.set(who)
        otp.cast(server, "see")
    send(server, "plain")
    await otp.sys.resume(server)
    assert [line[:2] for line in await news(3)] == [
        ("cast", "first"),
        ("cast", "second"),
        ("plain", "server"),
    ]


class Door(otp.StateMachine):
    """Postpones while it is shut."""

    def init(self, told: Pid) -> Any:
        self.told = told
        WHO.set("door")
        return otp.NextState("shut")

    def tell(self, event: Any) -> None:
        match event:
            case Cast(what) | otp.Internal(what) | otp.Info(what) | otp.TimedOut(what):
                send(self.told, (what, WHO.get()))

    def shut(self, event: Any) -> Any:
        match event:
            case Cast("open"):
                self.tell(event)
                return otp.NextState(
                    "wide",
                    otp.NextEvent(otp.Internal("inserted")),
                    otp.NamedTimeout("now", 0),
                    otp.NamedTimeout("soon", 0.01),
                )
            case otp.TimedOut():
                return self.tell(event)
        return otp.KeepState(otp.Postpone())

    def wide(self, event: Any) -> Any:
        self.tell(event)
        match event:
            case Cast("twice"):
                return otp.KeepState(
                    otp.NextEvent(otp.Internal("second")), otp.NextEvent(Cast("third"))
                )


async def test_postponed_and_inserted_events_have_their_own_values(start: Starter) -> None:
    door = await start(Door, current_pid())
    for who, what in (("Ann", "twice"), ("Bob", "enter"), ("Eve", "open")):
        if what == "open":
            send(door, "plain")
        WHO.set(who)
        otp.cast(door, what)
    assert await news(9) == [
        ("open", "Eve"),
        ("inserted", "Eve"),
        ("twice", "Ann"),
        ("second", "Ann"),
        ("third", "Ann"),
        ("enter", "Bob"),
        ("plain", "door"),
        ("now", "Eve"),
        ("soon", "Eve"),
    ]
    send(door, "afterwards")
    assert await news(1) == [("afterwards", "door")]


class Listener(otp.EventHandler):
    def init(self, told: Pid) -> None:
        self.told = told

    def handle_event(self, event: Any) -> None:
        send(self.told, (event, WHO.get("?")))


async def test_values_go_with_events(runtime: None) -> None:
    manager = ok(await otp.start(otp.EventManager, name="manager"))
    ok(await otp.add_handler(manager, Listener, current_pid()))
    WHO.set("caller")
    otp.notify("manager", "told")
    await otp.sync_notify(manager, "asked")
    otp.stays(WHO)
    otp.notify(manager, "plain")
    assert await news(3) == [("told", "caller"), ("asked", "caller"), ("plain", "?")]
    otp.travels(WHO)


async def test_a_process_without_a_behaviour(runtime: None) -> None:
    async def serve() -> None:
        while True:
            message = await receive(Call)
            assert (type(message) is Call) == (message.request == "plain")
            before = WHO.get()
            with otp.in_context_of(message):
                inside = WHO.get()
            otp.reply(message.caller, (before, inside, WHO.get()))

    WHO.set("server")
    server = spawn(serve)
    WHO.set("caller")
    assert await otp.call(server, "see") == ("server", "caller", "server")
    otp.stays(WHO)
    otp.stays(WHAT)
    assert await otp.call(server, "plain") == ("server", "server", "server")


async def test_a_block_in_the_context_of_a_message_may_raise(runtime: None) -> None:
    async def serve() -> None:
        message = await receive(Cast)
        with pytest.raises(ValueError, match="in here"), otp.in_context_of(message):
            raise ValueError("in here")
        send(tester, (message, WHO.get()))

    WHO.set("server")
    tester, server = current_pid(), spawn(serve)
    WHO.set("caller")
    otp.cast(server, "see")
    message, after = await receive(tuple)
    assert (repr(message), after) == ("Cast(request='see')", "server")


async def test_people_see_plain_messages(start: Starter) -> None:
    server = await start(Server, current_pid())
    WHO.set("caller")
    await otp.sys.log(server, True)
    with trace.session() as traced:
        trace.process(traced, server, ["receive"])
        await otp.call(server, "see")
        otp.cast(server, "see")
        await news(2)
    texts = [re.sub("caller=.*, ", "", repr(event.what)) for event in traced]
    assert texts == ["Call(request='see')", "Cast(request='see')"]
    events = await otp.sys.log(server, "get")
    assert events is not None
    assert [type(event[1]) for event in events if event[0] == "in"] == [Call, Cast]
    assert "Travelling" not in trace.chart(traced)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda server: otp.call(server, "see"), id="call"),
        pytest.param(
            lambda server: otp.receive_response(otp.send_request(server, "see")), id="send_request"
        ),
    ],
)
async def test_a_limit_refuses_such_a_call(runtime: None, call: Any) -> None:
    async def sleeps() -> None:
        await trio.sleep_forever()

    server = spawn(sleeps, max_mailbox=Limit(1, "drop_new"))
    otp.cast(server, "see")
    otp.cast(server, "dropped")
    try:
        answer = repr(await call(server))
    except CallError as exc:
        answer = repr(exc)
    assert "overloaded" in answer


def test_declarations() -> None:
    assert otp.travels(WHO) is WHO
    assert otp.travels(WHO) is WHO
    assert len(travellers) == 2
    otp.stays(HOME)  # it was not declared
    for function in (otp.travels, otp.stays):
        with pytest.raises(TypeError, match=r"^variable: expected a ContextVar, got 'WHO'$"):
            function("WHO")  # type: ignore[arg-type]  # the mistake is the test
