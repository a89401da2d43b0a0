"""Helpers of the tests of turns: worker processes, and peers of the standard library.

No test sleeps for luck: it waits for an event with `until`; to see that nothing happens, it
looks after every task has come to rest.
"""

import functools
import inspect
import select
import socket as stdlib
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Pid, Select, exit, monitor, ok, process_info, receive, send, socket, spawn
from actorsock.socket import AbortMessage, SelectInfo, SelectMessage, Socket

from ..sockets import listening, tcp
from ..stories import LIMIT, until

NOWHERE_NEAR = 2**24
"""More bytes than a connection takes while its peer reads nothing."""


every_body = pytest.mark.parametrize("body", ["task", "light"])
"""For stories in which a process waits, run by a task or as a light process."""


async def at_rest() -> None:
    """Wait until every process waits, and the events of the kernel have been handled."""
    await wait_all_tasks_blocked()


# --- worker processes -----------------------------------------------------------------------------


@attrs.define(eq=False)
class Job:
    """A call that a worker makes, and its outcome."""

    call: Callable[[], Any]
    result: Any = None
    failure: Exception | None = None
    done: bool = False

    async def answer(self) -> Any:
        """Wait until the call has returned, and return or raise its outcome."""
        await until(lambda: self.done)
        if self.failure is not None:
            raise self.failure
        return self.result


@attrs.frozen
class Worker:
    """A process that does one job after the other, and reads no other mail."""

    pid: Pid

    def tell(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Job:
        """Have it call `fn`, and return at once."""
        return send(self.pid, Job(functools.partial(fn, *args, **kwargs)))

    async def ask(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Have it call `fn`, and return the result."""
        return await self.tell(fn, *args, **kwargs).answer()

    def mail(self) -> list[Any]:
        """Return the messages in its mailbox that are no jobs."""
        info = process_info(self.pid, ["messages"]) or {"messages": []}
        return [m for m in info["messages"] if type(m) is not Job]

    async def dies(self, how: str) -> None:
        """End it, in one of the ways in `ENDINGS`, and wait until it has ended."""
        down = monitor(self.pid)
        ENDINGS[how](self)
        await receive(down)


def workers(count: int, body: str = "task") -> list[Worker]:
    """New workers."""
    return [Worker(spawn(_work, light=body == "light")) for _ in range(count)]


async def _work() -> None:
    while True:
        job = await receive(Job)
        try:
            result = job.call()
            job.result = await result if inspect.isawaitable(result) else result
        except Mishap:
            raise
        except Exception as exc:
            job.failure = exc
        job.done = True


class Mishap(Exception):
    """The mistake that ends a worker."""


def _crash() -> None:
    raise Mishap


# While it waits in a call, a worker can only be ended from outside.
VIOLENT = ["kill", "shutdown"]
ENDINGS: dict[str, Callable[[Worker], object]] = {
    "kill": lambda worker: exit(worker.pid, "kill"),
    "shutdown": lambda worker: exit(worker.pid, "shutdown"),
    "normal": lambda worker: worker.tell(exit, "normal"),
    "crash": lambda worker: worker.tell(_crash),
}

every_ending = pytest.mark.parametrize("how", list(ENDINGS))
every_violent_ending = pytest.mark.parametrize("how", VIOLENT)


@attrs.define(eq=False)
class Scoped:
    """A call that a worker makes inside a cancel scope, for the test to cancel."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def call(self, fn: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Return the result of `fn`, or "cancelled"."""
        with self.scope:
            return await fn(*args, **kwargs)
        return "cancelled"

    def cancel(self) -> None:
        self.scope.cancel()


# --- messages of sockets --------------------------------------------------------------------------


def info_of(answer: object, data: object = ...) -> SelectInfo:
    """Return the select info of a call that has to wait, with that data if it is given."""
    assert isinstance(answer, Select), answer
    assert isinstance(answer.info, SelectInfo)
    assert data is ... or answer.data == data
    return answer.info


def selected(sock: Socket, info: SelectInfo) -> SelectMessage:
    """Return the select message of the call with that info."""
    return SelectMessage(sock, info.tag, info.ref)


def aborted(sock: Socket, info: SelectInfo, reason: str) -> AbortMessage:
    """Return the abort message of the call with that info."""
    return AbortMessage(sock, info.tag, info.ref, reason)


async def readers(sock: Socket, count: int = 1) -> None:
    """Wait until so many processes wait to receive."""
    await until(lambda: socket.info(sock).num_readers == count)


async def writers(sock: Socket, count: int = 1) -> None:
    """Wait until so many processes wait to send."""
    await until(lambda: socket.info(sock).num_writers == count)


async def connector(sock: Socket) -> None:
    """Wait until a connection is being made."""
    await until(lambda: "connecting" in socket.info(sock).wstates)


def took(sock: Socket, size: int) -> Callable[[], bool]:
    """Return a condition: the socket has read so many bytes since it was opened."""
    return lambda: socket.info(sock).counters["read_byte"] >= size


async def received(sock: Socket, size: int) -> None:
    """Wait until the socket has read so many bytes from the kernel."""
    await until(took(sock, size))


def fd_of(sock: Socket) -> int:
    return ok(socket.getopt(sock, "otp", "fd"))


def arrives(sock: Socket) -> None:
    """Block the program until the kernel has something to read."""
    poll = select.poll()
    poll.register(fd_of(sock), select.POLLIN)
    assert poll.poll(LIMIT * 1000)


def owner(sock: Socket) -> Pid | None:
    """Return the owner of the socket."""
    return socket.info(sock).owner


# --- peers: sockets of the standard library -------------------------------------------------------


class Peer(stdlib.socket):
    """The other end of a connection; it is closed when the test forgets it."""

    def __del__(self) -> None:
        self.close()

    def read(self) -> bytes:
        """Return the bytes that are there now."""
        parts = []
        try:
            while part := self.recv(2**20, stdlib.MSG_DONTWAIT):
                parts.append(part)
        except BlockingIOError:
            pass
        return b"".join(parts)

    async def read_exactly(self, size: int) -> bytes:
        """Wait for so many bytes; assert that no more are there."""
        data = bytearray()

        def enough() -> bool:
            data.extend(self.read())
            return len(data) >= size

        await until(enough)
        assert len(data) == size
        return bytes(data)

    async def read_until(self, condition: Callable[[], object]) -> bytes:
        """Read until the condition holds."""
        data = bytearray()

        def holds() -> object:
            data.extend(self.read())
            return condition()

        await until(holds)
        return bytes(data)


def reset(peer: stdlib.socket) -> None:
    """Close a TCP connection so that the other side is reset."""
    peer.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def _peer(sock: stdlib.socket) -> Peer:
    return Peer(fileno=sock.detach())


def dial(address: tuple[str, int]) -> Peer:
    """Connect to where a socket listens."""
    return _peer(stdlib.create_connection(address, LIMIT))


def host(backlog: int = 5) -> Peer:
    """A peer that listens, with a small buffer for its connections."""
    listening = Peer(stdlib.AF_INET, stdlib.SOCK_STREAM)
    listening.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 2**16)
    listening.bind(("127.0.0.1", 0))
    listening.listen(backlog)
    return listening


def busy_host() -> tuple[Peer, Peer]:
    """A peer that listens but takes no more connections, and the one that it has not accepted."""
    listening = host(0)
    return listening, dial(listening.getsockname())


# --- sockets --------------------------------------------------------------------------------------


async def connected() -> tuple[Socket, Peer]:
    """A new connection: a socket that the caller owns, and its peer."""
    listening = host()
    sock = tcp()
    ok(await socket.connect(sock, listening.getsockname()))
    return sock, _peer(listening.accept()[0])


@contextmanager
def without_room() -> Iterator[tuple[stdlib.socket, int]]:
    """A local datagram socket that can take no more, and how many times it has b"early"."""
    there, other = (stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM) for _ in range(2))
    with closing(there), closing(other):
        there.bind("")
        other.setblocking(False)
        count = 0
        with suppress(BlockingIOError):
            while True:
                other.sendto(b"early", there.getsockname())
                count += 1
        yield there, count


# --- one of each kind of operation that waits -----------------------------------------------------


@attrs.frozen
class Case:
    """A socket of the caller's, with an operation that has to wait, in both forms."""

    sock: Socket
    nowait: Callable[[], Any]
    blocking: Callable[[], Awaitable[Any]]
    ready: Callable[[Callable[[], object]], Awaitable[object]]
    """Let the operation go on, and wait until the condition holds."""
    again: Callable[[], Any]
    """The call that completes the operation then, without blocking."""
    held: tuple[Any, ...] = ()
    """Peers that must stay open meanwhile."""


async def _recv_case() -> Case:
    sock, peer = await connected()

    async def ready(told: Callable[[], object]) -> None:
        peer.sendall(b"data")
        await until(told)

    nowait = functools.partial(socket.recv_nowait, sock)
    return Case(sock, nowait, functools.partial(socket.recv, sock), ready, nowait)


async def _accept_case() -> Case:
    sock, address = listening()
    callers: list[Peer] = []

    async def ready(told: Callable[[], object]) -> None:
        callers.append(dial(address))
        await until(told)

    nowait = functools.partial(socket.accept_nowait, sock)
    return Case(sock, nowait, functools.partial(socket.accept, sock), ready, nowait)


async def _send_case() -> Case:
    sock, peer = await connected()
    much = bytes(NOWHERE_NEAR)
    return Case(
        sock,
        functools.partial(socket.send_nowait, sock, much),
        functools.partial(socket.send, sock, much),
        peer.read_until,
        functools.partial(socket.send_nowait, sock, b"x"),
    )


async def _connect_case() -> Case:
    return _connecting(host())


async def _stuck_connect_case() -> Case:
    return _connecting(*busy_host())


def _connecting(target: Peer, *held: Peer) -> Case:
    sock = tcp()
    address = target.getsockname()
    return Case(
        sock,
        functools.partial(socket.connect_nowait, sock, address),
        functools.partial(socket.connect, sock, address),
        until,
        functools.partial(socket.connect_nowait, sock),
        (target, *held),
    )


CASES: dict[str, Callable[[], Awaitable[Case]]] = {
    "recv": _recv_case,
    "accept": _accept_case,
    "send": _send_case,
    "connect": _connect_case,
}
"""Each kind of operation; the connect is ready at once."""

STUCK = {**CASES, "connect": _stuck_connect_case}
"""The same, and none of them is ready before it is made so; the connect never."""

every_kind = pytest.mark.parametrize("kind", list(CASES))


def waiting(sock: Socket) -> int:
    """Return the number of operations that wait on the socket, connecting included."""
    info = socket.info(sock)
    connecting = "connecting" in info.wstates
    return info.num_readers + info.num_acceptors + info.num_writers + connecting


def give(sock: Socket, to: Pid) -> Any:
    """Make `to` the owner."""
    return socket.setopt(sock, "otp", "controlling_process", to)
