"""Both forms of a function do the same: results, state and exceptions are compared."""

import socket as stdlib
import struct
from collections import deque
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock import (
    Down,
    Ok,
    current_pid,
    exit,
    ok,
    open_runtime,
    receive,
    run,
    send,
    socket,
    spawn,
    spawn_monitor,
)
from actorsock.results import Error
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core import mailbox as mailboxes
from actorsock.runtime.core.process import Process, alive
from actorsock.socket import Socket
from actorsock.socket.core.counters import COUNTERS
from actorsock.socket.operations.recv import RecvWhatIsThere
from actorsock.socket.operations.send import Send, _SendData
from actorsock.testing.quiescence import at_rest

from ..stories import in_runtime
from .forms import in_python, python_form

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
