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
from actorsock.socket import Msg, SelectInfo, Socket

from ..stories import open_descriptors
from .support_data import ANYWHERE, connected, in_runtime, listener, over_ip

# --- every function, and arguments that it accepts ----------------------------------------------

HERE = ("127.0.0.1", 9)
MAP = {"family": "inet", "addr": "loopback", "port": 9}
INFO = object()
"""Stands for the select info of an operation that waits."""

ACCEPTED: dict[str, dict[str, Any]] = {
    "accept": {"timeout": 0},
    "accept_nowait": {"ref": None},
    "bind": {"addr": "loopback"},
    "cancel": {"info": INFO},
    "close": {},
    "connect": {"addr": HERE, "timeout": 0},
    "connect_nowait": {"addr": HERE, "ref": None},
    "getopt": {"level": "socket", "option": "type"},
    "ioctl": {},
    "listen": {"backlog": 5},
    "peername": {},
    "recv": {"length": 0, "flags": [], "timeout": 0},
    "recv_nowait": {"length": 0, "flags": [], "ref": None},
    "recvfrom": {"bufsize": 0, "flags": [], "timeout": 0},
    "recvfrom_nowait": {"bufsize": 0, "flags": [], "ref": None},
    "recvmsg": {"bufsize": 0, "ctrlsize": 0, "flags": [], "timeout": 0},
    "recvmsg_nowait": {"bufsize": 0, "ctrlsize": 0, "flags": [], "ref": None},
    "send": {"data": b"x", "flags": [], "timeout": 0},
    "send_nowait": {"data": b"x", "flags": [], "ref": None},
    "sendfile": {"file": 0, "offset": 0, "count": 0, "timeout": 0},
    "sendfile_nowait": {"file": 0, "offset": 0, "count": 0, "ref": None},
    "sendmsg": {"msg": {"iov": [b"x"]}, "flags": [], "timeout": 0},
    "sendmsg_nowait": {"msg": {"iov": [b"x"]}, "flags": [], "ref": None},
    "sendto": {"data": b"x", "dest": HERE, "flags": [], "timeout": 0},
    "sendto_nowait": {"data": b"x", "dest": HERE, "flags": [], "ref": None},
    "sendv": {"iov": [b"x"], "timeout": 0},
    "sendv_nowait": {"iov": [b"x"], "ref": None},
    "setopt": {"level": "socket", "option": "keepalive", "value": True},
    "shutdown": {"how": "read_write"},
    "sockname": {},
}
"""The functions that a closed socket answers with "closed": what they take besides it."""

STILL_WORKING = {"info", "monitor", "monitored_by", "which_monitors"}
"""Those that take a socket and don't mind that it is closed."""

WITHOUT_SOCKET: dict[str, dict[str, Any]] = {
    "cancel_monitor": {"ref": None},
    "is_supported": {},
    "number_of": {},
    "number_of_monitors": {"pid": None},
    "open": {
        "domain": "inet",
        "type": "stream",
        "protocol": "tcp",
        "netns": None,
        "debug": False,
        "use_registry": None,
    },
    "open_fd": {
        "fd": 0,
        "dup": True,
        "domain": None,
        "type": None,
        "protocol": None,
        "debug": False,
        "use_registry": None,
    },
    "supports": {},
    "use_registry": {"flag": True},
    "which_sockets": {"filter": None},
}


def test_the_tables_know_every_function() -> None:
    public = {name for name in socket.__all__ if inspect.isfunction(getattr(socket, name))}
    assert public == ACCEPTED.keys() | WITHOUT_SOCKET.keys() | STILL_WORKING
    for name, keywords in (ACCEPTED | WITHOUT_SOCKET).items():
        parameters = inspect.signature(getattr(socket, name)).parameters.values()
        named = {p.name for p in parameters if p.kind is not inspect.Parameter.VAR_POSITIONAL}
        given = keywords.keys() | ({"sock"} if name in ACCEPTED else set())
        assert given - {"request"} == named - {"request"}, name


# --- values that are wrong ----------------------------------------------------------------------

NO_SIZE = [-1, 2**31, 2**63, 1.0, "1", b"1", None, True]
NO_SECONDS = [-1, -0.001, -math.inf, math.nan, "1", None, True, 1j]
NO_REF = [5, "ref", object(), True]
NO_FLAGS = ["peek", 5, None, ["foo"], [-1], [2**31], [1.0], [True], [None], [["peek"]]]
NO_DATA = ["text", 5, None, ["text"], [1], [b"x", [None]], object(), {}, 1.0]
NO_ADDRESS = [
    5,
    "name",
    b"name",
    (),
    ("127.0.0.1",),
    ("127.0.0.1", "80"),
    ("127.0.0.1", None),
    ("127.0.0.1", -1),
    ("127.0.0.1", 65_536),
    ("127.0.0.1", 9, 0, 0),
    ("nowhere.example", 80),
    ("1.2.3", 80),
    (None, 80),
    ["127.0.0.1", 80],
    {},
    {"addr": "loopback", "port": 9},
    {"family": "foo"},
    {"family": None},
    {**MAP, "extra": 1},
    {**MAP, "flowinfo": 0},
    {**MAP, "port": "http"},
    {**MAP, "port": 70_000},
    {**MAP, "addr": "::1"},
    {**MAP, "addr": (127, 0, 0)},
    {**MAP, "addr": (127, 0, 0, 256)},
    {"family": "inet6", "addr": "broadcast"},
    {"family": "inet6", "addr": "::1", "scope_id": -1},
    {"family": "local"},
    {"family": "local", "path": 5},
    {"family": "local", "path": "x" * 108},
    {"family": "local", "path": b"\0" + b"x" * 108},
    {"family": "unspec", "addr": "text"},
    {"family": 2, "addr": None},
]
NO_PIECES = [None, 5, b"bytes", "text", ["text"], [5], [[b"x"]], {}]
NO_MESSAGE = [
    None,
    5,
    b"bytes",
    [b"bytes"],
    {},
    {"addr": HERE},
    *({"iov": iov} for iov in NO_PIECES),
    Msg(iov=[5]),
    {"iov": [b"x"], "addr": 5},
    {"iov": [b"x"], "addr": {}},
    {"iov": [b"x"], "ctrl": 5},
    {"iov": [b"x"], "ctrl": [5]},
    {"iov": [b"x"], "ctrl": [{}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl"}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl", "value": 1, "data": b"x"}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "foo", "value": 1}]},
    {"iov": [b"x"], "ctrl": [{"level": "foo", "type": "ttl", "value": 1}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl", "value": "many"}]},
    {"iov": [b"x"], "ctrl": [{"level": 0, "type": 2, "data": bytes(5000)}]},
]

WRONG: dict[str, list[Any]] = {
    "sock": [None, 5, "sock", object(), Socket],
    "addr": NO_ADDRESS,
    "backlog": ["5", None, 1.0, True, 2**31, -(2**31) - 1],
    "bufsize": NO_SIZE,
    "count": [-1, 1.0, "1", None, True, 2**63],
    "ctrlsize": NO_SIZE,
    "data": NO_DATA,
    "debug": [1, None, "yes"],
    "dest": [None, *NO_ADDRESS],
    "domain": ["foo", "INET", b"inet", 1.0, None, True, 2**31],
    "dup": [1, None, "yes"],
    "fd": ["3", None, 1.0, True, -1, 2**31],
    "file": [None, "name", b"name", 1.0, True, -1, 2**31, object()],
    "filter": ["raw", "foo", 5, b"inet"],
    "flag": [1, None, "yes"],
    "use_registry": [0, 1, "yes"],
    "flags": NO_FLAGS,
    "how": ["both", "", None, 5, b"read"],
    "info": [None, 5, "info", object(), SelectInfo],
    "iov": NO_PIECES,
    "length": NO_SIZE,
    "level": ["foo", None, 1.0, b"socket", True],
    "msg": NO_MESSAGE,
    "netns": [5, b"/proc/self/ns/net"],
    "offset": [1.0, "1", None, True, 2**63],
    "option": ["foo", None, 1.0, b"type", ("type",), ("type", 1, 2)],
    "pid": [5, "pid", object()],
    "protocol": ["foo", 1.0, b"tcp", ("raw", "tcp"), ("foo", 1), [], True, 2**31],
    "ref": NO_REF,
    "timeout": NO_SECONDS,
    "type": ["foo", "rdm", b"stream", 1.0, None, True, 2**31],
    "value": [1, 0, None, "yes", [], b"\1"],
}

# Where a value means something after all.
UNLESS: dict[tuple[str, str], list[Any]] = {
    ("bind", "addr"): ["any", "loopback", "broadcast"],
    ("open_fd", "domain"): [None],
    ("open_fd", "type"): [None],
}
ALSO: dict[tuple[str, str], list[Any]] = {
    ("bind", "addr"): [None],
    ("connect", "addr"): [None, "loopback"],
    ("cancel_monitor", "ref"): [None],
}

# What may be named instead of the argument: a part of it, or the option that it is for.
NAMED: dict[tuple[str, str], str] = {
    ("sendmsg", "msg"): "msg|addr|ctrl|iov",
    ("sendmsg_nowait", "msg"): "msg|addr|ctrl|iov",
    ("setopt", "value"): "value|option",
    ("getopt", "level"): "level|option",
}


def _cases() -> Iterator[Any]:
    for name, keywords in (ACCEPTED | WITHOUT_SOCKET).items():
        names = [*keywords, "sock"] if name in ACCEPTED else list(keywords)
        for argument in names:
            yield pytest.param(name, argument, id=f"{name}-{argument}")
    for name in sorted(STILL_WORKING - {"which_monitors", "info"}):
        yield pytest.param(name, "sock", id=f"{name}-sock")


async def call(name: str, sock: Socket | None, keywords: dict[str, Any]) -> Any:
    """Call a function, and wait for it if it is one to be awaited."""
    function = getattr(socket, name)
    arguments = {"sock": sock, **keywords} if name not in WITHOUT_SOCKET else keywords
    if name == "ioctl":
        arguments = {"request": "nread", **arguments}
    answer = function(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize(("name", "argument"), list(_cases()))
@in_runtime
async def test_a_wrong_argument_is_named(name: str, argument: str, state: str) -> None:
    named = NAMED.get((name, argument), argument)
    wrong = [
        value
        for value in WRONG[argument] + ALSO.get((name, argument), [])
        if not any(value is also or value == also for also in UNLESS.get((name, argument), []))
    ]
    async with connected() as (sock, _):
        accepted = dict(ACCEPTED.get(name) or WITHOUT_SOCKET.get(name) or {})
        if accepted.get("info") is INFO:
            selected = socket.recv_nowait(sock)
            assert isinstance(selected, Select)
            accepted["info"] = selected.info
        if state == "closed":
            ok(await socket.close(sock))
            await receive(after=0)
        before = _everything(sock)
        for value in wrong:
            with pytest.raises((TypeError, ValueError), match=rf"\b({named})\b") as caught:
                await call(name, sock, {**accepted, argument: value})
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
async def test_requests_that_are_wrong() -> None:
    async with connected() as (sock, _):
        for state in ("open", "closed"):
            for request in (None, 5, "foo", b"nread", "NREAD"):
                with pytest.raises((TypeError, ValueError), match="request"):
                    socket.ioctl(sock, request)  # type: ignore[arg-type]
            for request, arguments in (
                ("nread", (1,)),
                ("gifname", ()),
                ("gifname", ("lo",)),
                ("gifmtu", (1,)),
                ("gifmtu", ("lo", 1)),
                ("sifmtu", ("lo", "many")),
            ):
                with pytest.raises((TypeError, ValueError)):
                    socket.ioctl(sock, request, *arguments)
            if state == "open":
                ok(await socket.close(sock))


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


@pytest.mark.parametrize("name", [name for name in ACCEPTED if "timeout" in ACCEPTED[name]])
@in_runtime
async def test_nothing_has_happened_when_a_timeout_is_wrong(name: str) -> None:
    async with connected() as (sock, peer):
        peer.sendall(b"data")
        for timeout in NO_SECONDS:
            with pytest.raises((TypeError, ValueError), match="timeout"):
                await call(name, sock, {**ACCEPTED[name], "timeout": timeout})
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


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("domain", ["inet", "inet6", "local"])
@in_runtime
async def test_a_closed_socket_says_so(name: str, domain: str) -> None:
    for sock in (listener(domain), ok(socket.open(domain, "stream"))):
        keywords = dict(ACCEPTED[name])
        for argument in keywords.keys() & {"addr", "dest"}:
            keywords[argument] = ANYWHERE[domain]
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
async def test_what_is_known_of_a_closed_socket() -> None:
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
