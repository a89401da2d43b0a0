"""Traces of real processes: each flag, each kind of tracer, limits, and what a session leaves."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    gen_tcp,
    gen_udp,
    inet,
    link,
    monitor,
    ok,
    open_runtime,
    otp,
    process_info,
    processes,
    read_timer,
    receive,
    register,
    send,
    send_after,
    socket,
    spawn,
    spawn_handler,
    ssl,
    trace,
    trap_exit,
    unregister,
)
from actorsock.inet.driver.datagram_actor import DatagramActor
from actorsock.inet.driver.stream_actor import StreamActor
from actorsock.runtime.core.process import alive
from actorsock.trace import Session
from actorsock.trace.sessions.events import FLAGS
from actorsock.trace.sessions.limits import Limit, limit_of
from actorsock.trace.sessions.traced_process import TracedProcess

from ..certificates import write_files
from ..sockets import connection
from .conftest import assert_plain


async def echo() -> None:
    while True:
        sender, text = await receive(tuple)
        send(sender, text)


class Till(otp.GenServer):
    """Adds up; its callbacks are plain."""

    def init(self) -> None:
        self.total = 0

    def handle_call(self, amount: int, caller: otp.Caller) -> otp.Reply:
        self.total += amount
        return otp.Reply(self.total)

    def handle_cast(self, request: Any) -> None:
        raise ValueError(request)


class Shop(otp.GenServer):
    """Asks the till; its callbacks are async."""

    async def handle_call(self, amount: int, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call("till", amount))


def seen(session: Session, *kinds: str) -> list[tuple[Any, ...]]:
    """What a session has kept, without the times."""
    return [(e.pid, e.kind, e.what, e.other) for e in session if not kinds or e.kind in kinds]


BODIES = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])

# --- the flags ------------------------------------------------------------------------------------


@BODIES
async def test_receive_sees_what_is_put_into_the_mailbox(plain: None, light: bool) -> None:
    pid, me = spawn(echo, light=light), current_pid()
    with trace.session() as session:
        assert trace.process(session, pid, ["receive"]) == 1
        for text in ("one", "two"):
            send(pid, (me, text))
            assert await receive() == text
        timer = send_after(0, pid, "by a timer")
        while read_timer(timer) is not None:  # noqa: ASYNC110  # a timer sets no event
            await trio.sleep(0.001)
    assert seen(session) == [
        (pid, "receive", (me, "one"), me),
        (pid, "receive", (me, "two"), me),
        (pid, "receive", "by a timer", None),
    ]
    send(pid, (me, "after the session"))
    assert await receive() == "after the session"
    assert len(seen(session)) == 3
    exit(pid, "kill")
    await wait_all_tasks_blocked()


@BODIES
async def test_send_sees_what_a_process_sends(plain: None, light: bool) -> None:
    pid, me = spawn(echo, light=light), current_pid()
    with trace.session() as session:
        trace.process(session, pid, ["send"])
        send(pid, (me, "one"))
        assert await receive() == "one"
    assert seen(session) == [(pid, "send", "one", me)]
    exit(pid, "kill")
    await wait_all_tasks_blocked()


@BODIES
async def test_procs_sees_starts_links_and_ends(plain: None, light: bool) -> None:
    async def child() -> None:
        link(me)

    async def parent() -> None:
        send(me, spawn(child, light=light))

    me = current_pid()
    with trace.session() as session:
        trace.process(session, "new", ["procs"])
        pid = spawn(parent, light=light)
        child_pid = await receive(Pid)
        await wait_all_tasks_blocked()
    words = f"{__name__}:{test_procs_sees_starts_links_and_ends.__name__}.<locals>."
    assert sorted(seen(session), key=lambda event: (event[0].number, event[1])) == [
        (pid, "exit", "normal", None),
        (pid, "spawn", f"{words}child", child_pid),
        (pid, "spawned", f"{words}parent", me),
        (child_pid, "exit", "normal", None),
        (child_pid, "link", None, me),
        (child_pid, "spawned", f"{words}child", pid),
    ]


async def test_procs_sees_names_as_erlang_does(plain: None) -> None:
    async def renamed() -> None:
        await receive()
        register("first", current_pid())
        unregister("first")
        register("second", current_pid())

    pid = spawn(renamed)
    with trace.session() as session:
        trace.process(session, pid, ["procs"])
        trace.process(session, "new", ["procs"])
        send(pid, "go")
        await wait_all_tasks_blocked()
        server = ok(await otp.start(Till, name="till"))
        await otp.stop(server)
    # The same as `erlang:trace(Pid, true, [procs])` of OTP 25 tells.
    assert [event[1:3] for event in seen(session) if event[0] is pid] == [
        ("register", "first"),
        ("unregister", "first"),
        ("register", "second"),
        ("exit", "normal"),
        ("unregister", "second"),
    ]
    assert (server, "register", "till", None) in seen(session)
    assert (session.names[pid], session.names[server]) == ("second", "till")
    assert str(session.events[0]) == f"{pid!r} register first"


@BODIES
async def test_set_on_spawn_and_set_on_link(plain: None, light: bool) -> None:
    async def child() -> None:
        await receive()

    async def parent(other: Pid) -> None:
        send(me, spawn(child, light=light))
        link(other)
        await receive()

    me = current_pid()
    other = spawn(child, light=light)
    with trace.session() as session:
        trace.process(session, me, ["receive", "set_on_spawn", "set_on_link"])
        pid = spawn(parent, other, light=light)
        child_pid = await receive(Pid)
        for one in (child_pid, other, pid):
            send(one, "end")
        await wait_all_tasks_blocked()
    received = {event[0] for event in seen(session, "receive") if event[2] == "end"}
    assert received == {child_pid, other, pid}


async def test_running_of_tasks_and_light_processes(plain: None) -> None:
    pids = [spawn(echo), spawn(echo, light=True)]
    await wait_all_tasks_blocked()
    with trace.session() as session:
        for pid in pids:
            trace.process(session, pid, ["running"])
            send(pid, (current_pid(), "a message"))
            await receive()
    for pid in pids:
        assert [kind for who, kind, *_ in seen(session) if who is pid] == ["in", "out"]
        exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_running_of_a_handler_in_place(plain: None) -> None:
    """It runs on the stack of its sender, also after `sys` has suspended it in the trace."""
    till, me = ok(await otp.start(Till, name="till")), current_pid()
    with trace.session() as session:
        trace.process(session, till, ["running"])
        await otp.sys.suspend(till)
        await otp.sys.resume(till)
        trace.process(session, me, ["running"])
        await trio.lowlevel.checkpoint()
        session.events.clear()
        assert await otp.call(till, 1) == 1
        await trio.lowlevel.checkpoint()
    assert seen(session)[:3] == [
        (till, "in", None, None), (till, "out", None, None), (me, "out", None, None)
    ]  # fmt: skip
    await otp.stop(till)


async def test_call_sees_callbacks_and_their_results(plain: None) -> None:
    till = ok(await otp.start(Till, name="till"))
    shops = [ok(await otp.start(Shop, light=light)) for light in (False, True)]
    with trace.session() as session:
        for pid in (till, *shops):
            trace.process(session, pid, ["call"])
        for shop in shops:
            await otp.call(shop, 5)
        assert await otp.call(till, 1) == 11
    assert [
        (pid, kind, what[0], what[1][0] if kind == "call" else what[1].value)
        for pid, kind, what, _ in seen(session)
    ] == [
        *[
            event
            for number, shop in enumerate(shops, 1)
            for event in (
                (shop, "call", "handle_call", 5),
                (till, "call", "handle_call", 5),
                (till, "return_from", "handle_call", 5 * number),
                (shop, "return_from", "handle_call", 5 * number),
            )
        ],
        (till, "call", "handle_call", 1),
        (till, "return_from", "handle_call", 11),
    ]
    assert_plain()
    assert await otp.call(shops[0], 1) == 12
    for pid in (till, *shops):
        await otp.stop(pid)


async def test_call_sees_exceptions(plain: None) -> None:
    till = ok(await otp.start(Till))
    with trace.session() as session:
        trace.process(session, till, ["call", "procs"])
        otp.cast(till, "nonsense")
        await wait_all_tasks_blocked()
    kinds = [(kind, what[0] if type(what) is tuple else what) for _, kind, what, _ in seen(session)]
    assert kinds[:2] == [("call", "handle_cast"), ("exception_from", "handle_cast")]
    assert kinds[-1][0] == "exit"
    assert isinstance(kinds[-1][1], ValueError)


async def test_an_answer_in_place_is_seen_as_a_message(plain: None) -> None:
    till, me = ok(await otp.start(Till)), current_pid()
    with trace.session() as session:
        trace.process(session, till, ["send", "receive"])
        assert await otp.call(till, 5) == 5
    (_, first, _, sender), (_, second, answer, to) = seen(session)
    assert (first, sender, second, to) == ("receive", me, "send", me)
    assert answer.value == 5
    await otp.stop(till)


@BODIES
async def test_sockets_sees_what_they_are_asked_and_answer(plain: None, light: bool) -> None:
    async def reads(sock: socket.Socket) -> None:
        ok(await socket.recv(sock, 3))
        socket.recv_nowait(sock)
        send(me, "ready")
        await receive(socket.SelectMessage)
        ok(await socket.close(sock))
        send(me, "closed")

    me = current_pid()
    server, client = await connection()
    pid = spawn(reads, server, light=light)
    ok(socket.setopt(server, "otp", "controlling_process", pid))
    with trace.session() as session:
        trace.process(session, pid, ["sockets", "receive"])
        await wait_all_tasks_blocked()
        ok(await socket.send(client, b"abc"))
        assert await receive() == "ready"
        ok(await socket.send(client, b"d"))
        assert await receive() == "closed"
    ok(await socket.close(client))
    events = seen(session)
    assert [(kind, what[0] if type(what) is tuple else None) for _, kind, what, _ in events] == [
        ("ask", "recv"),
        ("answer", "recv"),
        ("ask", "recv"),
        ("receive", None),
        ("close", None),
    ]
    assert events[1][2] == ("recv", Ok(b"abc"))
    assert {other for *_, other in events} == {server}
    await wait_all_tasks_blocked()


async def test_a_socket_of_another_process_is_not_observed(plain: None) -> None:
    server, client = await connection()
    other = spawn(receive)
    with trace.session() as session:
        trace.process(session, other, ["sockets"])
        assert not server._actor.observed
        trace.process(session, current_pid(), ["sockets"])
        assert server._actor.observed
        opened = ok(socket.open("inet", "dgram"))
        assert opened._actor.observed
        ok(await socket.close(opened))
        ok(await socket.send(client, b"abc"))
    assert not server._actor.observed
    assert [(kind, sock) for _, kind, _, sock in seen(session)] == [
        ("close", opened),
        ("answer", client),
    ]
    for sock in (server, client):
        ok(await socket.close(sock))
    send(other, "end")
    await wait_all_tasks_blocked()


async def test_messages_of_gen_tcp_come_from_its_socket(plain: None) -> None:
    listener = ok(gen_tcp.listen(0))
    port = ok(inet.port(listener))
    client = ok(await gen_tcp.connect("127.0.0.1", port, []))
    server = ok(await gen_tcp.accept(listener))
    with trace.session() as session:
        trace.process(session, current_pid(), ["receive"])
        ok(await gen_tcp.send(client, b"abc"))
        message = await receive()
    assert [what for _, _, what, _ in seen(session)] == [message]
    for sock in (client, server, listener):
        await gen_tcp.close(sock)


async def test_what_streams_are_asked_and_answer(plain: None) -> None:
    async def client(port: int) -> None:
        sock = ok(await gen_tcp.connect("127.0.0.1", port, {"active": False}))
        ok(await gen_tcp.send(sock, b"abc"))
        assert await gen_tcp.recv(sock, 3) == Ok(b"abc")
        assert await gen_tcp.recv(sock, 0, 0) == Error("timeout")
        ok(gen_tcp.shutdown(sock, "write"))
        assert (await gen_tcp.recv(sock)).reason == "closed"
        ok(await gen_tcp.close(sock))

    async def server(listening: Any) -> None:
        sock = ok(await gen_tcp.accept(listening))
        ok(await gen_tcp.send(sock, ok(await gen_tcp.recv(sock, 3))))
        assert (await gen_tcp.recv(sock)).reason == "closed"
        ok(await gen_tcp.close(sock))

    listening = ok(gen_tcp.listen(0, {"active": False}))
    serving = spawn(server, listening)
    ok(gen_tcp.controlling_process(listening, serving))
    with trace.session() as session:
        trace.process(session, serving, ["sockets"])
        trace.process(session, "new", ["sockets"])
        calling = spawn(client, ok(inet.port(listening)))
        await wait_all_tasks_blocked(0.01)
    assert answers_to(session, calling) == [
        *("connect", "send", "recv", "recv", "shutdown", "recv", "close"),
    ]
    assert answers_to(session, serving) == ["accept", "recv", "send", "recv", "close"]
    assert ("ask", ("connect", "waits")) in [event[1:3] for event in seen(session)]


async def test_what_tls_is_asked_and_answers(plain: None, tmp_path: Path) -> None:
    async def server(listening: Any) -> None:
        sock = ok(await ssl.transport_accept(listening))
        sock = ok(await ssl.handshake(sock))
        ok(await ssl.send(sock, ok(await ssl.recv(sock, 3))))
        ok(await ssl.close(sock))

    async def client(port: int) -> None:
        sock = ok(await ssl.connect("localhost", port, {"cacertfile": ca, "active": False}))
        ok(await ssl.send(sock, b"abc"))
        assert await ssl.recv(sock, 3) == Ok(b"abc")
        ok(await ssl.close(sock))

    files = write_files(tmp_path)
    ca = files.pop("cacertfile")
    listening = ok(ssl.listen(0, {**files, "active": False}))
    with trace.session() as session:
        trace.process(session, "new", ["sockets"])
        serving = spawn(server, listening)
        calling = spawn(client, ok(ssl.sockname(listening))[1])
        for ref in [monitor(serving), monitor(calling)]:
            assert (await receive(ref)).reason == "normal"
    ok(await ssl.close(listening))
    # The socket of gen_tcp is closed when its connection is one of TLS.
    opening = ["connect", "close", "handshake"]
    assert answers_to(session, calling) == [*opening, "send", "recv", "close"]
    answers = answers_to(session, serving)
    assert answers[-4:] == ["handshake", "recv", "send", "close"]
    assert ("ask", ("handshake", "waits")) in [event[1:3] for event in seen(session)]


async def test_what_gen_udp_is_asked_and_answers(plain: None) -> None:
    one, two = (ok(gen_udp.open(0, {"active": False, "ip": "127.0.0.1"})) for _ in range(2))
    me = current_pid()
    with trace.session() as session:
        trace.process(session, me, ["sockets"])
        ok(await gen_udp.connect(one, "127.0.0.1", ok(inet.port(two))))
        ok(await gen_udp.send(one, b"abc"))
        assert ok(await gen_udp.recv(two))[2] == b"abc"
        assert await gen_udp.recv(two, 0, 0.001) == Error("timeout")
        ok(await gen_udp.close(one))
    assert told_by(session, me) == [
        *("answer connect", "answer send", "answer recv", "ask recv", "answer recv", "close"),
    ]
    assert type(two._actor) is DatagramActor
    ok(await gen_udp.close(two))


async def test_a_recv_that_outlives_its_trace(plain: None) -> None:
    async def reader(sock: Any) -> None:
        send(me, ok(await gen_tcp.recv(sock, 3)))

    me = current_pid()
    listening = ok(gen_tcp.listen(0, {"active": False}))
    client = ok(await gen_tcp.connect("127.0.0.1", ok(inet.port(listening)), {"active": False}))
    server = ok(await gen_tcp.accept(listening))
    with trace.session() as session:
        trace.process(session, me, ["sockets", "set_on_spawn"])
        reading = spawn(reader, server)
        await wait_all_tasks_blocked()
        assert told_by(session, reading) == ["ask recv"]
    ok(await gen_tcp.send(client, b"abc"))
    assert await receive() == b"abc"
    assert type(server._actor) is StreamActor
    for sock in (client, server, listening):
        await gen_tcp.close(sock)


def told_by(session: Session, pid: Pid) -> list[str]:
    """What a process has asked of sockets, and was answered, in a word or two each."""
    return [
        kind if what is None else f"{kind} {what[0]}"
        for by, kind, what, _ in seen(session)
        if by is pid
    ]


def answers_to(session: Session, pid: Pid) -> list[str]:
    """What sockets have answered to a process. Whether it has waited depends on who was faster."""
    words = told_by(session, pid)
    for ask, following in pairwise(words):
        assert not ask.startswith("ask") or following == ask.replace("ask", "answer")
    return [word.removeprefix("answer ") for word in words if not word.startswith("ask")]


# --- which processes ------------------------------------------------------------------------------


async def test_existing_new_and_all(plain: None) -> None:
    def receivers(session: Session) -> set[Any]:
        return {pid for pid, kind, what, _ in seen(session) if what == "hello"}

    old = spawn(echo)
    with trace.session() as existing, trace.session() as new, trace.session() as every:
        count = trace.process(existing, "existing", ["receive"])
        assert count == len(processes())
        assert trace.process(new, "new", ["receive"]) == 0
        assert trace.process(every, "all", ["receive"]) == count
        young = spawn(echo, light=True)
        handler = spawn_handler(lambda message: None)
        adopted: list[Pid] = []

        async def task() -> None:
            adopted.append(current_pid())
            send(current_pid(), "hello")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(task)
        for pid in (old, young, handler):
            send(pid, "hello")
        assert receivers(existing) == {old}
        assert receivers(new) == {young, handler, *adopted}
        assert receivers(every) == {old, young, handler, *adopted}
        trace.process(every, old, ["receive"], False)
        send(old, "again")
        assert ("again" in [e.what for e in every]) is False
        assert type(alive[old]) is TracedProcess  # the others still trace it
    for pid in (old, young, handler):
        exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_a_process_that_has_ended(plain: None) -> None:
    with trace.session() as session:
        pid = spawn(echo)
        exit(pid, "kill")
        await wait_all_tasks_blocked()
        assert trace.process(session, pid, ["receive"]) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("no session", None, ["send"]), TypeError, "^session: expected a Session, got "),
        (
            (None, "every", ["send"]),
            TypeError,
            "^which: expected a Pid, 'all', 'new'",
        ),
        ((None, "all", "send"), TypeError, "^flags: expected a list of flags, got 'send'"),
        ((None, "all", ["garbage_collection"]), ValueError, "^flags: there is no flag 'garbage"),
        ((None, "all", ["send"], 1), TypeError, "^how: expected "),
    ],
)
async def test_wrong_arguments_of_process(
    plain: None, arguments: Any, error: type[Exception], text: str
) -> None:
    with trace.session() as session, pytest.raises(error, match=text):
        trace.process(session if arguments[0] is None else arguments[0], *arguments[1:])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"tracer": 5}, TypeError, "^tracer: expected a Pid, a function, the path"),
        ({"tracer": receive}, TypeError, "^tracer: expected a plain function of one event"),
        ({"where": 5}, TypeError, "^where: expected a plain function of one event"),
        ({"limit": 0}, ValueError, "^limit: expected None, a number of events > 0"),
        ({"limit": (5, 0)}, ValueError, "^limit: expected None, a number of events > 0"),
        ({"keep": -1}, ValueError, "^keep: expected a number of events, got -1"),
    ],
)
async def test_wrong_arguments_of_session(
    plain: None, arguments: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        trace.session(**arguments)


# --- tracers, predicates and limits ---------------------------------------------------------------


async def test_a_process_a_function_and_a_file_as_tracer(plain: None, tmp_path: Path) -> None:
    events: list[trace.TraceEvent] = []
    pid, me = spawn(echo), current_pid()
    path = tmp_path / "trace.txt"
    tracers: list[Any] = [events.append, me, path]
    sessions = [trace.session(tracer) for tracer in tracers]
    for session in sessions:
        trace.process(session, "all", ["receive"])
    send(pid, (me, "hello"))
    event = await receive(trace.TraceEvent)
    for session in sessions:
        session.close()
    assert event.what == (me, "hello")
    assert events[0].what == (me, "hello")
    assert await receive(str) == "hello"
    (first, *_) = path.read_text().splitlines()
    assert first.partition(" ")[2] == f"{pid!r} receive ({me!r}, 'hello') from {me!r}"
    while await receive(after=0) != Timeout():
        pass
    exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_the_end_of_the_tracer_ends_the_session(plain: None) -> None:
    tracer, pid = spawn(receive), spawn(echo)
    session = trace.session(tracer)
    trace.process(session, pid, ["receive"])
    send(pid, "first")
    await wait_all_tasks_blocked()  # the tracer has received it, and has ended
    send(pid, "second")
    assert session.stopped == "tracer"
    assert_plain()
    exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_a_tracer_that_raises_ends_the_session_alone(
    plain: None, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: trace.TraceEvent) -> None:
        raise ValueError("a tracer")

    pid = spawn(echo)
    with trace.session(fails) as session, trace.session() as other:
        trace.process(session, pid, ["receive"])
        trace.process(other, pid, ["receive"])
        send(pid, (current_pid(), "hello"))
        assert await receive() == "hello"
        assert (session.stopped, other.stopped) == ("tracer", None)
        assert len(seen(other)) == 1
    assert "a trace ends" in caplog.text
    exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_a_predicate(plain: None) -> None:
    pid = spawn_handler(lambda message: None)
    with trace.session(where=lambda event: type(event.what) is int) as session:
        trace.process(session, pid, ["receive"])
        for message in ("one", 2, "three", 4):
            send(pid, message)
    assert [event.what for event in session] == [2, 4]
    exit(pid, "kill")


async def test_a_limit_ends_the_session(plain: None, caplog: pytest.LogCaptureFixture) -> None:
    pid = spawn_handler(lambda message: None)
    with trace.session(limit=3) as session:
        trace.process(session, pid, ["receive"])
        for number in range(10):
            send(pid, number)
        assert [event.what for event in session] == [0, 1, 2]
        assert session.stopped == "limit"
        assert_plain()
        assert trace.process(session, pid, ["receive"]) == 0
    assert "a trace has reached its limit of 3 events, and ends" in caplog.text
    exit(pid, "kill")


@given(
    st.integers(1, 5),
    st.floats(0.1, 10),
    st.lists(st.floats(0, 100), max_size=50).map(sorted),
)
def test_a_rate_counts_in_windows(count: int, seconds: float, times: list[float]) -> None:
    limit = Limit(count, seconds)
    began, inside = None, 0
    for now in times:
        if began is None or now - began >= seconds:
            began, inside = now, 0
        inside += 1
        assert limit.admits(now) is (inside <= count)


def test_limits() -> None:
    assert limit_of(None) is None
    assert limit_of(7) == Limit(7)
    assert limit_of((7, 2)) == Limit(7, 2.0)
    for wrong in (True, "7", (7,), (7, "s"), (True, 1.0), -1):
        with pytest.raises(ValueError, match=r"^limit: "):
            limit_of(wrong)


async def test_the_newest_events_are_kept(plain: None) -> None:
    pid = spawn_handler(lambda message: None)
    with trace.session(keep=2) as session:
        trace.process(session, pid, ["receive"])
        for number in range(5):
            send(pid, number)
    assert [event.what for event in session] == [3, 4]
    exit(pid, "kill")


async def test_a_trace_changes_nothing_that_the_program_sees(plain: None) -> None:
    """A trapped crash of a server, of each kind, with everything traced."""

    async def story() -> list[Any]:
        trap_exit(True)
        told: list[Any] = []
        for light in (False, True):
            shop = ok(await otp.start_link(Shop, light=light))
            told.append(type(await otp.call(shop, 1)))
            told.append(process_info(shop).links == [current_pid()])
            exit(shop, "enough")
            told.append((await receive()).reason)
        trap_exit(False)
        return told

    till = ok(await otp.start(Till, name="till"))
    untraced = await story()
    with trace.session() as session:
        flags = ["send", "receive", "procs", "running", "call", "sockets", "set_on_spawn"]
        trace.process(session, "all", flags)
        assert await story() == untraced
    assert {event.kind for event in session} >= {"send", "receive", "spawn", "exit", "in", "call"}
    await otp.stop(till)


@given(st.data())
def test_traces_opened_and_closed_at_random_leave_nothing(data: st.DataObject) -> None:
    """Messages and calls go on meanwhile, and every answer is right."""

    async def story() -> None:
        async with open_runtime():
            pids = [spawn(echo), spawn(echo, light=True)]
            till = ok(await otp.start(Till, name="till"))
            shop = ok(await otp.start(Shop, light=True))
            sessions: list[Session] = []
            total = 0
            for number in range(data.draw(st.integers(1, 12), "steps")):
                match data.draw(st.sampled_from(["open", "trace", "close", "spawn"]), "step"):
                    case "open":
                        sessions.append(trace.session(limit=data.draw(st.none() | st.just(7))))
                    case "trace" if sessions:
                        trace.process(
                            data.draw(st.sampled_from(sessions)),
                            data.draw(st.sampled_from(["all", "new", "existing", *pids, till])),
                            data.draw(st.lists(st.sampled_from(FLAGS), min_size=1)),
                            data.draw(st.booleans()),
                        )
                    case "close" if sessions:
                        sessions.pop(data.draw(st.integers(0, len(sessions) - 1))).close()
                    case "spawn":
                        pids.append(spawn(echo, light=data.draw(st.booleans())))
                for pid in pids:
                    send(pid, (current_pid(), number))
                    assert await receive(int) == number
                total += number
                assert await otp.call(shop, number) == total
            for session in sessions:
                session.close()
            assert_plain()

    trio.run(story)
