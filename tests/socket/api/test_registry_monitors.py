"""The registry: which sockets there are; and monitors, which tell when one closes.

Monitors of sockets are told in the scenarios too (`tests/conformance/scenarios/counting.txt`).
"""

import sys
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    make_ref,
    ok,
    open_runtime,
    process_info,
    receive,
    send,
    socket,
    spawn,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.socket import Socket, SocketDown, SocketInfo
from actorsock.socket.core.registry import Registry
from actorsock.socket.core.service import service_of

from ...sockets import listening, tcp
from ..support import give
from ..support_data import local_pair, result_of, tcp_pair

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")


def registry() -> Registry:
    return service_of(current_process().node).registry


def nothing_is_watched() -> bool:
    return not registry().monitored and not registry().watchers


async def does(function: Any, *args: Any) -> tuple[Pid, Any]:
    """A process that has made the call and stays until it gets a message, and the result."""

    async def process(dest: Pid) -> None:
        send(dest, (current_pid(), function(*args)))
        await receive()

    pid = spawn(process, current_pid())
    return pid, await result_of(pid)


async def ends(pid: Pid) -> None:
    """`pid` ends, and every other process has been notified."""
    send(pid, "end")
    await wait_all_tasks_blocked()


# --- which sockets there are -----------------------------------------------------------------


async def test_sockets_are_listed_while_they_are_open(runtime: None) -> None:
    assert (socket.number_of(), socket.which_sockets()) == (0, [])
    first, second = tcp(), tcp()
    assert socket.number_of() == 2
    assert set(socket.which_sockets()) == {first, second}
    ok(await socket.close(first))
    assert socket.which_sockets() == [second]
    ok(await socket.close(second))
    assert socket.number_of() == 0
    connected, adopted = await tcp_pair(), local_pair()
    assert set(socket.which_sockets()) == {*connected, *adopted}


async def test_each_runtime_has_its_own() -> None:
    async with open_runtime():
        tcp()
    async with open_runtime():
        assert socket.number_of() == 0


OPENED: dict[str, tuple[Any, ...]] = {
    "tcp": ("inet", "stream"),
    "udp": ("inet", "dgram"),
    "tcp6": ("inet6", "stream"),
    "udp6": ("inet6", "dgram"),
    "local": ("local", "stream"),
    "packets": ("local", "seqpacket"),
}


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("inet", "tcp udp"),
        ("inet6", "tcp6 udp6"),
        ("local", "local packets"),
        ("stream", "tcp tcp6 local"),
        ("dgram", "udp udp6"),
        ("seqpacket", "packets"),
        ("tcp", "tcp tcp6"),
        ("udp", "udp udp6"),
        ("sctp", ""),
    ],
)
async def test_a_word_chooses(word: str, names: str, runtime: None) -> None:
    opened = {name: ok(socket.open(*kind)) for name, kind in OPENED.items()}
    assert set(socket.which_sockets(word)) == {opened[name] for name in names.split()}


async def test_a_pid_chooses_what_it_owns(runtime: None) -> None:
    mine = tcp()
    other, theirs = await does(tcp)
    assert socket.which_sockets(current_pid()) == [mine]
    assert socket.which_sockets(other) == [theirs]
    ok(give(mine, other))
    assert socket.which_sockets(current_pid()) == []
    assert set(socket.which_sockets(other)) == {mine, theirs}
    await ends(other)
    assert socket.which_sockets(other) == []


async def test_a_function_chooses_by_the_info(runtime: None) -> None:
    bound, _ = tcp(), tcp()
    ok(socket.bind(bound, "loopback"))
    assert socket.which_sockets(lambda info: "bound" in info.rstates) == [bound]
    assert len(socket.which_sockets(lambda info: info.owner is current_pid())) == 2
    # What is no bool does not choose.
    assert socket.which_sockets(lambda info: info.rstates) == []
    assert socket.which_sockets(lambda info: 1) == []

    def fails(info: SocketInfo) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        socket.which_sockets(fails)
    # A function may open sockets meanwhile.
    assert len(socket.which_sockets(lambda info: tcp() is not None)) == 2
    assert socket.number_of() == 4


@pytest.mark.parametrize("wrong", ["INET", "ip", 3, ("inet",), b"inet", make_ref()])
async def test_a_wrong_filter_is_a_mistake(wrong: Any, runtime: None) -> None:
    error = ValueError if isinstance(wrong, str) else TypeError
    with pytest.raises(error, match="filter: expected"):
        socket.which_sockets(wrong)


# --- sockets that are not listed -------------------------------------------------------------


async def test_sockets_may_stay_out_of_the_registry(runtime: None) -> None:
    assert socket.info().debug is False
    socket.debug(True)
    assert socket.info().debug is True
    socket.debug(False)
    socket.use_registry(False)
    hidden = tcp()
    assert socket.info().use_registry is False
    assert socket.getopt(hidden, "otp", "use_registry") == Ok(False)
    assert (socket.number_of(), socket.which_sockets()) == (0, [])
    assert socket.info().counters["num_sockets"] == 1
    socket.use_registry(True)
    listed = tcp()
    assert socket.which_sockets() == [listed]
    ok(socket.setopt(hidden, "otp", "use_registry", True))
    assert set(socket.which_sockets()) == {hidden, listed}
    ok(await socket.close(hidden))
    assert socket.which_sockets() == [listed]


@pytest.mark.parametrize("others", [True, False])
async def test_each_socket_may_say_for_itself(others: bool, runtime: None) -> None:
    socket.use_registry(others)
    hidden = ok(socket.open("inet", "stream", use_registry=False))
    listed = ok(socket.open("inet", "stream", use_registry=True))
    number = ok(socket.getopt(listed, "otp", "fd"))
    from_fd = ok(socket.open_fd(number, use_registry=True))
    assert ok(socket.open_fd(number, use_registry=False)) != from_fd
    assert socket.getopt(hidden, "otp", "use_registry") == Ok(False)
    assert socket.getopt(listed, "otp", "use_registry") == Ok(True)
    assert socket.which_sockets() == [listed, from_fd]
    assert socket.getopt(ok(socket.open_fd(number)), "otp", "use_registry") == Ok(others)


async def test_a_socket_accepted_by_a_hidden_listener_is_hidden(runtime: None) -> None:
    socket.use_registry(False)
    listener, there = listening()
    socket.use_registry(True)
    client = tcp()
    ok(await socket.connect(client, there))
    accepted = ok(await socket.accept(listener))
    assert socket.getopt(accepted, "otp", "use_registry") == Ok(False)
    assert socket.which_sockets() == [client]


async def test_a_hidden_socket_closes_with_its_owner_and_is_listed_if_it_is_monitored(
    runtime: None,
) -> None:
    socket.use_registry(False)
    pid, sock = await does(tcp)
    await ends(pid)
    assert await socket.close(sock) == Error("closed")
    sock = tcp()
    socket.monitor(sock)
    assert socket.which_sockets() == [sock]
    assert socket.getopt(sock, "otp", "use_registry") == Ok(True)


# --- monitors --------------------------------------------------------------------------------


async def test_a_monitor_tells_once_that_the_socket_closes(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    assert await receive(after=0) == Timeout()
    ok(await socket.close(sock))
    assert await receive() == SocketDown(ref, sock, "closed")
    assert await receive(after=0) == Timeout()
    # Of a closed socket it does so at once.
    ref = socket.monitor(sock)
    assert await receive(after=0) == SocketDown(ref, sock)
    assert not socket.cancel_monitor(ref)
    assert nothing_is_watched()
    assert socket.number_of() == 0


async def test_a_monitor_tells_of_a_socket_that_is_given_to_the_dead(runtime: None) -> None:
    sock = tcp()
    pid, _ = await does(int)
    await ends(pid)
    ref = socket.monitor(sock)
    ok(give(sock, pid))
    assert await receive() == SocketDown(ref, sock)


async def test_of_several_monitors_the_latest_is_told_first(runtime: None) -> None:
    sock = tcp()
    refs = [socket.monitor(sock) for _ in range(3)]
    assert len(set(refs)) == 3
    ok(await socket.close(sock))
    assert [(await receive(SocketDown)).ref for _ in range(3)] == refs[::-1]


async def test_receive_waits_for_the_reference_of_a_monitor(runtime: None) -> None:
    first, second = tcp(), tcp()
    one, two = socket.monitor(first), socket.monitor(second)
    ok(await socket.close(first))
    ok(await socket.close(second))
    assert await receive(two) == SocketDown(two, second)
    assert await receive(one) == SocketDown(one, first)


async def test_a_cancelled_monitor_tells_nothing(runtime: None) -> None:
    sock = tcp()
    kept, gone = socket.monitor(sock), socket.monitor(sock)
    assert socket.cancel_monitor(gone) is True
    assert socket.cancel_monitor(gone) is False
    assert socket.cancel_monitor(make_ref()) is False
    # No other process cancels it.
    other, cancelled = await does(socket.cancel_monitor, kept)
    assert cancelled is False
    await ends(other)
    ok(await socket.close(sock))
    # Cancelling too late leaves the message.
    assert socket.cancel_monitor(kept) is False
    assert await receive() == SocketDown(kept, sock)
    assert await receive(after=0) == Timeout()


async def test_the_monitors_of_processes_and_sockets_are_listed(runtime: None) -> None:
    me = current_pid()
    first, second = tcp(), tcp()
    mine = [socket.monitor(first), socket.monitor(second), socket.monitor(first)]
    other, theirs = await does(socket.monitor, first)
    assert socket.number_of_monitors() == 4
    assert socket.number_of_monitors(me) == 3
    assert socket.number_of_monitors(other) == 1
    assert set(socket.which_monitors(me)) == set(mine)
    assert socket.which_monitors(other) == [theirs]
    assert set(socket.which_monitors(first)) == {mine[0], mine[2], theirs}
    assert socket.which_monitors(second) == [mine[1]]
    assert socket.monitored_by(first) == sorted((me, other), key=lambda pid: pid.number)
    assert socket.monitored_by(second) == [me]
    await ends(other)
    assert socket.which_monitors(other) == []
    assert socket.monitored_by(first) == [me]
    ok(await socket.close(first))
    assert socket.which_monitors(first) == []
    assert socket.monitored_by(first) == []
    assert socket.number_of_monitors() == socket.number_of_monitors(me) == 1


async def test_only_processes_and_sockets_have_monitors(runtime: None) -> None:
    with pytest.raises(TypeError, match="pid: expected a Pid"):
        socket.number_of_monitors(tcp())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="who: expected a Pid or a Socket"):
        socket.which_monitors(None)  # type: ignore[arg-type]


# --- nothing is left behind ------------------------------------------------------------------


async def test_the_monitors_of_the_dead_are_forgotten(runtime: None) -> None:
    sock = tcp()
    for _ in range(20):
        pid, refs = await does(lambda: [socket.monitor(sock) for _ in range(3)])
        assert len(refs) == 3
        await ends(pid)
    assert nothing_is_watched()
    assert socket.number_of_monitors() == 0
    ok(await socket.close(sock))
    assert await receive(after=0) == Timeout()


async def test_watching_many_sockets_leaves_nothing_behind(runtime: None) -> None:
    before = process_info(current_pid())
    refs = set()
    for number in range(30):
        sock = tcp()
        refs.add(socket.monitor(sock))
        if number % 2:
            assert socket.cancel_monitor(socket.monitor(sock))
        ok(await socket.close(sock))
    assert {(await receive(SocketDown)).ref for _ in refs} == refs
    assert nothing_is_watched()
    assert socket.number_of() == 0
    after = process_info(current_pid())
    assert before is not None
    assert after is not None
    assert after.monitored_by == before.monitored_by


async def test_a_monitor_outlives_giving_the_socket_away(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    pid, _ = await does(int)
    ok(give(sock, pid))
    send(pid, "end")
    assert await receive(ref) == SocketDown(ref, sock)


async def test_a_watcher_that_gave_its_socket_away_is_forgotten_when_it_dies(
    runtime: None,
) -> None:
    me = current_pid()

    def opens_watches_and_gives() -> Socket:
        sock = tcp()
        socket.monitor(sock)
        ok(give(sock, me))
        return sock

    pid, sock = await does(opens_watches_and_gives)
    assert socket.monitored_by(sock) == [pid]
    await ends(pid)
    assert nothing_is_watched()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(me)
