"""Cancelling an operation that waits: by its own process only, and nothing else is touched."""

from typing import Any

import pytest

from actorsock import Error, Ok, make_ref, ok, receive, send, socket, spawn_handler
from actorsock.socket import SelectInfo, SelectMessage

from ...stories import in_runtime, until
from ..support import (
    CASES,
    NOWHERE_NEAR,
    STUCK,
    Case,
    Worker,
    aborted,
    arrives,
    connected,
    every_kind,
    info_of,
    selected,
    tcp,
    waiting,
    workers,
)

SAME_CLASS = {
    "recv": {"recv", "recvfrom", "recvmsg"},
    "accept": {"accept"},
    "send": {"send", "sendto", "sendmsg", "sendv", "sendfile"},
    "connect": {"connect"},
}


async def pending(kind: str, by: Worker) -> tuple[Case, SelectInfo]:
    """An operation of that kind that waits for `by`."""
    it = await CASES[kind]()
    return it, info_of(await by.ask(it.nowait))


# --- the process that called ----------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["waits", "is selected", "has taken its select", "is complete"])
@every_kind
@in_runtime
async def test_a_cancel_takes_back_the_operation_and_its_select(kind: str, stage: str) -> None:
    [a] = workers(1)
    it, info = await pending(kind, a)
    assert waiting(it.sock) == 1
    if stage != "waits":
        await it.ready(a.mail)
        assert a.mail() == [selected(it.sock, info)]
    if stage == "has taken its select":
        assert await a.ask(receive, SelectMessage) == selected(it.sock, info)
    if stage == "is complete":
        ok(await a.ask(it.again))
        assert await a.ask(socket.cancel, it.sock, info) == Error("select_info")
        # The select that it had been sent stays: it is harmless, and not the cancel's to remove.
        assert a.mail() == [selected(it.sock, info)]
        return
    assert await a.ask(socket.cancel, it.sock, info) == Ok()
    assert waiting(it.sock) == 0
    assert a.mail() == []
    # The second time nothing waits.
    assert await a.ask(socket.cancel, it.sock, info) == Error("select_info")


@pytest.mark.parametrize("kind", ["recv", "accept", "send"])
@in_runtime
async def test_a_handler_cancels_what_it_asked_for(kind: str) -> None:
    it = await CASES[kind]()
    answers: list[Any] = []
    pid = spawn_handler(lambda call: answers.append(call()))
    send(pid, it.nowait)
    info = info_of(answers.pop())
    assert socket.cancel(it.sock, info) == Error("select_info")
    send(pid, lambda: socket.cancel(it.sock, info))
    send(pid, lambda: socket.cancel(it.sock, info))
    assert answers == [Ok(), Error("select_info")]
    assert waiting(it.sock) == 0


# --- any other process, handle or socket ----------------------------------------------------------


@every_kind
@in_runtime
async def test_nothing_is_cancelled_by_others_nor_under_another_handle(kind: str) -> None:
    a, stranger = workers(2)
    it, info = await pending(kind, a)
    other, _ = await pending(kind, a)
    for _ in range(2):
        assert await stranger.ask(socket.cancel, it.sock, info) == Error("select_info")
        # Not even by the owner of the socket.
        assert socket.cancel(it.sock, info) == Error("select_info")
        unknown = SelectInfo(info.tag, make_ref())
        assert await a.ask(socket.cancel, it.sock, unknown) == Error("select_info")
        assert await a.ask(socket.cancel, other.sock, info) == Error("select_info")
        assert waiting(it.sock) == 1
        await it.ready(lambda: selected(it.sock, info) in a.mail())
    assert selected(it.sock, info) in a.mail()


@pytest.mark.parametrize("tag", [tag for tags in SAME_CLASS.values() for tag in sorted(tags)])
@every_kind
@in_runtime
async def test_only_the_class_of_the_tag_counts(kind: str, tag: Any) -> None:
    [a] = workers(1)
    it, info = await pending(kind, a)
    renamed = SelectInfo(tag, info.ref)
    if tag in SAME_CLASS[kind]:
        assert await a.ask(socket.cancel, it.sock, renamed) == Ok()
        assert waiting(it.sock) == 0
    else:
        assert await a.ask(socket.cancel, it.sock, renamed) == Error("select_info")
        assert waiting(it.sock) == 1


# --- what it leaves alone -------------------------------------------------------------------------


@in_runtime
async def test_only_messages_of_that_handle_and_socket_are_removed() -> None:
    [a] = workers(1)
    ref = make_ref()
    (sock, peer), (other, other_peer) = await connected(), await connected()
    info = info_of(await a.ask(socket.recv_nowait, sock, 0, (), ref))
    assert info.ref is ref
    assert info_of(await a.ask(socket.recv_nowait, other, 0, (), ref)).ref is ref
    before, after = object(), SelectInfo("recv", ref)
    send(a.pid, before)
    for each in (other_peer, peer):
        count = len(a.mail())
        each.sendall(b"data")
        await until(lambda count=count: len(a.mail()) > count)
    send(a.pid, after)
    assert len(a.mail()) == 4
    assert await a.ask(socket.cancel, sock, info) == Ok()
    assert a.mail() == [before, selected(other, info), after]


@in_runtime
async def test_an_earlier_select_of_the_same_process_stays() -> None:
    [a] = workers(1)
    sock, peer = await connected()
    first = info_of(await a.ask(socket.recv_nowait, sock))
    peer.sendall(b"ab")
    await until(a.mail)
    assert await a.ask(socket.recv_nowait, sock, 2) == Ok(b"ab")
    second = info_of(await a.ask(socket.recv_nowait, sock))
    peer.sendall(b"cd")
    await until(lambda: len(a.mail()) == 2)
    assert await a.ask(socket.cancel, sock, second) == Ok()
    assert a.mail() == [selected(sock, first)]


@in_runtime
async def test_the_same_handle_may_wait_in_both_lanes() -> None:
    [a] = workers(1)
    ref = make_ref()
    sock, peer = await connected()
    reading = info_of(await a.ask(socket.recv_nowait, sock, 0, (), ref))
    writing = info_of(await a.ask(socket.send_nowait, sock, bytes(NOWHERE_NEAR), (), ref))
    assert reading.ref is writing.ref is ref
    assert await a.ask(socket.cancel, sock, writing) == Ok()
    assert socket.info(sock).num_writers == 0
    assert socket.info(sock).num_readers == 1
    peer.sendall(b"x")
    await until(a.mail)
    assert a.mail() == [selected(sock, reading)]


@in_runtime
async def test_a_part_that_was_handed_over_belongs_to_the_caller() -> None:
    [a] = workers(1)
    sock, peer = await connected()
    peer.sendall(b"part")
    arrives(sock)
    answer = await a.ask(socket.recv_nowait, sock, 10)
    assert answer.data == b"part"
    assert await a.ask(socket.cancel, sock, answer.info) == Ok()
    peer.sendall(b"rest")
    assert await a.ask(socket.recv, sock, 4) == Ok(b"rest")


# --- a closed socket ------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["abort", "select"])
@every_kind
@in_runtime
async def test_cancelling_on_a_closed_socket_removes_the_message(kind: str, message: str) -> None:
    [a] = workers(1)
    it = await (STUCK if message == "abort" else CASES)[kind]()
    info = info_of(await a.ask(it.nowait))
    if message == "select":
        await it.ready(a.mail)
    ok(await socket.close(it.sock))
    left = selected(it.sock, info) if message == "select" else aborted(it.sock, info, "closed")
    assert a.mail() == [left]
    assert await a.ask(socket.cancel, it.sock, info) == Error("closed")
    assert a.mail() == []


@in_runtime
async def test_cancelling_on_a_closed_socket_removes_nothing_else() -> None:
    a, b = workers(2)
    it, info = await pending("recv", a)
    theirs = info_of(await b.ask(socket.recv_nowait, it.sock))
    ok(await socket.close(it.sock))
    assert await a.ask(socket.cancel, it.sock, theirs) == Error("closed")
    assert a.mail() == [aborted(it.sock, info, "closed")]
    assert b.mail() == [aborted(it.sock, theirs, "closed")]


# --- what is no select info -----------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
@in_runtime
async def test_anything_but_a_select_info_is_refused(closed: bool) -> None:
    sock = tcp()
    if closed:
        ok(await socket.close(sock))
    for wrong in (None, make_ref(), ("select_info", "recv", make_ref()), "recv"):
        with pytest.raises(TypeError, match="info"):
            socket.cancel(sock, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="info"):
        socket.cancel(sock, SelectInfo("recv", "no ref"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="info"):
        socket.cancel(sock, SelectInfo("no such operation", make_ref()))  # type: ignore[arg-type]


@in_runtime
async def test_anything_but_a_socket_is_refused() -> None:
    with pytest.raises(TypeError, match="sock"):
        socket.cancel("no socket", SelectInfo("recv", make_ref()))  # type: ignore[arg-type]
