"""The three kinds of operations for which processes queue at a socket: recv, accept and send.

A `Queue` is a socket with one kind. Processes are numbered; each asks under its number, and the
queue can tell whether they were served in the order that a test names.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import attrs
import pytest

from actorsock import Ok, ok, receive, socket
from actorsock.socket import SelectInfo, SelectMessage, Socket

from ...stories import until
from ..support import (
    NOWHERE_NEAR,
    Job,
    Peer,
    Worker,
    at_rest,
    connected,
    dial,
    info_of,
    listening,
    selected,
    waiting,
    workers,
)

__all__ = ["KINDS", "Line", "Queue", "blocked", "every_queue", "line", "new_queue", "sends"]

Call = functools.partial[Any]


@attrs.define
class Queue(ABC):
    """A socket with one kind of operation, at which nothing waits yet."""

    sock: Socket

    @abstractmethod
    def nowait(self, number: int) -> Call:
        """The call that waits without blocking; that of process 0 has to wait in any case."""

    @abstractmethod
    def blocking(self, number: int, timeout: float = inf) -> Call:
        """The same call, which blocks."""

    def again(self, number: int) -> Call:
        """The call that a process makes when it is selected: it is served whole."""
        return self.nowait(number)

    def poll(self, number: int) -> Call:
        """The same call as `again`, with a time-out of 0."""
        return self.blocking(number, 0)

    @abstractmethod
    async def supply(self, count: int, condition: Callable[[], object]) -> None:
        """Let `count` operations go on, and wait until the condition holds."""

    @abstractmethod
    async def check(self, served: list[tuple[int, Any]]) -> None:
        """Assert that these processes, and no others, were served in this order."""

    @abstractmethod
    def variants(self) -> list[Call]:
        """All calls of the kind, blocking and not."""

    @abstractmethod
    def excluded(self) -> list[Call]:
        """All calls of the kind that is excluded while this one waits."""

    @abstractmethod
    def wrong(self) -> list[Call]:
        """Calls with a wrong argument."""

    def waiting(self) -> int:
        """Return how many processes wait."""
        return waiting(self.sock)


@attrs.define
class _Recv(Queue):
    """Each receives one byte; the n-th that is served gets the byte n."""

    peer: Peer
    sent: int = 0

    def nowait(self, number: int) -> Call:
        return functools.partial(socket.recv_nowait, self.sock, 1)

    def blocking(self, number: int, timeout: float = inf) -> Call:
        return functools.partial(socket.recv, self.sock, 1, timeout=timeout)

    async def supply(self, count: int, condition: Callable[[], object]) -> None:
        self.peer.sendall(bytes(range(self.sent, self.sent + count)))
        self.sent += count
        await until(condition)

    async def check(self, served: list[tuple[int, Any]]) -> None:
        assert [answer for _, answer in served] == [Ok(bytes([n])) for n in range(len(served))]

    def variants(self) -> list[Call]:
        return _receives(self.sock)

    def excluded(self) -> list[Call]:
        return _accepts(self.sock)

    def wrong(self) -> list[Call]:
        flag = functools.partial(socket.recv_nowait, self.sock, 0, ["no such flag"])
        return [flag, functools.partial(socket.recv, self.sock, timeout=-1)]


@attrs.define
class _Accept(Queue):
    """The n-th that is served gets the connection of the n-th caller."""

    address: tuple[str, int]
    callers: list[Peer] = attrs.field(factory=list)

    def nowait(self, number: int) -> Call:
        return functools.partial(socket.accept_nowait, self.sock)

    def blocking(self, number: int, timeout: float = inf) -> Call:
        return functools.partial(socket.accept, self.sock, timeout)

    async def supply(self, count: int, condition: Callable[[], object]) -> None:
        self.callers += [dial(self.address) for _ in range(count)]
        await until(condition)

    async def check(self, served: list[tuple[int, Any]]) -> None:
        ports = [ok(socket.peername(ok(answer))).port for _, answer in served]
        assert ports == [caller.getsockname()[1] for caller in self.callers[: len(served)]]

    def variants(self) -> list[Call]:
        return _accepts(self.sock)

    def excluded(self) -> list[Call]:
        return _receives(self.sock)

    def wrong(self) -> list[Call]:
        return [functools.partial(socket.accept, self.sock, -1)]


@attrs.define
class _Send(Queue):
    """Each sends its number; the first sends more than there is room for before it."""

    peer: Peer
    came: bytes = b""

    def nowait(self, number: int) -> Call:
        return functools.partial(socket.send_nowait, self.sock, _data(number))

    def blocking(self, number: int, timeout: float = inf) -> Call:
        return functools.partial(socket.send, self.sock, _data(number), timeout=timeout)

    def again(self, number: int) -> Call:
        return functools.partial(socket.send_nowait, self.sock, b"%d" % number)

    def poll(self, number: int) -> Call:
        return functools.partial(socket.send, self.sock, b"%d" % number, timeout=0)

    async def supply(self, count: int, condition: Callable[[], object]) -> None:
        self.came += (await self.peer.read_until(condition)).replace(b"\0", b"")

    async def check(self, served: list[tuple[int, Any]]) -> None:
        assert [answer for _, answer in served] == [Ok()] * len(served)
        ok(socket.shutdown(self.sock, "write"))
        while part := self.peer.recv(2**20):
            self.came += part.replace(b"\0", b"")
        assert self.came == b"".join(b"%d" % number for number, _ in served)

    def variants(self) -> list[Call]:
        return sends(self.sock)

    def excluded(self) -> list[Call]:
        address = listening()[1]
        return [
            functools.partial(socket.connect_nowait, self.sock, address),
            functools.partial(socket.connect_nowait, self.sock),
            functools.partial(socket.connect, self.sock, address),
            functools.partial(socket.connect, self.sock, address, 0),
        ]

    def wrong(self) -> list[Call]:
        flag = functools.partial(socket.send_nowait, self.sock, b"1", ["no such flag"])
        return [flag, functools.partial(socket.send, self.sock, b"1", timeout=-1)]


def _receives(sock: Socket) -> list[Call]:
    return [
        *_of(sock, socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait),
        *_of(sock, socket.recv, socket.recvfrom, socket.recvmsg),
        *_of(sock, socket.recv, socket.recvfrom, socket.recvmsg, timeout=0),
    ]


def _accepts(sock: Socket) -> list[Call]:
    return [
        *_of(sock, socket.accept_nowait, socket.accept),
        *_of(sock, socket.accept, timeout=0),
    ]


def sends(sock: Socket) -> list[Call]:
    """All ways to send something short."""
    return [
        functools.partial(socket.send_nowait, sock, b"x"),
        functools.partial(socket.sendmsg_nowait, sock, {"iov": [b"x"]}),
        functools.partial(socket.sendv_nowait, sock, [b"x"]),
        functools.partial(socket.send, sock, b"x"),
        functools.partial(socket.send, sock, b"x", timeout=0),
    ]


def _of(sock: Socket, *functions: Callable[..., Any], **options: Any) -> list[Call]:
    return [functools.partial(function, sock, **options) for function in functions]


def _data(number: int) -> bytes:
    return b"%d" % number if number else bytes(NOWHERE_NEAR) + b"0"


async def _recv() -> Queue:
    return _Recv(*await connected())


async def _accept() -> Queue:
    return _Accept(*listening())


async def _send() -> Queue:
    return _Send(*await connected())


KINDS: dict[str, Callable[[], Awaitable[Queue]]] = {
    "recv": _recv,
    "accept": _accept,
    "send": _send,
}

every_queue = pytest.mark.parametrize("kind", list(KINDS))


async def new_queue(kind: str) -> Queue:
    """Return a queue in which nobody waits."""
    return await KINDS[kind]()


@attrs.define
class Line:
    """Processes that wait in a queue, in this order, without blocking."""

    queue: Queue
    workers: list[Worker] = attrs.field(factory=list)
    infos: list[SelectInfo] = attrs.field(factory=list)
    served: list[tuple[int, Any]] = attrs.field(factory=list)

    async def join(self) -> Worker:
        """Let one more process wait."""
        [worker] = workers(1)
        self.infos.append(info_of(await worker.ask(self.queue.nowait(len(self.workers)))))
        self.workers.append(worker)
        return worker

    async def supply(self, count: int, to: int = 0) -> None:
        """Let operations go on, until this process has been selected."""
        await self.queue.supply(count, self.workers[to].mail)

    async def takes(self, number: int) -> Any:
        """Have a process take its select, and call again."""
        worker = self.workers[number]
        assert await worker.ask(receive, SelectMessage) == self.select(number)
        answer = await worker.ask(self.queue.again(number))
        self.served.append((number, answer))
        return answer

    async def are_served(self, *numbers: int) -> None:
        """Assert that these are selected and served, in this order, and no others."""
        for number in numbers:
            if not self.workers[number].mail():
                await self.supply(1, to=number)
            await self.takes(number)
        await at_rest()
        assert not any(self.mails())
        assert self.queue.waiting() == 0
        await self.queue.check(self.served)

    async def job_is_served(self, number: int, job: Job) -> None:
        """Note that a blocked process was served next."""
        self.served.append((number, await job.answer()))

    async def leaves(self, number: int, how: str) -> None:
        """Have a process take back its call, or end in one of the ways in `ENDINGS`."""
        worker, info = self.workers[number], self.infos[number]
        if how == "cancels":
            assert await worker.ask(socket.cancel, self.queue.sock, info) == Ok()
        else:
            await worker.dies(how)

    def select(self, number: int) -> SelectMessage:
        return selected(self.queue.sock, self.infos[number])

    def mails(self) -> list[list[Any]]:
        return [worker.mail() for worker in self.workers]

    def only(self, number: int) -> list[list[Any]]:
        """The mailboxes when only this process has its select."""
        return [[self.select(number)] if n == number else [] for n in range(len(self.workers))]


async def line(kind: str, count: int) -> Line:
    """Return a line of so many processes, the first of them current."""
    here = Line(await new_queue(kind))
    for _ in range(count):
        await here.join()
    assert here.queue.waiting() == count
    return here


async def blocked(queue: Queue, worker: Worker, number: int, timeout: float = inf) -> Job:
    """Let a process block in the queue, and wait until it does."""
    before = queue.waiting()
    job = worker.tell(queue.blocking(number, timeout))
    await until(lambda: queue.waiting() == before + 1)
    return job
