"""The load of the soak test: listeners, servers, clients, and a process that kills them."""

import logging
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import attrs
import trio

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    Timeout,
    cancel_timer,
    current_pid,
    exit,
    in_trio,
    ok,
    processes,
    receive,
    send,
    send_after,
    sleep,
    socket,
    spawn,
    spawn_link,
    spawn_monitor,
    start_timer,
)
from actorsock.socket import SockAddrUn, Socket
from actorsock.socket.values.address import AddressLike

from .ledger import RECEIPT_SIZE, Account, Ledger
from .using import PATIENCE, Broken, User

__all__ = ["DOMAINS", "Boom", "CrashCounter", "Load", "client", "keeper", "killer"]

# The probabilities of a crash and of an exit, at each opportunity; seconds between kills.
_CRASH: Final = 0.01
_LEAVE: Final = 0.01
_KILL_EVERY: Final = 0.005

_HEAD: Final = 8  # bytes: the number of the connection
_LARGEST: Final = 100_000
_HURRY: Final = 0.02

DOMAINS: Final[tuple[socket.Domain, ...]] = ("inet", "local")


class Boom(Exception):
    """An intended crash."""


@attrs.define
class Load:
    """The state that all these processes share."""

    directory: Path
    chance: Random
    ledger: Ledger = attrs.field(factory=Ledger)
    addresses: dict[str, AddressLike] = attrs.field(factory=dict)
    """The addresses of the listeners."""
    protected: set[Pid] = attrs.field(factory=set)
    """The processes that the killer does not kill."""
    tally: Counter[str] = attrs.field(factory=Counter)
    """The number of events, by name."""
    observed: tuple[int, str] | None = None
    """The port of the observer and its token, if it has been opened."""
    _data: bytes = b""

    def __attrs_post_init__(self) -> None:
        self._data = self.chance.randbytes(2 * _LARGEST)

    def likely(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.chance.random() < probability

    def light(self) -> bool:
        """Choose the body of a process: True for a light one."""
        return self.likely(0.5)

    def data(self) -> bytes:
        """Return some bytes; mostly few."""
        size = int(_LARGEST ** self.chance.random())
        start = self.chance.randrange(_LARGEST)
        return self._data[start : start + size]

    def may_crash(self) -> None:
        """End the calling process, with a small probability."""
        if self.likely(_CRASH):
            self.tally["processes crashed"] += 1
            raise Boom
        if self.likely(_LEAVE):
            self.tally["processes left by exit"] += 1
            exit("enough")


_SOCKET_KILLED: Final = (trio.BrokenResourceError, trio.ClosedResourceError)
"""What ends the observer, or one of its connections, when the actor of its socket is killed."""


class CrashCounter(logging.Handler):
    """Collects the crash reports of unintended crashes."""

    def __init__(self) -> None:
        super().__init__()
        self.mistakes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "actorsock.trace" and record.levelno < logging.ERROR:
            return  # a trace has reached its limit
        exc = record.exc_info[1] if record.exc_info else None
        if not isinstance(exc, (Boom, *_SOCKET_KILLED)):
            formatter = logging.Formatter()
            self.mistakes.append(formatter.format(record))


# --- servers --------------------------------------------------------------------------------


async def keeper(load: Load) -> None:
    """Keep a listener running in every domain, until the message "stop"."""
    listeners = {}
    for domain in DOMAINS:
        pid, ref = spawn_monitor(_listener, load, domain, light=load.light())
        listeners[ref] = pid, domain
    while True:
        match await receive():
            case Down(ref=ref):
                _, domain = listeners.pop(ref)
                load.tally["listeners started again"] += 1
                pid, ref = spawn_monitor(_listener, load, domain, light=load.light())
                listeners[ref] = pid, domain
            case "stop":
                for ref, (pid, _) in listeners.items():
                    exit(pid, "kill")
                    await receive(ref)
                return


async def _listener(load: Load, domain: socket.Domain) -> None:
    lsock = ok(socket.open(domain, "stream"))
    address: AddressLike
    if domain == "inet":
        address = ("127.0.0.1", ok(socket.bind(lsock, "loopback")))
    else:
        address = SockAddrUn(str(load.directory / str(current_pid())))
        ok(socket.bind(lsock, address))
    ok(socket.listen(lsock, 1000))
    load.addresses[domain] = address
    while True:
        match await socket.accept(lsock):
            case Ok(sock):
                light = load.light()
                pid = spawn(_server, load, sock, light, light=light)
                socket.setopt(sock, "otp", "controlling_process", pid)
            case Error():
                return


async def _server(load: Load, sock: Socket, light: bool) -> None:
    user = User(sock, load.chance, light, hurry=_HURRY)
    try:
        head = await _all_of(user, _HEAD)
        if len(head) < _HEAD:
            return
        account = load.ledger.accounts[int.from_bytes(head, "big")]
        while data := await user.read(load.chance.choice((0, 0, 1, 1000, 20_000))):
            account.take(data)
            load.may_crash()
            await user.write(account.receipt())
        account.finished_by_server = _is_open(sock)
    except Broken as what:
        load.tally[f"servers met {what}"] += 1
    if load.likely(0.5):
        await socket.close(sock)


def _is_open(sock: Socket) -> bool:
    """Return False if the socket was closed here, by a kill, and not ended by the peer."""
    return socket.info(sock).owner is not None


async def _all_of(user: User, length: int) -> bytes:
    """Read `length` bytes, or fewer at the end of the stream."""
    data = b""
    while len(data) < length and (more := await user.read(length - len(data))):
        data += more
    return data


# --- clients --------------------------------------------------------------------------------


async def client(load: Load, light: bool) -> None:
    """Open one connection, use it and end it in some way."""
    domain = load.chance.choice(DOMAINS)
    if domain not in load.addresses:
        return
    sock = ok(socket.open(domain, "stream"))
    if load.likely(0.1):
        socket.monitor(sock)
    match await socket.connect(sock, load.addresses[domain], PATIENCE):
        case Error(reason):
            load.tally[f"clients could not connect: {reason}"] += 1
            return
    account = load.ledger.open()
    user = User(sock, load.chance, light)
    try:
        await user.write(account.number.to_bytes(_HEAD, "big"))
        if load.likely(0.2):
            await _shared_use(load, user, account)
        else:
            await _use(load, user, account)
    except Broken as what:
        load.tally[f"clients met {what}"] += 1


async def _use(load: Load, user: User, account: Account) -> None:
    for _ in range(load.chance.randrange(20)):
        await _use_timers(load, user)
        load.may_crash()
        await _offer(load, user, account)
        if load.likely(0.8) and not await _read_receipt(user, account):
            return
    await _finish(load, user, account)


async def _shared_use(load: Load, user: User, account: Account) -> None:
    """Write in one process and read in another one; they are linked."""
    light = load.light()
    number = load.chance.randrange(20)
    writer = User(user.sock, load.chance, light)
    spawn_link(_write, load, writer, account, number, current_pid(), light=light)
    while not account.offered or await _read_receipt(user, account):
        match await receive(lambda message: message == "written", after=0.001):
            case Timeout():
                load.may_crash()
            case _:
                await _finish(load, user, account)
                return


async def _write(load: Load, user: User, account: Account, number: int, reader: Pid) -> None:
    for _ in range(number):
        load.may_crash()
        try:
            await _offer(load, user, account)
        except Broken:
            break
    send(reader, "written")


async def _offer(load: Load, user: User, account: Account) -> None:
    data = load.data()
    account.offered += data
    await user.write(data)


async def _read_receipt(user: User, account: Account) -> bool:
    receipt = await _all_of(user, RECEIPT_SIZE)
    if len(receipt) < RECEIPT_SIZE:
        return False
    account.acknowledge(receipt)
    return True


async def _finish(load: Load, user: User, account: Account) -> None:
    way = load.chance.random()
    if way < 0.2:
        return  # the socket closes with its owner
    if way < 0.3:
        socket.setopt(user.sock, "socket", "linger", socket.Linger(True, 0))
    elif way < 0.9:
        if isinstance(socket.shutdown(user.sock, "write"), Error):
            return  # the socket was killed
        while await _read_receipt(user, account):
            pass
        account.finished_by_client = _is_open(user.sock)
    await socket.close(user.sock)


async def _use_timers(load: Load, user: User) -> None:
    way = load.chance.random()
    if way < 0.05:
        send_after(load.chance.random(), current_pid(), "too late")
    elif way < 0.1:
        start_timer(load.chance.random(), current_pid(), "too late")
    elif way < 0.15:
        cancel_timer(send_after(load.chance.random(), current_pid(), "never"))
    elif way < 0.2:
        await sleep(load.chance.random() * 0.01)
    elif way < 0.25:
        await in_trio(trio.sleep, load.chance.random() * 0.01)


async def killer(load: Load) -> None:
    """Kill random processes, also the actors of sockets, in short intervals."""
    while True:
        await sleep(_KILL_EVERY)
        victim = load.chance.choice(processes())
        if victim not in load.protected:
            load.tally["processes killed from outside"] += 1
            exit(victim, load.chance.choice(("kill", "some reason")))
