"""Listening on every address of a host name."""

import errno
import socket as stdlib
from typing import Any

import pytest
import trio

from actorsock import (
    Ok,
    Pid,
    current_pid,
    ok,
    open_tcp_listeners,
    open_tcp_stream,
    receive,
    send,
    socket,
    spawn_monitor,
)
from actorsock.streams.resolving import Resolved

from ..stories import in_runtime, no_more_descriptors
from .support import port_of

V4: Resolved = (stdlib.AF_INET, stdlib.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
V6: Resolved = (stdlib.AF_INET6, stdlib.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))
STRANGE: Any = (999, stdlib.SOCK_STREAM, 6, "", ("?", 0))


def let_resolve(monkeypatch: pytest.MonkeyPatch, *found: Resolved) -> None:
    async def resolve(*_: object, **__: object) -> list[Resolved]:
        return list(found)

    monkeypatch.setattr("actorsock.streams.listeners.resolve", resolve)


@in_runtime
async def test_the_caller_owns_a_listener_for_each_address() -> None:
    (listener,) = await open_tcp_listeners(0, host="127.0.0.1")
    assert socket.info(listener.socket).owner is current_pid()
    assert socket.getopt(listener.socket, "socket", "reuseaddr") == Ok(True)
    here = await open_tcp_stream("127.0.0.1", port_of(listener))
    there = await listener.accept()
    await here.send_all(b"hello")
    assert await there.receive_some() == b"hello"


@in_runtime
async def test_without_a_host_all_addresses() -> None:
    listeners = await open_tcp_listeners(0)
    domains = [ok(socket.getopt(listener.socket, "otp", "domain")) for listener in listeners]
    assert "inet" in domains
    for listener, domain in zip(listeners, domains, strict=True):
        if domain == "inet6":  # a listener of its own, beside the one for IPv4
            assert socket.getopt(listener.socket, "ipv6", "v6only") == Ok(True)


@in_runtime
async def test_an_address_in_use_leaves_no_listener_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (taken,) = await open_tcp_listeners(0, host="127.0.0.1")
    name = ok(socket.sockname(taken.socket))
    assert isinstance(name, socket.SockAddrIn)
    let_resolve(monkeypatch, V4, (*V4[:4], (name.addr, name.port)))
    with pytest.raises(OSError, match="in use") as caught:
        await open_tcp_listeners(0)
    assert caught.value.errno == errno.EADDRINUSE
    assert socket.number_of() == 1


@in_runtime
async def test_an_unsupported_family_fails_only_without_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_resolve(monkeypatch, STRANGE, V4)
    assert len(await open_tcp_listeners(0)) == 1
    let_resolve(monkeypatch, STRANGE, STRANGE)
    with pytest.raises(OSError, match="address family") as caught:
        await open_tcp_listeners(0, host="host")
    assert caught.value.errno == errno.EAFNOSUPPORT
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert len(caught.value.__cause__.exceptions) == 2


@in_runtime
async def test_no_more_descriptors() -> None:
    await open_tcp_listeners(0, host="127.0.0.1")
    with no_more_descriptors(), pytest.raises(OSError, match="Too many open files"):
        await open_tcp_listeners(0, host="127.0.0.1")


@in_runtime
async def test_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def listen(sock: socket.Socket, backlog: int) -> object:
        asked.append(backlog)
        return socket.listen(sock, backlog)

    monkeypatch.setattr("actorsock.streams.listeners.listen", listen)
    for backlog in (None, 7, 10**9):
        await open_tcp_listeners(0, host="127.0.0.1", backlog=backlog)
    assert asked == [0xFFFF, 7, 0xFFFF]


@in_runtime
async def test_a_light_process_listens() -> None:
    async def light(parent: Pid) -> None:
        (listener,) = await open_tcp_listeners(0, host="localhost")
        send(parent, socket.info(listener.socket).owner)

    pid, down = spawn_monitor(light, current_pid(), light=True)
    assert await receive(Pid) is pid
    assert (await receive(down)).reason == "normal"


@in_runtime
async def test_wrong_arguments() -> None:
    wrong: list[tuple[type[Exception], str, Any, dict[str, Any]]] = [
        (TypeError, "port", "80", {}),
        (TypeError, "port", None, {}),
        (ValueError, "port", -1, {}),
        (TypeError, "backlog", 0, {"backlog": "5"}),
        (TypeError, "backlog", 0, {"backlog": True}),
    ]
    for raised, argument, port, keywords in wrong:
        with pytest.raises(raised, match=f"^{argument}: "):
            await open_tcp_listeners(port, **keywords)
    with trio.CancelScope() as scope:
        scope.cancel()
        await open_tcp_listeners(0)
    assert scope.cancelled_caught
