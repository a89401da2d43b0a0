"""Both forms of a function do the same: results, state and exceptions are compared."""

import socket as stdlib
import struct
from collections import deque
from typing import Any, Literal

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock import (
    Down,
    Ok,
    Select,
    current_pid,
    exit,
    ok,
    open_runtime,
    otp,
    receive,
    run,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.results import Error
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.handler import AGAIN
from actorsock.runtime.core import mailbox as mailboxes
from actorsock.runtime.core.process import Process, alive
from actorsock.socket import Socket
from actorsock.socket.core.counters import COUNTERS
from actorsock.socket.operations.recv import RecvWhatIsThere
from actorsock.socket.operations.send import Send, _SendData
from actorsock.testing.quiescence import at_rest

from ..stories import in_runtime
from .forms import both_ways, in_python, python_form, shown, slots_of, state_of_process, twins

each_form = pytest.mark.parametrize("form", [python_form, lambda twin: twin], ids=["python", "C"])
quickly = settings(deadline=None, max_examples=60)

# --- one attempt to receive, one to send ----------------------------------------------------------


@attrs.define
class Given:
    """The state in which an attempt is made."""

    domain: Literal["inet", "local"]
    arrived: bytes
    ended: Literal["", "closed", "reset"]
    rcvbuf: int | tuple[int, int]
    unread: bytes
    watched: bool
    saw_end: bool


GIVEN = st.builds(
    Given,
    domain=st.sampled_from(["inet", "local"]),
    arrived=st.sampled_from([b"", b"x", b"data", bytes(300), bytes(5000)]),
    ended=st.sampled_from(["", "", "closed", "reset"]),
    rcvbuf=st.sampled_from([1, 4, 5, 1000, 8192, 2**16, 2**17, (3, 100)]),
    unread=st.sampled_from([b"", b"", b"kept"]),
    watched=st.booleans(),
    saw_end=st.booleans(),
)


def connected(domain: str) -> tuple[Socket, stdlib.socket]:
    if domain == "local":
        here, there = stdlib.socketpair()
    else:
        with stdlib.create_server(("127.0.0.1", 0)) as listener:
            there = stdlib.create_connection(listener.getsockname())
            here = listener.accept()[0]
    with here:
        return ok(socket.open_fd(here.fileno())), there


def state_of(sock: Socket) -> dict[str, Any]:
    actor: Any = sock._actor
    flags = ("read_would_block", "write_would_block", "saw_end", "watched", "unread")
    state = {name: getattr(actor, name) for name in flags}
    state.update((name, getattr(actor.counters, name)) for name in COUNTERS)
    return state


async def attempted(given: Given, attempt: Any) -> tuple[Any, dict[str, Any]]:
    sock, peer = connected(given.domain)
    ok(socket.setopt(sock, "otp", "rcvbuf", given.rcvbuf))
    actor: Any = sock._actor
    actor.unread, actor.watched, actor.saw_end = given.unread, given.watched, given.saw_end
    peer.sendall(given.arrived)
    if given.ended == "reset" and given.domain == "inet":
        peer.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, struct.pack("ii", 1, 0))
    if given.ended:
        peer.close()
    results = [attempt(RecvWhatIsThere(), actor, current_pid(), True) for _ in range(3)]
    state = state_of(sock)
    peer.close()
    await socket.close(sock)
    return results, state


@quickly
@given(GIVEN)
def test_an_attempt_to_receive(given: Given) -> None:
    twin = vars(RecvWhatIsThere)["attempt"]
    assert run(attempted, given, twin) == run(attempted, given, python_form(twin))


async def sent(sizes: list[int], closed: bool, form: Any) -> tuple[list[Any], dict[str, Any]]:
    sock, peer = connected("local")
    if closed:
        peer.close()
    ops = [Send(bytes(size), 0) for size in sizes]
    results: list[Any] = [form(op, sock._actor, current_pid(), False) for op in ops]
    results.extend(op.progress() for op in ops)
    state = state_of(sock)
    peer.close()
    await socket.close(sock)
    return results, state


@quickly
@given(
    st.lists(st.sampled_from([0, 1, 4, 1000, 2**16, 2**16 + 1, 2**21]), max_size=8), st.booleans()
)
def test_an_attempt_to_send(sizes: list[int], closed: bool) -> None:
    twin = vars(_SendData)["attempt"]
    assert run(sent, sizes, closed, twin) == run(sent, sizes, closed, python_form(twin))


@each_form
@in_runtime
async def test_a_closed_socket_is_not_read(form: Any) -> None:
    sock, peer = connected("local")
    actor: Any = sock._actor
    await socket.close(sock)
    peer.close()
    result = form(vars(RecvWhatIsThere)["attempt"])(RecvWhatIsThere(), actor, current_pid(), True)
    assert result == Error("ebadf")


# --- delivery -------------------------------------------------------------------------------------


async def waits_for_nothing() -> None:
    pass


def mailbox_after(process: Process) -> tuple[Any, ...]:
    mailbox = process.mailbox
    body: Any = process.body
    wanted = mailbox.wanted is None, mailbox.wanted is mailboxes.anything
    return mailbox.messages(), wanted, body.parked, body in process.node.passes.ready


async def delivered(
    form: Any, messages: list[Any], wanted: str, parked: bool, begun: bool
) -> tuple[Any, ...]:
    pid = spawn(waits_for_nothing, light=True)
    process = alive[pid]
    mailbox, body = process.mailbox, process.body
    process.node.passes.ready.clear()
    mailbox.arrivals = deque() if begun else None
    mailbox.wanted = {
        "nothing": None,
        "anything": mailboxes.anything,
        "an int": mailboxes.test_of(int),
    }[wanted]
    body.parked = True if parked else None
    results = [form(send)(pid, message) for message in messages]
    after = mailbox_after(process)
    mailbox.clear()
    body.parked = None
    mailbox.wanted = None
    process.node.passes.ready.clear()
    process.node.passes.ready.append(body)
    return results, after


@quickly
@given(
    st.lists(st.sampled_from([1, "text", None, (1, 2)]), max_size=3),
    st.sampled_from(["nothing", "anything", "an int"]),
    st.booleans(),
    st.booleans(),
)
def test_a_delivery(messages: list[Any], wanted: str, parked: bool, begun: bool) -> None:
    case = messages, wanted, parked, begun
    assert run(delivered, lambda twin: twin, *case) == run(delivered, python_form, *case)


# --- whole stories --------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.integers(0, 9)),
        st.tuples(st.just("kill"), st.integers(0, 2), st.sampled_from(["kill", "other"])),
        st.tuples(st.just("crash"), st.integers(0, 2), st.just("")),
        st.tuples(st.just("bytes"), st.integers(0, 2), st.integers(1, 20_000)),
        st.tuples(st.just("end"), st.integers(0, 2), st.just("")),
        st.tuples(st.just("rest"), st.just(0), st.just("")),
    ),
    max_size=12,
)


async def story(steps: list[tuple[str, int, Any]]) -> list[Any]:
    """Play the steps for three processes, each with a socket; return all that happens to them."""
    node = current_process().node
    log: list[Any] = []

    async def reader(number: int, sock: Socket) -> None:
        while type(result := await socket.recv(sock)) is Ok:
            log.append((number, len(result.value)))
            log.append((number, await socket.send(sock, b"thanks")))
        log.append((number, result))

    async def selected(number: int, sock: Socket) -> None:
        while True:
            match socket.recv_nowait(sock):
                case Ok(data):
                    log.append((number, len(data)))
                case Error(reason):
                    log.append((number, reason))
                    return
                case select:
                    message = await receive(select.info.ref)
                    log.append((number, type(message).__name__, message.tag))

    async def listener(number: int, sock: Socket) -> None:
        while True:
            message = await receive()
            log.append((number, message))
            if message == "crash":
                raise ValueError("crash")

    pairs = [connected("local") for _ in range(3)]
    watched = []
    for number, (function, light) in enumerate([(reader, True), (selected, True), (reader, False)]):
        watched.append(spawn_monitor(function, number, pairs[number][0], light=light))
    listeners = [spawn_monitor(listener, n, pairs[n][0], light=n < 2) for n in range(3)]
    await at_rest(node)
    for what, number, detail in steps:
        peer, pid = pairs[number][1], listeners[number][0]
        if what in ("send", "crash"):
            send(pid, detail if what == "send" else "crash")
        elif what == "kill":
            exit(pid, detail)
        elif what == "bytes" and peer.fileno() >= 0:
            peer.send(bytes(detail))
        elif what == "end":
            peer.close()
        await at_rest(node)
        log.append(what)
    for sock, peer in pairs:
        log.append(state_of(sock))
        peer.close()
        await at_rest(node)
    for pid, _ in listeners:
        exit(pid, "kill")
    for _, ref in (*watched, *listeners):
        down = await receive(ref)
        assert type(down) is Down
        log.append(repr(down.reason))
    for sock, _ in pairs:
        await socket.close(sock)
    return log


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_a_story(steps: list[tuple[str, int, Any]]) -> None:
    native = run(story, steps)
    with in_python():
        python = run(story, steps)
    assert native == python


def test_one_runtime_after_another_uses_either_form() -> None:
    async def opened() -> str:
        async with open_runtime():
            return "done"

    with in_python():
        assert run(opened) == "done"
    assert run(opened) == "done"


# --- both forms of a whole runtime ----------------------------------------------------------------


async def made(light: bool, ends: str) -> list[Any]:
    async def waits() -> None:
        if ends == "returns":
            return
        await receive()
        if ends == "raises":
            raise ValueError(ends)

    pid = spawn(waits, light=light)
    process = alive[pid]
    begun = state_of_process(process)
    await at_rest(process.node)
    rest = state_of_process(process)
    if ends == "is killed":
        exit(pid, "kill")
    elif ends != "returns":
        send(pid, "a message")
    await at_rest(process.node)
    return [begun, rest, state_of_process(process), pid in alive]


@pytest.mark.parametrize("ends", ["returns", "is served", "raises", "is killed"])
@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
def test_the_life_of_a_process(light: bool, ends: str) -> None:
    both_ways(made, light, ends)


COMMANDS = st.lists(
    st.sampled_from(["plain", "again", "itself", "other", "spend", "crash", "exit", "kill"]),
    max_size=6,
)


async def handled(commands: list[str], light: bool) -> list[Any]:
    log: list[Any] = []

    def handle(message: Any) -> object:
        log.append((message is AGAIN or message, current_pid() is alive[pid].pid))
        match message:
            case "again":
                return AGAIN
            case "itself" | "kill":
                send(pid, "plain")
            case "other":
                send(other, "plain")
                log.append("sent")
            case "spend":
                current_process().body.budget -= 1000
            case "crash":
                raise ValueError(message)
            case "exit":
                exit("of its own")
        if message == "kill":
            exit(pid, "kill")
        return None

    pid = spawn_handler(handle, lambda reason: log.append(repr(reason)))
    other = spawn_handler(log.append)

    async def sends() -> None:
        for command in commands:
            process = alive.get(pid)
            log.append(send(pid, command))
            if process is not None:
                log.append(state_of_process(process))
                log.append(process.node.run_queue.budget if command == "spend" else None)

    _, ref = spawn_monitor(sends, light=light)
    log.append((await receive(ref)).reason)
    return log


@quickly
@given(COMMANDS, st.booleans())
def test_turns_of_a_handler(commands: list[str], light: bool) -> None:
    both_ways(handled, commands, light)


class Server(otp.GenServer):
    """Answers in every way."""

    def init(self) -> None:
        self.callers: list[otp.Caller] = []

    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        match request:
            case "later":
                self.callers.append(caller)
                send(current_pid(), "answer")
                return otp.NoReply()
            case "ref":
                return otp.Reply(type(caller.ref).__name__)
            case "timeout":
                return otp.Reply("soon", timeout=0)
            case "stop":
                return otp.Stop("asked", reply="stopped")
            case "crash":
                raise ValueError(request)
            case "nothing":
                return None
        return otp.Reply(request)

    def handle_cast(self, request: Any) -> Any:
        return otp.Stop("cast") if request == "stop" else None

    def handle_info(self, message: Any) -> None:
        for caller in self.callers:
            otp.reply(caller, "late")
        self.callers.clear()


async def called(requests: list[tuple[bool, str]], light: bool) -> list[Any]:
    log: list[Any] = []
    server = ok(await otp.start(Server))

    async def calls() -> None:
        for is_call, request in requests:
            try:
                answer = await otp.call(server, request) if is_call else otp.cast(server, request)
            except otp.CallError as exc:
                answer = repr(exc.reason)
            log.append((answer, server in alive))

    _, ref = spawn_monitor(calls, light=light)
    log.append((await receive(ref)).reason)
    return log


@quickly
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(
                ["plain", "later", "ref", "timeout", "stop", "crash", "nothing", "other"]
            ),
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_calls_of_a_server(requests: list[tuple[bool, str]], light: bool) -> None:
    both_ways(called, requests, light)


async def echoed(sizes: list[int], kind: str, light: bool) -> list[Any]:
    """Send messages to a process that sends them back; return what both have seen."""
    log: list[Any] = []
    here, there = (ok(socket.open("inet", "dgram")) for _ in range(2))
    for sock in (here, there):
        ok(socket.bind(sock, "loopback"))
    address = ok(socket.sockname(there))

    async def echo() -> None:
        for _ in sizes:
            if kind == "blocking":
                source, data = ok(await socket.recvfrom(there))
                log.append(await socket.sendto(there, data, source))
                continue
            while type(result := socket.recvfrom_nowait(there)) is Select:
                log.append((result.info.tag, (await receive(result.info.ref)).tag))
            source, data = ok(result)
            log.append(socket.sendto_nowait(there, data, source))

    _, ref = spawn_monitor(echo, light=light)
    for size in sizes:
        ok(await socket.sendto(here, bytes(size), address))
        source, data = ok(await socket.recvfrom(here))
        log.append((source == address, len(data)))
    log.append((await receive(ref)).reason)
    log.append([state_of(sock) for sock in (here, there)])
    for sock in (here, there):
        await socket.close(sock)
    return log


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.sampled_from([0, 1, 100, 3000]), max_size=4),
    st.sampled_from(["blocking", "nowait"]),
    st.booleans(),
)
def test_datagrams(sizes: list[int], kind: str, light: bool) -> None:
    both_ways(echoed, sizes, kind, light)


# Requests to one socket, one after the other. Large sends wait for the peer to read.
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["recv", "send", "recv_nowait", "send_nowait", "cancelled"]),
        st.sampled_from([0, 1, 100, 2**16 + 1, 2**20]),
    ),
    max_size=5,
)


def without_refs(result: Any) -> tuple[Any, ...]:
    """Return what two runs have in common of a result."""
    value = getattr(result, "value", None) or getattr(result, "data", None) or b""
    info = getattr(result, "info", None)
    return type(result).__name__, len(value), getattr(result, "reason", info and info.tag)


def drained(peer: stdlib.socket) -> int:
    size = 0
    try:
        while data := peer.recv(2**16):
            size += len(data)
    except BlockingIOError:
        pass
    return size


async def asked(requests: list[tuple[str, int]], light: bool, ends: str) -> list[Any]:
    """Play the requests, while the peer reads and writes; return what both have seen."""
    node, log = current_process().node, list[Any]()
    sock, peer = connected("local")
    peer.setblocking(False)

    async def asks() -> None:
        for what, size in requests:
            if what == "cancelled" and not light:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    log.append(await socket.recv(sock))
                log.append(scope.cancelled_caught)
            elif what in ("recv", "send"):
                data = () if what == "recv" else (bytes(size),)
                log.append(without_refs(await getattr(socket, what)(sock, *data)))
            elif what != "cancelled":
                data = () if what == "recv_nowait" else (bytes(size),)
                log.append(without_refs(getattr(socket, what)(sock, *data)))

    pid, ref = spawn_monitor(asks, light=light)
    total = 0
    for _ in range(4):
        await at_rest(node)
        total += drained(peer)
        if ends == "closed":
            peer.close()
            break
        peer.send(b"some")
    await at_rest(node)
    log.append(total)
    exit(pid, "kill")
    log.append(repr((await receive(ref)).reason))
    state = state_of(sock)
    log.append({name: state[name] for name in ("unread", "read_byte", "read_pkg", "write_byte")})
    log.append(shown(sock._actor.turns.read, ["current", "selected", "queue"]))
    peer.close()
    await socket.close(sock)
    return log


@settings(deadline=None, max_examples=40)
@given(REQUESTS, st.booleans(), st.sampled_from(["killed", "closed"]))
def test_requests(requests: list[tuple[str, int]], light: bool, ends: str) -> None:
    both_ways(asked, requests, light, ends)


async def accepted(options: list[tuple[str, str, Any]], light: bool) -> list[Any]:
    """Return the state of two accepted sockets, and that after their close."""
    seen = list[Any]()
    lsock = ok(socket.open("inet", "stream"))
    for option in options:
        ok(socket.setopt(lsock, *option))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock))

    async def accepts() -> None:
        for _ in range(2):
            sock = ok(await socket.accept(lsock))
            actor = sock._actor
            names = [name for name in slots_of(actor) if name != "fd"]
            seen.append(shown(actor, names))
            seen.append((actor.turns.owner is current_pid(), actor.fd == actor.sock.fileno()))
            seen.append((actor.sock.gettimeout(), actor.sock.type, socket.number_of()))
            seen.append([*map(type, (sock, actor.turns.read, actor.turns.write))])
            seen.append(state_of_process(actor.process))
            seen.append(len(current_process().watchers or ()))
            seen.append(await socket.close(sock))
            seen.append(shown(actor, names))
            seen.append(await socket.close(sock))

    _, ref = spawn_monitor(accepts, light=light)
    peers = [stdlib.create_connection(("127.0.0.1", port)) for _ in range(2)]
    seen.append((await receive(ref)).reason)
    for peer in peers:
        peer.close()
    await socket.close(lsock)
    return seen


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@pytest.mark.parametrize(
    "options",
    [[], [("otp", "debug", True)], [("otp", "rcvbuf", 100)], [("socket", "rcvlowat", 2)]],
    ids=["plain", "debug", "rcvbuf", "rcvlowat"],
)
def test_an_accepted_socket(options: list[tuple[str, str, Any]], light: bool) -> None:
    both_ways(accepted, options, light)


def test_no_twin_is_left_in_python() -> None:
    used = {twin.__qualname__ for _, _, twin in twins()}
    assert {"send", "Process.deliver", "blocking", "ServerInPlace.__call__"} <= used
    with in_python():
        assert not [*twins()]
    assert {twin.__qualname__ for _, _, twin in twins()} == used
