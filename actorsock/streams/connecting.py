"""Connecting to a host that may have several addresses: happy eyeballs (RFC 8305).

A slow attempt does not delay the next one; the first that succeeds wins, and the sockets of all
others are closed. Each attempt is a trio task, because cancelling a task is the simplest way to
stop an attempt in any state. The calling process does not wait in the tasks' nursery but in its
own `Body.park`, because only there does an exit signal end the waiting at once.
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
from .resolving import Resolved, check_port, host_port, resolve
from .socket_stream import SocketStream
from .trio_conventions import os_error, value_of

__all__ = ["open_tcp_stream"]

_DELAY: Final = 0.25
"""Seconds between two attempts; RFC 8305 recommends this value."""

# Linux chooses the local port at bind() unless this option postpones it to connect(). There it
# knows the peer, and can use one port for several peers.
_BIND_ADDRESS_NO_PORT: Final = getattr(stdlib, "IP_BIND_ADDRESS_NO_PORT", None)


@enable_ki_protection
async def open_tcp_stream(
    host: str | bytes,
    port: int,
    *,
    happy_eyeballs_delay: float | None = _DELAY,
    local_address: str | None = None,
) -> SocketStream:
    """Connect to a TCP server by host and port, as `trio.open_tcp_stream` does.

    The addresses of a name are tried in the resolver's order, except that the second one tried is
    of another address family than the first. When an attempt has failed, or has taken
    `happy_eyeballs_delay` seconds, the next one starts beside it. The first that succeeds wins.

    Args:
        host: a host name, or an IPv4 or IPv6 address.
        port: the port, 0 to 65535.
        happy_eyeballs_delay: seconds before the next attempt starts while one is still under way;
            None waits until an attempt has failed.
        local_address: the name or address of this machine to connect from; only addresses of its
            family can then be reached. None lets the system choose.

    Returns:
        A stream on the connected socket, which the calling process owns.

    Raises:
        OSError: the name cannot be resolved, or all attempts have failed; in the second case the
            cause (`__cause__`) is an `ExceptionGroup` with the error of each attempt.
        TypeError: `port`, `happy_eyeballs_delay` or `local_address` has a wrong type.
        ValueError: `host` is neither str nor bytes (trio raises the same), or the port or the
            delay is out of range.

    Example::

        async with await open_tcp_stream("example.org", 80) as stream:
            await stream.send_all(b"HEAD / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n")
            print(await stream.receive_some())
    """
    if not isinstance(host, str | bytes):
        raise ValueError(f"host: expected str or bytes, got {shown(host)}")  # as in trio
    check_port(port)
    if happy_eyeballs_delay is None:
        happy_eyeballs_delay = inf
    check_seconds("happy_eyeballs_delay", happy_eyeballs_delay)
    if local_address is not None and not isinstance(local_address, str):
        raise TypeError(f"local_address: expected a str or None, got {shown(local_address)}")
    owner = current_process()
    return await in_trio(_open, owner, host, port, happy_eyeballs_delay, local_address)


def families_in_turn(targets: list[Resolved]) -> list[Resolved]:
    """Move the first target of another family than `targets[0]`, if any, to the second place.

    A family that does not work on this machine then costs one attempt. The first target and the
    order of all others stay as the resolver decided.
    """
    for number, target in enumerate(targets):
        if target[0] != targets[0][0]:
            return [targets[0], target, *targets[1:number], *targets[number + 1 :]]
    return targets


async def _open(
    owner: Process, host: str | bytes, port: int, delay: float, local_address: str | None
) -> SocketStream:
    found = await resolve(host, port)
    if not found:  # from a custom resolver
        raise OSError(f"no address was found for {host_port(host, port)}")
    attempts = [_Attempt(target, local_address) for target in families_in_turn(found)]
    # For a light process `in_trio` runs this function in a task that is another process. That
    # process opens the sockets, and ends before the light process continues: the socket that has
    # won must be given to the light process.
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
                    if await body.park("connect", deadline) is TIMED_OUT:
                        break
                if _won(attempts):
                    break
            while not _won(attempts) and any(attempt.error is None for attempt in attempts):
                await body.park("connect")
        except ExitSignal as exc:
            # Raised again outside of the nursery, which would wrap it in an ExceptionGroup.
            ended = exc
        nursery.cancel_scope.cancel()
    if ended is not None:
        raise ended


def _won(attempts: list["_Attempt"]) -> bool:
    return any(attempt.connected for attempt in attempts)


@attrs.define(eq=False)
class _Attempt:
    """The attempt to connect to one address; under way until `connected` or `error` is set."""

    target: Resolved
    local_address: str | None
    sock: Socket | None = None
    connected: bool = False
    error: OSError | None = None

    def open(self) -> None:
        """Open the socket; the calling process owns it.

        Not part of `run`, whose task would be another process: its end would close the socket.
        """
        family, kind, protocol, _, _ = self.target
        opened = open_socket(family, kind, protocol)
        if isinstance(opened, Error):
            self.error = self._failed(opened.reason)
        else:
            self.sock = opened.value

    async def run(self, waiting: Body) -> None:
        """Connect, record the outcome, and wake the process that waits for it."""
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
            # A failure does no harm: the port is chosen earlier then.
            setopt(sock, stdlib.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        try:
            for found in await resolve(self.local_address, 0, family=family):
                if found[0] == family:  # a custom resolver may ignore the argument
                    value_of(bind(sock, found[4]))
                    return
            raise os_error("eaddrnotavail")
        except (OSError, UnicodeError) as exc:  # UnicodeError: no name could be like that
            raise OSError(
                f"local_address {self.local_address!r} can't be used to connect to {address!r}"
            ) from exc

    def take(self) -> Socket:
        """Return the connected socket; `give_up` no longer closes it."""
        assert self.sock is not None
        sock, self.sock = self.sock, None
        return sock

    def give_up(self) -> None:
        """Close the socket unless it has been taken."""
        if self.sock is not None:
            actor_of(self.sock).close_now()

    def _failed(self, reason: str) -> OSError:
        error = os_error(reason)
        address: Any = self.target[4]
        error.add_note(f"when connecting to {address!r}")
        return error
