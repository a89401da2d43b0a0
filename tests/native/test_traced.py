"""What a trace tells of processes and sockets is the same natively and in Python."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actorsock import (
    Down,
    current_pid,
    exit,
    link,
    make_ref,
    ok,
    otp,
    receive,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
    trace,
)
from actorsock.results import Select
from actorsock.runtime.core.process import alive
from actorsock.socket import SelectMessage, Socket
from actorsock.trace import TraceEvent

from ..stories import until
from .forms import both_ways
from .test_twins import connected

each_body = pytest.mark.parametrize("light", [True, False], ids=["light", "task"])


def plain(event: TraceEvent) -> tuple[Any, ...]:
    match event.what:
        case (operation, Select()):
            return event.kind, operation, "select"
        case what:
            return event.kind, what


def an_owner_of(sock: Socket, function: Callable[[], Awaitable[None]], light: bool) -> Any:
    """Return the pid of a new process that owns the socket, and the ref of its end."""
    pid, end = spawn_monitor(function, light=light)
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    return pid, end


async def requests(light: bool) -> Any:
    sock, peer = connected("inet")
    results: list[Any] = []

    async def asks() -> None:
        await receive()
        results.append(await socket.recv(sock, timeout=0))
        results.append(await socket.recv(sock))
        results.append(await socket.send(sock, b"answer"))
        select = socket.recv_nowait(sock)
        assert isinstance(select, Select)
        peer.sendall(b"more")
        await receive(select.info.ref)
        results.append(socket.recv_nowait(sock))
        results.append(socket.send_nowait(sock, b"x"))
        peer.close()
        results.append(await socket.recv(sock))

    with peer, trace.session() as session:
        pid, end = an_owner_of(sock, asks, light)
        trace.process(session, pid, ["sockets"])
        send(pid, "go")
        await until(lambda: alive[pid].body.parked is sock._actor)
        peer.sendall(b"question")
        results.append((await receive(end)).reason)
    return results, [plain(event) for event in session]


@each_body
def test_requests_to_a_traced_socket(light: bool) -> None:
    both_ways(requests, light)


class Enough(BaseException):
    """What no session catches."""


async def given_up(light: bool, waits: bool) -> Any:
    sock, peer = connected("inet")
    seen: list[Any] = []

    def tracer(event: TraceEvent) -> None:
        seen.append(plain(event))
        if event.kind == "answer":
            raise Enough

    async def reads() -> None:
        await receive()
        with trace.session(tracer) as session:
            trace.process(session, current_pid(), ["sockets"])
            try:
                await socket.recv(sock)
            except Enough:
                seen.append("the tracer has raised")
        seen.append(await socket.recv(sock, timeout=1))

    with peer:
        pid, end = an_owner_of(sock, reads, light)
        if not waits:
            peer.sendall(b"data")
        send(pid, "go")
        if waits:
            await until(lambda: alive[pid].body.parked is sock._actor)
            peer.sendall(b"data")
        seen.append((await receive(end)).reason)
    return seen


@each_body
@pytest.mark.parametrize("waits", [True, False], ids=["waits", "at once"])
def test_no_byte_is_lost_when_a_tracer_raises(light: bool, waits: bool) -> None:
    both_ways(given_up, light, waits)


async def send_given_up(light: bool) -> Any:
    sock, peer = connected("inet")

    def tracer(event: TraceEvent) -> None:
        raise Enough

    async def sends() -> None:
        await receive()
        with pytest.raises(Enough):
            await socket.send(sock, b"data")

    with peer, trace.session(tracer) as session:
        pid, end = an_owner_of(sock, sends, light)
        trace.process(session, pid, ["sockets"])
        send(pid, "go")
        return (await receive(end)).reason, peer.recv(100)


@each_body
def test_a_tracer_raises_when_a_send_is_done(light: bool) -> None:
    both_ways(send_given_up, light)


async def disturbed(light: bool, closes: bool) -> Any:
    """The tracer ends the wait of which it is told, while that has not begun."""
    sock, peer = connected("inet")
    linked = spawn_handler(lambda message: None)
    results: list[Any] = []

    def tracer(event: TraceEvent) -> None:
        results.append(plain(event))
        if event.kind != "ask":
            return
        if closes:
            with pytest.raises(StopIteration):
                socket.close(sock).send(None)
        else:
            exit(linked, "the tracer")

    async def reads() -> None:
        await receive()
        link(linked)
        results.append(await socket.recv(sock))

    with peer, trace.session(tracer) as session:
        pid, end = an_owner_of(sock, reads, light)
        trace.process(session, pid, ["sockets"])
        send(pid, "go")
        results.append((await receive(end)).reason)
    return results


@each_body
@pytest.mark.parametrize("closes", [True, False], ids=["closes the socket", "ends the process"])
def test_a_tracer_ends_the_wait(light: bool, closes: bool) -> None:
    both_ways(disturbed, light, closes)


async def stepped(light: bool, step: Callable[[Any], object]) -> Any:
    """The tracer steps the very call of which it is told."""
    sock, peer = connected("inet")
    calls: list[Any] = []
    results: list[Any] = []

    def tracer(event: TraceEvent) -> None:
        results.append(plain(event))
        with pytest.raises(ValueError, match="coroutine already executing"):
            step(calls[0])

    async def reads() -> None:
        await receive()
        calls.append(socket.recv(sock))
        results.append(await calls[0])

    with peer, trace.session(tracer) as session:
        pid, end = an_owner_of(sock, reads, light)
        trace.process(session, pid, ["sockets"])
        send(pid, "go")
        await until(lambda: alive[pid].body.parked is sock._actor)
        peer.sendall(b"data")
        results.append((await receive(end)).reason)
    return results


@each_body
@pytest.mark.parametrize(
    "step",
    [
        lambda call: call.send(None),
        lambda call: call.throw(KeyError()),
        lambda call: call.close(),
    ],
    ids=["send", "throw", "close"],
)
def test_a_tracer_steps_the_call(light: bool, step: Callable[[Any], object]) -> None:
    both_ways(stepped, light, step)


async def sent(light: bool) -> Any:
    """One process is traced with `send`; others send to each other, and to it."""
    names: dict[Any, str] = {}

    async def sends(to: str) -> None:
        while (order := await receive()) != "end":
            for pid, name in names.items():
                if name == to:
                    send(pid, order)

    with trace.session() as session:
        for name, to in (("traced", "second"), ("first", "second"), ("second", "nobody")):
            pid = spawn(sends, to, light=light)
            names[pid] = name
            if name == "traced":
                traced = pid
                trace.process(session, pid, ["send"])
        for pid in names:
            send(pid, names[pid])
            send(pid, Down(session, traced, "passed on"))  # type: ignore[arg-type]
        await trio.testing.wait_all_tasks_blocked()
        for pid in names:
            send(pid, "end")
    # trio runs ready tasks in a random order.
    return sorted(
        (names[event.pid], event.kind, type(event.what).__name__, names[event.other])
        for event in session
    )


@each_body
def test_messages_of_a_traced_sender(light: bool) -> None:
    both_ways(sent, light)


async def requested(light: bool) -> Any:
    """What a traced process asks for is itself a message of a socket."""
    request: Any = SelectMessage("socket", "recv", make_ref())  # type: ignore[arg-type]

    async def asks() -> None:
        await receive()
        for _ in range(2):  # the first message makes the mailbox, in Python
            assert await otp.call(server, request) is request

    async def serves() -> None:
        while True:
            call = await receive(otp.Call)
            otp.reply(call.caller, call.request)

    server = spawn(serves, light=light)
    with trace.session() as session:
        pid, end = spawn_monitor(asks, light=light)
        trace.process(session, pid, ["send"])
        send(pid, "go")
        await receive(end)
        await trio.testing.wait_all_tasks_blocked()
    return sorted((type(event.what).__name__, event.other is server) for event in session)


@each_body
def test_a_request_that_is_a_message(light: bool) -> None:
    both_ways(requested, light)
