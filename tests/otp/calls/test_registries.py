"""`Via`: servers that are named in a registry of the program, as `{via, Module, Name}`."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Timeout,
    current_pid,
    ok,
    otp,
    receive,
    send,
    trap_exit,
    whereis,
)
from actorsock.otp import Caller, EventManager, Reply, Via

from ..conftest import failure


class Rooms:
    """A registry that notes what it is asked."""

    def __init__(self) -> None:
        self.pids: dict[Any, Pid] = {}
        self.log: list[Any] = []
        self.refuses: Any = False

    def register_name(self, name: Any, pid: Pid) -> bool:
        assert current_pid() is pid
        self.log.append(("register", name))
        if isinstance(self.refuses, Exception):
            raise self.refuses
        if not self.refuses:
            self.pids[name] = pid
        return not self.refuses

    def unregister_name(self, name: Any) -> None:
        self.log.append(("unregister", name))
        del self.pids[name]

    def whereis_name(self, name: Any) -> Pid | None:
        return self.pids.get(name)

    def send(self, name: Any, message: Any) -> None:
        if name not in self.pids:
            raise ValueError(f"no room {name!r}")
        self.log.append(("send", name))
        send(self.pids[name], message)


class Room(otp.GenServer):
    def init(self, outcome: Any = None) -> Any:
        self.cast: Any = None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def handle_call(self, request: Any, caller: Caller) -> Reply:
        return Reply((request, self.cast))

    def handle_cast(self, request: Any) -> None:
        self.cast = request


class WaitingRoom(Room):
    async def init(self, outcome: Any = None) -> Any:
        return Room.init(self, outcome)


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


STARTS = pytest.mark.parametrize("function", [otp.start, otp.start_link, otp.start_monitor])
ROOMS = pytest.mark.parametrize("cls", [Room, WaitingRoom], ids=["handler", "task"])


@ROOMS
async def test_a_server_is_reached_through_a_registry(
    runtime: None, rooms: Rooms, cls: type[Room]
) -> None:
    room = Via(rooms, ("room", 7))
    pid = ok(await otp.start(cls, name=room))
    assert rooms.pids == {("room", 7): pid}
    assert await otp.start(cls, name=room) == Error("already_started", pid)
    otp.cast(room, "hello")
    assert rooms.log == [("register", ("room", 7)), ("send", ("room", 7))]
    assert await otp.call(room, 1) == (1, "hello")
    assert await otp.receive_response(otp.send_request(room, 2)) == Ok((2, "hello"))
    assert (await otp.sys.get_state(room)).cast == "hello"
    await otp.stop(room)
    rooms.unregister_name(("room", 7))  # a real registry notices it by itself
    otp.cast(room, "dropped")
    with pytest.raises(CallError) as failed:
        await otp.call(room, 3)
    assert (failed.value.reason, failed.value.server) == ("noproc", room)
    assert await failure(otp.stop(room)) == "noproc"
    ref = otp.send_request(room, 4)
    assert await receive(ref) == Down(ref, room, "noproc")


async def test_the_end_of_a_server_is_told_with_its_pid(runtime: None, rooms: Rooms) -> None:
    room = Via(rooms, 1)
    pid = ok(await otp.start(Room, name=room))
    await otp.sys.suspend(room)
    ref = otp.send_request(room, "x")
    await otp.stop(room, "shutdown")
    assert await otp.receive_response(ref) == Error("shutdown", pid)


@STARTS
@ROOMS
async def test_a_name_is_free_again_when_a_start_has_failed(
    runtime: None, rooms: Rooms, cls: type[Room], function: Any
) -> None:
    trap_exit(True)
    crash = LookupError("nothing there")
    for outcome, reason in [(otp.Ignore(), "ignore"), (otp.Stop("no"), "no"), (crash, crash)]:
        rooms.log.clear()
        assert await function(cls, outcome, name=Via(rooms, 1)) == Error(reason)
        assert rooms.log == [("register", 1), ("unregister", 1)]
    assert await receive(after=0) == Timeout()


@STARTS
@ROOMS
async def test_a_registry_that_refuses(
    runtime: None, rooms: Rooms, cls: type[Room], function: Any
) -> None:
    """As if the name had been taken between the question and the registration."""
    trap_exit(True)
    rooms.refuses = True
    assert await function(cls, name=Via(rooms, 1)) == Error("already_started", None)
    rooms.refuses = LookupError("broken")
    assert await function(cls, name=Via(rooms, 1)) == Error(rooms.refuses)
    assert await receive((Exit, Down), after=0) == Timeout()


async def test_supervisors_and_event_managers(runtime: None, rooms: Rooms) -> None:
    top, events = Via(rooms, "top"), Via(rooms, "events")
    ok(await otp.start(otp.Supervisor, [], name=top))
    start = partial(otp.start_link, EventManager, name=events)
    ok(await otp.start_child(top, otp.ChildSpec("events", start)))
    otp.notify(events, "x")
    assert await otp.which_handlers(events) == []
    await otp.stop(top)
    with pytest.raises(ValueError, match="no room 'other'"):
        otp.notify(Via(rooms, "other"), "x")


async def test_a_module_may_be_a_registry(runtime: None) -> None:
    """With the functions of the library itself: names of the runtime."""
    module: Any = SimpleNamespace(
        register_name=lambda name, pid: False,
        unregister_name=None,
        whereis_name=whereis,
        send=send,
    )
    with pytest.raises(TypeError, match=r"registry: expected a module or object .* unregister_"):
        Via(module, "x")
    module.unregister_name = print
    pid = ok(await otp.start(Room, name="lobby"))
    assert await otp.call(Via(module, "lobby"), 1) == (1, None)
    assert await otp.start(Room, name=Via(module, "lobby")) == Error("already_started", pid)
