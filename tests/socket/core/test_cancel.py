"""Cancelling an operation that waits: by its own process only, and nothing else is touched."""

from typing import Any

import pytest

from actorsock import Error, Ok, make_ref, ok, send, socket, spawn_handler
from actorsock.socket import SelectInfo

from ...stories import in_runtime, until
from ..support import (
    CASES,
    Case,
    Worker,
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


@pytest.mark.parametrize("tag", [tag for tags in SAME_CLASS.values() for tag in sorted(tags)])
@every_kind
@in_runtime
async def test_only_the_class_of_the_tag_counts(kind: str, tag: Any) -> None:
    [a] = workers(1)
    it, info = await pending(kind, a)
    unknown = SelectInfo(info.tag, make_ref())
    assert await a.ask(socket.cancel, it.sock, unknown) == Error("select_info")
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
