"""The registry: which sockets there are; and monitors, which tell when one closes."""

import socket as stdlib
import sys
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Ref,
    Timeout,
    current_pid,
    exit,
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

from ..support_data import result_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")


def tcp() -> Socket:
    return ok(socket.open("inet", "stream"))


def registry() -> Registry:
    return service_of(current_process().node).registry


def nothing_is_watched() -> bool:
    return not registry().monitored and not registry().watchers


def does(function: Any, *args: Any) -> Pid:
    """A process that makes the call, tells its result and stays until it gets a message."""

    async def process(dest: Pid) -> None:
        send(dest, (current_pid(), function(*args)))
        await receive()

    return spawn(process, current_pid())


async def ends(pid: Pid) -> None:
    """`pid` ends, and everybody has heard of it."""
    send(pid, "end")
    await wait_all_tasks_blocked()


# --- which sockets there are -----------------------------------------------------------------


async def test_sockets_are_listed_while_they_are_open(runtime: None) -> None:
    assert socket.number_of() == 0
    assert socket.which_sockets() == []
    first, second = tcp(), tcp()
    assert socket.number_of() == 2
    assert set(socket.which_sockets()) == {first, second}
    ok(await socket.close(first))
    assert socket.which_sockets() == [second]
    ok(await socket.close(second))
    assert socket.number_of() == 0


async def test_accepted_and_adopted_sockets_are_listed(runtime: None) -> None:
    listener, client = tcp(), tcp()
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    ok(await socket.connect(client, ok(socket.sockname(listener))))
    accepted = ok(await socket.accept(listener))
    left, right = stdlib.socketpair()
    with left, right:
        adopted = ok(socket.open_fd(left.fileno()))
    assert set(socket.which_sockets()) == {listener, client, accepted, adopted}


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
    other = does(tcp)
    theirs = await result_of(other)
    assert socket.which_sockets(current_pid()) == [mine]
    assert socket.which_sockets(other) == [theirs]
    ok(socket.setopt(mine, "otp", "controlling_process", other))
    assert socket.which_sockets(current_pid()) == []
    assert set(socket.which_sockets(other)) == {mine, theirs}
    await ends(other)
    assert socket.which_sockets(other) == []


async def test_a_function_chooses_by_the_info(runtime: None) -> None:
    bound, _ = tcp(), tcp()
    ok(socket.bind(bound, "loopback"))

    def is_bound(info: SocketInfo) -> bool:
        return "bound" in info.rstates

    assert socket.which_sockets(is_bound) == [bound]
    assert len(socket.which_sockets(lambda info: info.owner is current_pid())) == 2
    # What is no bool does not choose.
    assert socket.which_sockets(lambda info: info.rstates) == []
    assert socket.which_sockets(lambda info: 1) == []


async def test_a_function_that_fails_is_the_callers_affair(runtime: None) -> None:
    tcp()

    def fails(info: SocketInfo) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        socket.which_sockets(fails)


async def test_a_function_may_open_sockets_meanwhile(runtime: None) -> None:
    tcp()
    assert len(socket.which_sockets(lambda info: tcp() is not None)) == 1
    assert socket.number_of() == 2


@pytest.mark.parametrize("wrong", ["raw", "foo", "INET", "ip"])
async def test_an_unknown_word_is_a_mistake(wrong: str, runtime: None) -> None:
    with pytest.raises(ValueError, match="filter: expected one of 'inet'"):
        socket.which_sockets(wrong)


@pytest.mark.parametrize("wrong", [3, ("inet",), b"inet", make_ref()])
async def test_a_wrong_filter_is_a_mistake(wrong: Any, runtime: None) -> None:
    with pytest.raises(TypeError, match="filter: expected"):
        socket.which_sockets(wrong)


# --- sockets that are not listed -------------------------------------------------------------


async def test_sockets_may_stay_out_of_the_registry(runtime: None) -> None:
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


@pytest.mark.parametrize("wrong", [0, 1, "true"])
@pytest.mark.parametrize("setting", ["debug", "use_registry"])
async def test_a_setting_is_a_bool(setting: str, wrong: Any, runtime: None) -> None:
    with pytest.raises(TypeError, match=f"{setting}: expected a bool"):
        socket.open("inet", "stream", **{setting: wrong})
    sock = ok(socket.open("inet", "stream"))
    with pytest.raises(TypeError, match=f"{setting}: expected a bool"):
        socket.open_fd(ok(socket.getopt(sock, "otp", "fd")), **{setting: wrong})


async def test_a_socket_accepted_by_a_hidden_listener_is_hidden(runtime: None) -> None:
    socket.use_registry(False)
    listener = tcp()
    socket.use_registry(True)
    client = tcp()
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    ok(await socket.connect(client, ok(socket.sockname(listener))))
    accepted = ok(await socket.accept(listener))
    assert socket.getopt(accepted, "otp", "use_registry") == Ok(False)
    assert socket.which_sockets() == [client]


async def test_a_hidden_socket_closes_with_its_owner(runtime: None) -> None:
    socket.use_registry(False)
    pid = does(tcp)
    sock = await result_of(pid)
    await ends(pid)
    assert await socket.close(sock) == Error("closed")


async def test_a_monitored_socket_is_listed(runtime: None) -> None:
    socket.use_registry(False)
    sock = tcp()
    socket.monitor(sock)
    assert socket.which_sockets() == [sock]
    assert socket.getopt(sock, "otp", "use_registry") == Ok(True)


async def test_use_registry_takes_a_bool(runtime: None) -> None:
    for wrong in (1, None, "true"):
        with pytest.raises(TypeError, match="flag: expected a bool"):
            socket.use_registry(wrong)  # type: ignore[arg-type]


# --- monitors --------------------------------------------------------------------------------


async def test_a_monitor_tells_when_the_socket_closes(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    assert await receive(after=0) == Timeout()
    ok(await socket.close(sock))
    assert await receive() == SocketDown(ref, sock, "closed")
    assert await receive(after=0) == Timeout()
    assert nothing_is_watched()


async def test_a_monitor_tells_when_the_owner_ends(runtime: None) -> None:
    pid = does(tcp)
    sock = await result_of(pid)
    ref = socket.monitor(sock)
    exit(pid, "kill")
    assert await receive(ref) == SocketDown(ref, sock)


async def test_a_monitor_tells_when_a_socket_goes_to_the_dead(runtime: None) -> None:
    sock = tcp()
    pid = does(lambda: None)
    await result_of(pid)
    await ends(pid)
    ref = socket.monitor(sock)
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    assert await receive() == SocketDown(ref, sock)


async def test_every_monitoring_process_gets_a_message(runtime: None) -> None:
    sock = tcp()

    async def watcher(dest: Pid) -> None:
        ref = socket.monitor(sock)
        send(dest, "watching")
        send(dest, await receive() == SocketDown(ref, sock))

    for _ in range(3):
        spawn(watcher, current_pid())
    assert [await receive() for _ in range(3)] == ["watching"] * 3
    ok(await socket.close(sock))
    assert [await receive() for _ in range(3)] == [True] * 3


async def test_of_several_monitors_the_latest_is_told_first(runtime: None) -> None:
    sock = tcp()
    refs = [socket.monitor(sock) for _ in range(3)]
    assert len(set(refs)) == 3
    ok(await socket.close(sock))
    assert [(await receive(SocketDown)).ref for _ in range(3)] == refs[::-1]


async def test_a_closed_socket_is_down_at_once(runtime: None) -> None:
    sock = tcp()
    ok(await socket.close(sock))
    ref = socket.monitor(sock)
    assert await receive(after=0) == SocketDown(ref, sock)
    assert not socket.cancel_monitor(ref)
    assert nothing_is_watched()
    assert socket.number_of() == 0


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
    ok(await socket.close(sock))
    assert await receive() == SocketDown(kept, sock)
    assert await receive(after=0) == Timeout()
    assert socket.cancel_monitor(kept) is False


async def test_cancelling_too_late_leaves_the_message(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    ok(await socket.close(sock))
    assert socket.cancel_monitor(ref) is False
    assert await receive(after=0) == SocketDown(ref, sock)


async def test_nobody_cancels_the_monitor_of_another(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    other = does(socket.cancel_monitor, ref)
    assert await result_of(other) is False
    await ends(other)
    ok(await socket.close(sock))
    assert await receive() == SocketDown(ref, sock)


async def test_a_ref_that_is_no_monitor(runtime: None) -> None:
    assert socket.cancel_monitor(make_ref()) is False
    for wrong in (None, 3, "ref"):
        with pytest.raises(TypeError, match="ref: expected a Ref"):
            socket.cancel_monitor(wrong)  # type: ignore[arg-type]
    for wrong in (None, 3, "sock"):
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.monitor(wrong)  # type: ignore[arg-type]


async def test_the_monitors_of_processes_and_sockets_are_listed(runtime: None) -> None:
    me = current_pid()
    first, second = tcp(), tcp()
    mine = [socket.monitor(first), socket.monitor(second), socket.monitor(first)]
    other = does(socket.monitor, first)
    theirs = await result_of(other)
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
    for wrong in (None, 3, "who"):
        with pytest.raises(TypeError, match="who: expected a Pid or a Socket"):
            socket.which_monitors(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.monitored_by(wrong)  # type: ignore[arg-type]
    for wrong in (3, "pid"):
        with pytest.raises(TypeError, match="pid: expected a Pid"):
            socket.number_of_monitors(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pid: expected a Pid"):
        socket.number_of_monitors(tcp())  # type: ignore[arg-type]


# --- nothing is left behind ------------------------------------------------------------------


async def test_the_monitors_of_the_dead_are_forgotten(runtime: None) -> None:
    sock = tcp()
    for _ in range(20):
        pid = does(lambda: [socket.monitor(sock) for _ in range(3)])
        assert len(await result_of(pid)) == 3
        await ends(pid)
    assert nothing_is_watched()
    assert socket.number_of_monitors() == 0
    ok(await socket.close(sock))
    assert await receive(after=0) == Timeout()


async def test_watching_many_sockets_leaves_nothing_behind(runtime: None) -> None:
    before = process_info(current_pid())
    refs: set[Ref] = set()
    for number in range(30):
        sock = tcp()
        refs.add(socket.monitor(sock))
        if number % 2:
            assert socket.cancel_monitor(socket.monitor(sock))
        ok(await socket.close(sock))
    downs = {(await receive(SocketDown)).ref for _ in refs}
    assert downs == refs
    assert nothing_is_watched()
    assert socket.number_of() == 0
    after = process_info(current_pid())
    assert before is not None
    assert after is not None
    assert after.monitored_by == before.monitored_by


async def test_a_monitor_outlives_giving_the_socket_away(runtime: None) -> None:
    sock = tcp()
    ref = socket.monitor(sock)
    pid = does(lambda: None)
    await result_of(pid)
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    send(pid, "end")
    assert await receive(ref) == SocketDown(ref, sock)


async def test_a_watcher_that_gave_its_socket_away_is_forgotten_when_it_dies(
    runtime: None,
) -> None:
    me = current_pid()

    def opens_watches_and_gives() -> Socket:
        sock = tcp()
        socket.monitor(sock)
        ok(socket.setopt(sock, "otp", "controlling_process", me))
        return sock

    pid = does(opens_watches_and_gives)
    sock = await result_of(pid)
    assert socket.monitored_by(sock) == [pid]
    await ends(pid)
    assert nothing_is_watched()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(me)
