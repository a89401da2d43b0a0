"""Connecting to names with several addresses, some of which are slow or do not answer."""

import errno
import socket as stdlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    ExitSignal,
    Pid,
    SocketStream,
    current_pid,
    exit,
    ok,
    open_tcp_stream,
    receive,
    send,
    socket,
    spawn_monitor,
)
from actorsock.streams.connecting import families_in_turn
from actorsock.streams.resolving import Resolved

from ..stories import in_runtime, no_more_descriptors, until
from .support import every_poller, is_open, waiting

GOOD, BETTER, DEAF, SLOW, SLOWER = (f"127.0.0.{n}" for n in range(11, 16))
SIX = "::1"


class Names(trio.abc.HostnameResolver):
    """A resolver with the names of one test, which records the requests."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names
        self.asked: list[object] = []
        trio.socket.set_custom_hostname_resolver(self)

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: bytes | None,
        port: int,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Resolved]:
        assert isinstance(host, bytes)
        self.asked.append((host.decode(), port, type))
        if host.decode() not in self.names:
            raise stdlib.gaierror(stdlib.EAI_NONAME, "no such name")
        return [entry(address, port) for address in self.names[host.decode()]]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


def entry(address: str, port: int = 80) -> Resolved:
    if ":" in address:
        return stdlib.AF_INET6, stdlib.SOCK_STREAM, 6, "", (address, port, 0, 0)
    return stdlib.AF_INET, stdlib.SOCK_STREAM, 6, "", (address, port)


@attrs.define
class Hosts:
    """Addresses of this machine that all have the same port."""

    port: int
    open: list[stdlib.socket] = attrs.field(factory=list)

    def listen(self, address: str, backlog: int = 5) -> stdlib.socket:
        """Accept connections at this address."""
        listening = self._bound(address)
        listening.listen(backlog)
        return listening

    def _bound(self, address: str) -> stdlib.socket:
        family, type, _, _, target = entry(address, self.port)
        bound = stdlib.socket(family, type)
        self.open.append(bound)
        bound.bind(target)
        return bound

    def stick(self, address: str) -> None:
        """Let attempts to connect to this address never end: the backlog is full."""
        self.listen(address, 0)
        self.open.append(stdlib.create_connection((address, self.port)))


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with stdlib.create_server((DEAF, 0)) as found:
        port = found.getsockname()[1]
    hosts = Hosts(port)
    for address in (GOOD, BETTER):
        hosts.listen(address)
    for address in (SLOW, SLOWER):
        hosts.stick(address)
    yield hosts
    for sock in hosts.open:
        sock.close()


def peer(stream: SocketStream) -> str:
    """Return the address of the peer."""
    name = ok(socket.peername(stream.socket))
    assert isinstance(name, socket.SockAddrIn | socket.SockAddrIn6)
    return str(name.addr)


def attempts() -> int:
    """Return how many attempts are under way."""
    return sum("connecting" in socket.info(sock).wstates for sock in socket.which_sockets())


@every_poller
@in_runtime
async def test_an_address_is_not_resolved(hosts: Hosts) -> None:
    names = Names()
    for host in (GOOD, GOOD.encode()):
        async with await open_tcp_stream(host, hosts.port) as stream:
            assert peer(stream) == GOOD
            assert socket.info(stream.socket).owner is current_pid()
            assert socket.number_of() == 1
    assert names.asked == []


@in_runtime
async def test_after_a_failure_the_next_attempt_starts_at_once(
    hosts: Hosts, mock_clock: MockClock
) -> None:
    names = Names(host=[DEAF, DEAF, GOOD, BETTER])
    stream = await open_tcp_stream("host", hosts.port)  # no time passes
    assert peer(stream) == GOOD
    assert names.asked == [("host", hosts.port, stdlib.SOCK_STREAM)]
    assert socket.number_of() == 1


@every_poller
@in_runtime
async def test_a_slow_attempt_does_not_delay_the_next_one(
    hosts: Hosts, mock_clock: MockClock
) -> None:
    Names(host=[SLOW, SLOWER, GOOD, BETTER])
    streams: list[SocketStream] = []
    parent = current_pid()

    async def opens() -> None:
        streams.append(await open_tcp_stream("host", hosts.port))
        assert trio.current_time() == began + 0.5
        # Now, because the socket closes with its owner, this task.
        assert (peer(streams[0]), socket.number_of()) == (GOOD, 1)
        ok(socket.setopt(streams[0].socket, "otp", "controlling_process", parent))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(opens)
        for passed, started in [(0.24, 1), (0.01, 2), (0.24, 2)]:
            await wait_all_tasks_blocked()
            mock_clock.jump(passed)
            await until(lambda started=started: attempts() == started)
        await wait_all_tasks_blocked()
        mock_clock.jump(0.01)
    assert is_open(streams[0])


@in_runtime
async def test_other_delays_and_none(hosts: Hosts, mock_clock: MockClock) -> None:
    Names(host=[SLOW, GOOD])

    async def opens(delay: float | None) -> None:
        await open_tcp_stream("host", hosts.port, happy_eyeballs_delay=delay)

    async with waiting(partial(opens, 0)):
        pass
    async with waiting(partial(opens, 7)):
        mock_clock.jump(6.9)
        await wait_all_tasks_blocked()
        assert attempts() == 1
        mock_clock.jump(0.1)
    async with waiting(partial(opens, None)) as nursery:
        mock_clock.jump(1000)
        await wait_all_tasks_blocked()
        assert attempts() == 1
        nursery.cancel_scope.cancel()
    assert socket.number_of() == 0


@in_runtime
async def test_all_attempts_fail_with_their_errors_as_the_cause(hosts: Hosts) -> None:
    Names(host=[DEAF, SIX, DEAF])
    with pytest.raises(OSError, match=f"connect to host:{hosts.port}") as caught:
        await open_tcp_stream("host", hosts.port)
    group = caught.value.__cause__
    assert isinstance(group, ExceptionGroup)
    assert [type(exc) for exc in group.exceptions] == [ConnectionRefusedError] * 3
    notes = [exc.__notes__[0] for exc in group.exceptions]
    assert [SIX in note for note in notes] == [False, True, False]
    assert socket.number_of() == 0


@in_runtime
async def test_the_second_attempt_is_of_another_family(hosts: Hosts, mock_clock: MockClock) -> None:
    try:
        hosts.listen(SIX)
    except OSError:
        pytest.skip("there is no IPv6 here")
    Names(host=[SLOW, GOOD, SIX])

    async def opens() -> None:
        assert peer(await open_tcp_stream("host", hosts.port)) == SIX

    async with waiting(opens):
        mock_clock.jump(0.25)


@given(st.lists(st.sampled_from([GOOD, BETTER, "::1", "::2"])))
def test_order_of_families(addresses: list[str]) -> None:
    targets = [entry(address) for address in addresses]
    ordered = families_in_turn(targets)
    assert sorted(ordered, key=repr) == sorted(targets, key=repr)
    if targets:
        assert ordered[0] == targets[0]
    for family in (stdlib.AF_INET, stdlib.AF_INET6):  # the order within a family stays
        assert [t for t in ordered if t[0] == family] == [t for t in targets if t[0] == family]
    if len({target[0] for target in targets}) == 2:
        assert ordered[0][0] != ordered[1][0]


@in_runtime
async def test_cancellation_closes_all_sockets(hosts: Hosts, mock_clock: MockClock) -> None:
    Names(host=[SLOW, SLOWER])
    async with waiting(partial(open_tcp_stream, "host", hosts.port)) as nursery:
        mock_clock.jump(0.25)
        await until(lambda: attempts() == 2)
        nursery.cancel_scope.cancel()
    assert socket.number_of() == 0


@pytest.mark.parametrize("kind", ["adopted", "task", "light"])
@in_runtime
async def test_an_exit_signal_ends_all_attempts(hosts: Hosts, kind: str) -> None:
    Names(host=[SLOW])
    ended: list[object] = []
    parent = current_pid()

    async def opens() -> None:
        send(parent, current_pid())
        try:
            await open_tcp_stream("host", hosts.port)
        except ExitSignal as exc:
            ended.append(exc.reason)
            if kind == "light":
                raise

    async with trio.open_nursery() as nursery:
        if kind == "adopted":
            nursery.start_soon(opens)
        else:
            spawn_monitor(opens, light=kind == "light")
        pid = await receive(Pid)
        await until(lambda: attempts() == 1)
        exit(pid, "enough")
        if kind != "adopted":
            assert (await receive()).reason == "enough"
    await until(lambda: socket.number_of() == 0)
    assert ended == ([] if kind == "task" else ["enough"])


@in_runtime
async def test_a_light_process_owns_its_stream(hosts: Hosts) -> None:
    async def light() -> None:
        stream = await open_tcp_stream(GOOD, hosts.port)
        assert socket.info(stream.socket).owner is current_pid()
        await stream.send_all(b"x")

    _, down = spawn_monitor(light, light=True)
    assert (await receive(down)).reason == "normal"
    assert socket.number_of() == 0


@in_runtime
async def test_local_address(hosts: Hosts) -> None:
    Names(me=["127.0.0.99"], host=[SIX, GOOD])
    for local_address in ("127.0.0.99", "me"):
        stream = await open_tcp_stream("host", hosts.port, local_address=local_address)
        assert peer(stream) == GOOD
        name = ok(socket.sockname(stream.socket))
        assert isinstance(name, socket.SockAddrIn)
        assert name.addr == "127.0.0.99"


@pytest.mark.parametrize("local_address", ["::1", "192.0.2.1", "nobody", "x" * 64])
@in_runtime
async def test_a_local_address_that_cannot_be_used(hosts: Hosts, local_address: str) -> None:
    Names(host=[GOOD])
    with pytest.raises(OSError, match="all attempts") as caught:
        await open_tcp_stream("host", hosts.port, local_address=local_address)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    (exc,) = caught.value.__cause__.exceptions
    assert f"local_address '{local_address}'" in str(exc)
    assert isinstance(exc.__cause__, OSError | UnicodeError)


@in_runtime
async def test_an_unknown_name() -> None:
    Names()
    with pytest.raises(stdlib.gaierror):
        await open_tcp_stream("nobody", 80)


@in_runtime
async def test_a_name_without_an_address() -> None:
    Names(nowhere=[])
    with pytest.raises(OSError, match="no address was found for nowhere:80"):
        await open_tcp_stream("nowhere", 80)


@in_runtime
async def test_an_unsupported_family_is_a_failed_attempt(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(host=[GOOD])

    async def strange(host: object, port: int, **_: object) -> list[Resolved]:
        return [(999, stdlib.SOCK_STREAM, 6, "", ("?", port)), entry(GOOD, port)]  # type: ignore[list-item]

    monkeypatch.setattr("actorsock.streams.connecting.resolve", strange)
    assert peer(await open_tcp_stream("host", hosts.port)) == GOOD


@in_runtime
async def test_wrong_arguments() -> None:
    wrong: list[tuple[type[Exception], str, tuple[Any, ...], dict[str, Any]]] = [
        (ValueError, "host", (None, 80), {}),
        (ValueError, "host", (80, 80), {}),
        (TypeError, "port", ("host", "80"), {}),
        (TypeError, "port", ("host", None), {}),
        (ValueError, "port", ("host", 65536), {}),
        (ValueError, "happy_eyeballs_delay", ("host", 80), {"happy_eyeballs_delay": -1}),
        (TypeError, "happy_eyeballs_delay", ("host", 80), {"happy_eyeballs_delay": "1"}),
        (TypeError, "local_address", ("host", 80), {"local_address": 1}),
    ]
    for raised, argument, args, keywords in wrong:
        with pytest.raises(raised, match=f"^{argument}: "):
            await open_tcp_stream(*args, **keywords)


@in_runtime
async def test_no_more_descriptors(hosts: Hosts) -> None:
    await open_tcp_stream(GOOD, hosts.port)
    with no_more_descriptors(), pytest.raises(OSError, match="all attempts") as caught:
        await open_tcp_stream(GOOD, hosts.port)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    (exc,) = caught.value.__cause__.exceptions
    assert isinstance(exc, OSError)
    assert exc.errno == errno.EMFILE
