"""Connecting to a host that may have several addresses: happy eyeballs (RFC 8305).

An attempt that takes long does not hold up the next one; the first that succeeds wins, and the
sockets of all others are closed. Each attempt is a task, which is told by being cancelled;
whoever connects waits as a process does, so that an exit signal ends it at once.
"""

import socket as stdlib
from math import inf
from typing import Any, Final

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_seconds, shown
from ..results import Error, Ok
from ..runtime.bodies.current import current_process
from ..runtime.bodies.in_trio import in_trio
from ..runtime.core.body import TIMED_OUT, Body
from ..runtime.core.process import ExitSignal, Process
from ..socket import Socket, bind, connect, setopt
from ..socket import open as open_socket
from ..socket.core.actor import actor_of
from .addresses import Resolved, check_port, families_in_turn, host_port, resolve
from .os_errors import os_error, value_of
from .socket_stream import SocketStream

__all__ = ["open_tcp_stream"]

_DELAY: Final = 0.25
"""Seconds; what RFC 8305 recommends."""

# The kernel then chooses the port knowing the peer, and can use one for several peers.
_BIND_ADDRESS_NO_PORT: Final = getattr(stdlib, "IP_BIND_ADDRESS_NO_PORT", None)


@enable_ki_protection
async def open_tcp_stream(
    host: str | bytes,
    port: int,
    *,
    happy_eyeballs_delay: float | None = _DELAY,
    local_address: str | None = None,
) -> SocketStream:
    """Connect to `port` of `host`, a name or an address; the caller owns the socket.

    The addresses of a name are tried in turn, the second one of another family than the first.
    When an attempt has failed, or has taken `happy_eyeballs_delay` seconds, the next one starts
    beside it; the first to succeed wins. None waits for each before it starts another.
    `local_address` is the name or address to connect from: only addresses of its family can then
    be reached.

    `OSError` when the name can't be resolved, or when all attempts have failed, caused by an
    `ExceptionGroup` of their errors. `trio.open_tcp_stream`.
    """
    if not isinstance(host, str | bytes):
        raise ValueError(f"host: expected str or bytes, got {shown(host)}")  # as trio has it
    check_port(port)
    if happy_eyeballs_delay is None:
        happy_eyeballs_delay = inf
    check_seconds("happy_eyeballs_delay", happy_eyeballs_delay)
    if local_address is not None and not isinstance(local_address, str):
        raise TypeError(f"local_address: expected a str or None, got {shown(local_address)}")
    owner = current_process()
    return await in_trio(_open, owner, host, port, happy_eyeballs_delay, local_address)


async def _open(
    owner: Process, host: str | bytes, port: int, delay: float, local_address: str | None
) -> SocketStream:
    found = families_in_turn(await resolve(host, port))
    attempts = [_Attempt(target, local_address) for target in found]
    # A light process connects by a task that is a process of its own; the socket is not its.
    racer = current_process()
    try:
        await _race(racer.body, attempts, delay)
        for attempt in attempts:
            if attempt.connected:
                sock = attempt.take()
                if racer is not owner:
                    actor_of(sock).give(racer.pid, owner.pid)
                return SocketStream(sock)
    finally:
        for attempt in attempts:
            attempt.give_up()
    message = f"all attempts to connect to {host_port(host, port)} have failed"
    raise OSError(message) from ExceptionGroup(message, [a.error for a in attempts if a.error])


async def _race(body: Body, attempts: list["_Attempt"], delay: float) -> None:
    """Run `attempts` until one has connected, or all have failed."""
    ended: ExitSignal | None = None
    async with trio.open_nursery() as nursery:
        try:
            for attempt in attempts:
                attempt.open()
                nursery.start_soon(attempt.run, body)
                deadline = trio.current_time() + delay
                while attempt.error is None and not _won(attempts):
                    if await body.park(deadline) is TIMED_OUT:
                        break
                if _won(attempts):
                    break
            while not _won(attempts) and any(attempt.error is None for attempt in attempts):
                await body.park()
        except ExitSignal as exc:
            ended = exc  # without the nursery around it, which is nobody's business
        nursery.cancel_scope.cancel()
    if ended is not None:
        raise ended


def _won(attempts: list["_Attempt"]) -> bool:
    return any(attempt.connected for attempt in attempts)


@attrs.define(eq=False)
class _Attempt:
    """One address, and how far the attempt to connect to it has come."""

    target: Resolved
    local_address: str | None
    sock: Socket | None = None
    connected: bool = False
    error: OSError | None = None

    def open(self) -> None:
        """Open the socket, owned by the caller."""
        family, kind, protocol, _, _ = self.target
        opened = open_socket(family, kind, protocol)
        if isinstance(opened, Error):
            self.error = self._failed(opened.reason)
        else:
            self.sock = opened.value

    async def run(self, waiting: Body) -> None:
        """Connect; wake the process that waits for the outcome."""
        if self.sock is None:
            return
        try:
            await self._bind(self.sock)
            answer = await connect(self.sock, self.target[4])
            if isinstance(answer, Ok):
                self.connected = True
            else:
                self.error = self._failed(answer.reason)
        except OSError as exc:
            self.error = exc
        waiting.wake()

    async def _bind(self, sock: Socket) -> None:
        if self.local_address is None:
            return
        family, address = self.target[0], self.target[4]
        if _BIND_ADDRESS_NO_PORT is not None:
            setopt(sock, stdlib.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)  # where there is such a thing
        try:
            for found in await resolve(self.local_address, 0, family=family):
                if found[0] == family:  # which a resolver may not care about
                    value_of(bind(sock, found[4]))
                    return
            raise os_error("eaddrnotavail")
        except OSError as exc:
            raise OSError(
                f"local_address {self.local_address!r} can't be used to connect to {address!r}"
            ) from exc

    def take(self) -> Socket:
        """The socket, which has been connected, and is no longer this attempt's to close."""
        assert self.sock is not None
        sock, self.sock = self.sock, None
        return sock

    def give_up(self) -> None:
        """Close the socket, if it has not been taken."""
        if self.sock is not None:
            actor_of(self.sock).close_now()

    def _failed(self, reason: str) -> OSError:
        error = os_error(reason)
        address: Any = self.target[4]
        error.add_note(f"when connecting to {address!r}")
        return error
