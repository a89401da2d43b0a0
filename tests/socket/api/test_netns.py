"""Sockets in another network namespace, which a child process keeps for the test."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from actorsock import Error, Ok, ok, socket
from actorsock.socket import Socket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")

OURS = "/proc/thread-self/ns/net"


@pytest.fixture
def up(netns: str, runtime: None) -> str:
    """The namespace with its loopback interface up."""
    sock = ok(socket.open("inet", "dgram", netns=netns))
    match socket.ioctl(sock, "sifflags", "lo", {"up": True}):
        case Error("eperm" as reason):
            pytest.skip(f"interfaces can't be changed: {reason}")
        case result:
            ok(result)
    return netns


def opened(netns: str, *kind: Any) -> Socket:
    match socket.open(*kind, netns=netns):
        case Error("eperm" as reason):
            pytest.skip(f"namespaces can't be entered: {reason}")
        case result:
            return ok(result)


async def test_a_socket_lives_in_the_namespace_it_was_opened_in(netns: str, runtime: None) -> None:
    there, here = opened(netns, "inet", "dgram"), ok(socket.open("inet", "dgram"))
    names = {
        sock: {interface.name for interface in ok(socket.ioctl(sock, "gifconf"))}
        for sock in (there, here)
    }
    assert "lo" in names[here]
    assert names[there] == set()
    # Its loopback interface is down: nothing can be reached.
    assert await socket.connect(there, ("127.0.0.1", 9)) == Error("enetunreach")
    assert await socket.connect(here, ("127.0.0.1", 9)) == Ok()


async def test_sockets_of_one_namespace_reach_each_other(up: str) -> None:
    # The same address here is another one.
    here = ok(socket.open("inet", "stream"))
    ok(socket.bind(here, "loopback"))
    ok(socket.listen(here))
    address = ok(socket.sockname(here))
    listener = ok(socket.open("inet", "stream", netns=up))
    ok(socket.bind(listener, address))
    ok(socket.listen(listener))
    client = ok(socket.open("inet", "stream", netns=up))
    ok(await socket.connect(client, address))
    server = ok(await socket.accept(listener))
    ok(await socket.send(client, b"hello"))
    assert await socket.recv(server, 5) == Ok(b"hello")
    assert await socket.accept(here, timeout=0) == Error("timeout")


async def test_nothing_listens_there_that_listens_here(up: str) -> None:
    here = ok(socket.open("inet", "stream"))
    ok(socket.bind(here, "loopback"))
    ok(socket.listen(here))
    client = ok(socket.open("inet", "stream", netns=up))
    assert await socket.connect(client, ok(socket.sockname(here))) == Error("econnrefused")


async def test_abstract_names_are_of_one_namespace(netns: str, runtime: None) -> None:
    here, there = ok(socket.open("local", "dgram")), opened(netns, "local", "dgram")
    name = f"\0actorsock-{os.getpid()}".encode()
    ok(socket.bind(here, {"family": "local", "path": name}))
    ok(socket.bind(there, {"family": "local", "path": name}))


async def test_the_program_stays_where_it_is(netns: str, runtime: None) -> None:
    ours, threads = os.stat(OURS).st_ino, threading.active_count()
    for _ in range(5):
        opened(netns, "inet", "stream")
    assert os.stat(OURS).st_ino == ours
    assert threading.active_count() == threads
    names = {i.name for i in ok(socket.ioctl(ok(socket.open("inet", "dgram")), "gifconf"))}
    assert "lo" in names


async def test_our_own_namespace_by_name(runtime: None) -> None:
    sock = opened("/proc/self/ns/net", "inet", "dgram")
    assert await socket.connect(sock, ("127.0.0.1", 9)) == Ok()


async def test_wrong_arguments_open_nothing_in_a_namespace(netns: str, runtime: None) -> None:
    opened(netns, "inet", "dgram")
    assert socket.open("inet", "dgram", "tcp", netns=netns) == Error("eprotonosupport")
    assert socket.open(999, "stream", netns=netns) == Error("eafnosupport")
    with pytest.raises(ValueError, match="type"):
        socket.open("inet", "rdm", netns=netns)
    assert socket.info().counters["num_sockets"] == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/no/such/namespace", "enoent"),
        ("", "enoent"),
        ("/proc/self\0/ns/net", "enoent"),
        ("/proc/self/status/net", "enotdir"),
        ("/proc/self/status", "einval"),
        ("/proc/self/ns/mnt", "einval"),
        ("/proc/self", "einval"),
    ],
)
async def test_a_path_that_leads_to_no_namespace(path: str, reason: str, runtime: None) -> None:
    assert socket.open("inet", "stream", netns=path) == Error(reason)
    assert socket.info().counters["num_sockets"] == 0


@pytest.mark.parametrize("wrong", [1, b"/proc/self/ns/net", Path("/proc/self/ns/net"), True])
async def test_the_path_is_a_str(wrong: Any, runtime: None) -> None:
    with pytest.raises(TypeError, match="netns: expected the path of a network namespace"):
        socket.open("inet", "stream", netns=wrong)


async def test_support_can_be_asked_for() -> None:
    assert socket.is_supported("netns") is True
    assert socket.supports()["netns"] is True
