"""Wrong arguments are raised, naming the argument, before anything else happens.

Every public function is called with every wrong value of every one of its arguments, on an open
and on a closed socket. And what is not the caller's mistake is answered: `"closed"` from every
function of a closed socket, and the system's own reasons.
"""

import inspect
import math
import socket as stdlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from actorsock import Error, Ok, Select, Timeout, current_pid, make_ref, ok, receive, socket
from actorsock.socket import Socket

from ...stories import open_descriptors
from ..support_data import ANYWHERE, connected, in_runtime, listener, over_ip
from .description import (
    IN,
    INFO_OF_A_WAITING_CALL,
    NO_SECONDS,
    accepted,
    argument,
    parameters,
    public_functions,
)

SOCKET_FUNCTIONS = [
    name
    for name in public_functions(socket)
    if [p.name for p in parameters(getattr(socket, name))][:1] == ["sock"]
]
STILL_WORKING = {"info", "monitor", "monitored_by"}
"""Those that accept a closed socket."""

ANSWER_CLOSED = [name for name in SOCKET_FUNCTIONS if name not in STILL_WORKING]
WITHOUT_SOCKET = [name for name in public_functions(socket) if name not in SOCKET_FUNCTIONS]


def _cases() -> Iterator[Any]:
    for name in public_functions(socket):
        for parameter in parameters(getattr(socket, name)):
            if argument(name, parameter.name).wrong and (name, parameter.name) != ("info", "sock"):
                yield pytest.param(name, parameter.name, id=f"{name}-{parameter.name}")


async def call(name: str, sock: Socket | None, keywords: dict[str, Any]) -> Any:
    """Call a function, and wait for it if it is one to be awaited."""
    function = getattr(socket, name)
    arguments = {"sock": sock, **keywords} if name not in WITHOUT_SOCKET else keywords
    if name == "ioctl":
        arguments = {"request": "nread", **arguments}
    answer = function(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize(("name", "parameter"), list(_cases()))
@in_runtime
async def test_a_wrong_argument_is_named(name: str, parameter: str, state: str) -> None:
    change = IN.get((name, parameter))
    named = (change and change.named) or parameter
    async with connected() as (sock, _):
        given = accepted(name)
        if given.get("info") is INFO_OF_A_WAITING_CALL:
            selected = socket.recv_nowait(sock)
            assert isinstance(selected, Select)
            given["info"] = selected.info
        if state == "closed":
            ok(await socket.close(sock))
            await receive(after=0)
        before = _everything(sock)
        for value in argument(name, parameter).wrong:
            with pytest.raises((TypeError, ValueError), match=rf"\b({named})\b") as caught:
                await call(name, sock, {**given, parameter: value})
            assert type(caught.value) in (TypeError, ValueError), value
            assert _everything(sock) == before, value
        assert await receive(after=0) == Timeout()


def _everything(sock: Socket) -> Any:
    return socket.info(sock), socket.number_of(), open_descriptors()


@in_runtime
async def test_a_wrong_address_is_named_by_one_name() -> None:
    async with connected() as (sock, _):
        with pytest.raises(TypeError, match=r"^dest 3: [^:]+$"):
            await socket.sendto(sock, b"x", 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"^msg: its addr 3: [^:]+$"):
            await socket.sendmsg(sock, {"iov": [b"x"], "addr": 3})
        with pytest.raises(TypeError, match=r"^value 3: [^:]+$"):
            socket.ioctl(sock, "sifaddr", "lo", 3)


@in_runtime
async def test_questions_that_are_wrong() -> None:
    for wrong in (5, "sock", object()):
        with pytest.raises(TypeError, match="sock"):
            socket.info(wrong)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="who"):
            socket.which_monitors(wrong)  # type: ignore[arg-type]
    for keys in ((), (1, 2, 3, 4)):
        with pytest.raises(TypeError, match="is_supported"):
            socket.is_supported(*keys)
    with pytest.raises(TypeError, match="supports"):
        socket.supports(1, 2, 3)


@pytest.mark.parametrize("name", [name for name in ANSWER_CLOSED if "timeout" in accepted(name)])
@in_runtime
async def test_nothing_has_happened_when_a_timeout_is_wrong(name: str) -> None:
    async with connected() as (sock, peer):
        peer.sendall(b"data")
        for timeout in NO_SECONDS:
            with pytest.raises((TypeError, ValueError), match="timeout"):
                await call(name, sock, {**accepted(name), "timeout": timeout})
        ok(socket.shutdown(sock, "write"))
        assert await socket.recv(sock, 4) == Ok(b"data")
        assert peer.recv(10) == b""


@in_runtime
async def test_wrong_flags_disturb_nobody() -> None:
    async with connected() as (sock, peer):
        selected = socket.recv_nowait(sock)
        assert isinstance(selected, Select)
        with pytest.raises(ValueError, match="flags"):
            await socket.recv(sock, 0, ["foo"])
        with pytest.raises(ValueError, match="length"):
            socket.recv_nowait(sock, -1)
        peer.sendall(b"x")
        assert (await receive()).ref is selected.info.ref


# --- a closed socket ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWER_CLOSED)
@pytest.mark.parametrize("domain", ["inet", "inet6", "local"])
@in_runtime
async def test_a_closed_socket_says_so(name: str, domain: str) -> None:
    for sock in (listener(domain), ok(socket.open(domain, "stream"))):
        keywords = accepted(name)
        for parameter in keywords.keys() & {"addr", "dest"}:
            keywords[parameter] = ANYWHERE[domain]
        if "info" in keywords:
            selected = socket.accept_nowait(sock)
            if not isinstance(selected, Select):
                continue
            keywords["info"] = selected.info
        ok(await socket.close(sock))
        assert await call(name, sock, keywords) == Error("closed")
        while "timeout" in keywords:
            assert await call(name, sock, {**keywords, "timeout": math.inf}) == Error("closed")
            del keywords["timeout"]


@in_runtime
async def test_information_about_a_closed_socket() -> None:
    async with connected() as (sock, _):
        ok(await socket.close(sock))
        assert socket.info(sock).owner is None
        assert "closed" in socket.info(sock).rstates
        ref = socket.monitor(sock)
        assert await receive(after=0) == socket.SocketDown(ref, sock)
        assert socket.monitored_by(sock) == []
        assert socket.which_monitors(sock) == socket.which_monitors(current_pid()) == []
        assert socket.cancel_monitor(ref) is False
        assert socket.cancel_monitor(make_ref()) is False
        assert socket.getopt(sock, "otp", "use_registry") == Ok(True)


# --- reasons of the system ----------------------------------------------------------------------


@over_ip
@in_runtime
async def test_nobody_listens(domain: str) -> None:
    async with listener(domain) as listening:
        name = ok(socket.sockname(listening))
    async with ok(socket.open(domain, "stream")) as sock:
        assert await socket.connect(sock, name) == Error("econnrefused")
        assert socket.peername(sock) == Error("enotconn")


@over_ip
@in_runtime
async def test_names_that_are_taken_or_not_ours(domain: str) -> None:
    async with listener(domain) as listening, ok(socket.open(domain, "stream")) as sock:
        assert socket.bind(sock, ok(socket.sockname(listening))) == Error("eaddrinuse")
        elsewhere = {"inet": "192.0.2.1", "inet6": "2001:db8::1"}[domain]
        assert socket.bind(sock, (elsewhere, 0)) == Error("eaddrnotavail")
        assert ok(socket.bind(sock, ANYWHERE[domain])) > 0
        assert socket.bind(sock, ANYWHERE[domain]) == Error("einval")


@in_runtime
async def test_kinds_of_sockets_that_the_system_lacks() -> None:
    for arguments, reason in (
        (("inet", "dgram", "tcp"), "eprotonosupport"),
        (("inet", "stream", "udp"), "eprotonosupport"),
        (("local", "stream", "tcp"), "eprotonosupport"),
        ((999, "stream"), "eafnosupport"),
        (("unspec", "stream"), "eafnosupport"),
        (("inet", 999), "einval"),
    ):
        assert socket.open(*arguments) == Error(reason), arguments
    assert socket.open("inet", "stream", netns="/no/such") == Error("enoent")


@in_runtime
async def test_a_connected_socket_has_no_second_life() -> None:
    async with connected() as (sock, peer):
        name = peer.getsockname()
        assert await socket.connect(sock, name) == Error("eisconn")
        assert socket.connect_nowait(sock, name) == Error("eisconn")
        assert socket.connect_nowait(sock) == Error("state")
        assert socket.listen(sock) == Error("einval")
        assert await socket.accept(sock) == Error("einval")
        assert socket.accept_nowait(sock) == Error("einval")


@in_runtime
async def test_an_unconnected_socket() -> None:
    async with ok(socket.open("inet", "stream")) as sock:
        assert await socket.accept(sock) == Error("einval")
        assert socket.shutdown(sock, "write") == Error("enotconn")
        assert socket.peername(sock) == Error("enotconn")
        assert await socket.recv(sock) == Error("enotconn")
        assert await socket.send(sock, b"x") == Error("epipe")
    async with ok(socket.open("inet", "dgram")) as sock:
        assert socket.listen(sock) == Error("enotsup")
        assert await socket.accept(sock) == Error("enotsup")
        assert socket.shutdown(sock, "read") == Error("enotconn")
        assert await socket.send(sock, b"x") == Error("edestaddrreq")


@in_runtime
async def test_a_descriptor_closed_behind_our_back() -> None:
    with closing(stdlib.socket()) as foreign:
        sock = ok(socket.open_fd(foreign.fileno(), dup=False))
    assert await socket.recv(sock) == Error("ebadf")
    assert socket.recv_nowait(sock) == Error("ebadf")
    assert await socket.send(sock, b"x") == Error("ebadf")
    assert socket.sockname(sock) == Error("ebadf")
    assert await socket.close(sock) == Ok()


@in_runtime
async def test_a_file_that_is_not_open() -> None:
    async with connected() as (sock, _):
        assert await socket.sendfile(sock, 9999) == Error("ebadf")
        assert socket.sendfile_nowait(sock, 9999) == Error("ebadf")


def test_outside_of_a_runtime() -> None:
    with pytest.raises(RuntimeError, match="runtime"):
        socket.open("inet", "stream")
    with pytest.raises(RuntimeError, match="runtime"):
        socket.number_of()
