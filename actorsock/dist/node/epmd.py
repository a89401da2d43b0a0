"""The Erlang port mapper of a host: asking it, and being registered with it.

A node is registered for as long as its connection to epmd is open. If epmd ends, the node goes on,
unknown to others, until another epmd answers.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import trio

from ...results import Error, Ok, ok
from ...runtime.api.deadlines import DeadlineError, deadline
from ...runtime.api.messaging import sleep
from ...runtime.bodies.in_trio import in_trio
from ...socket.api import connecting, opening, receiving, sending
from ...socket.core.socket_object import Socket
from ..wire.epmd_messages import (
    LONGEST_ANSWER,
    Registration,
    ask_names,
    ask_port,
    read_names,
    read_port,
    read_registered,
    register,
)

__all__ = ["NotRegistered", "connect", "default_port", "enter", "keep", "lookup", "names"]

_log: Final = logging.getLogger("actorsock.dist")

_PATIENCE: Final = 5.0
"""Seconds for an answer."""

_PAUSE: Final = 2.0
"""Seconds between two attempts to reach an epmd that has ended."""

_FORMER_LIFE: Final = 2.0
"""Seconds in which a name is refused because epmd has not noticed the end of a former life."""


class NotRegistered(Exception):
    """The node could not be registered: epmd does not answer, or the name is taken."""


def default_port() -> int:
    """Return the port of epmd that the environment names, or its own."""
    return int(os.environ.get("ERL_EPMD_PORT", "4369"))


async def addresses(host: str, port: int) -> list[tuple[Literal["inet", "inet6"], tuple[str, int]]]:
    """Return the addresses of a host, each with its family, in the order of the resolver."""
    found = await in_trio(_resolve, host, port)
    return [("inet6" if ":" in address[0] else "inet", address) for address in found]


async def _resolve(host: str, port: int) -> list[tuple[str, int]]:
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    return [(str(address[0]), int(address[1])) for *_, address in found]


async def connect(host: str, port: int) -> Ok[Socket] | Error:
    """Connect with the first address of a host that answers."""
    try:
        found = await addresses(host, port)
    except OSError:
        return Error("no such host")
    result: Ok[Socket] | Error = Error("no such host")
    for family, address in found:
        sock = ok(opening.open(family, "stream", "tcp"))
        with _closed_unless_done(sock):
            match await connecting.connect(sock, address, timeout=_PATIENCE):
                case Ok():
                    return Ok(sock)
                case Error() as result:
                    opening.close_nowait(sock)
    return result


@contextmanager
def _closed_unless_done(sock: Socket) -> Iterator[None]:
    """Close a socket if the block raises: the process that waits in it may be cancelled."""
    try:
        yield
    except BaseException:
        opening.close_nowait(sock)
        raise


async def _ask(host: str, port: int, request: bytes) -> bytes | None:
    """Return the whole answer to a request, up to the end of the connection."""
    try:
        with deadline(_PATIENCE):
            match await connect(host, port):
                case Ok(Socket() as sock):
                    pass
                case Error():
                    return None
            try:
                await sending.send(sock, request)
                answer = b""
                while len(answer) < LONGEST_ANSWER:
                    match await receiving.recv(sock):
                        case Ok(data):
                            answer += data
                        case Error():
                            break
                return answer
            finally:
                await opening.close(sock)
    except DeadlineError:
        return None


async def lookup(name: str, host: str, port: int) -> int | None:
    """Return the port of the node `name`, without its host; None if epmd knows none.

    A node that speaks older handshakes alone is none.
    """
    answer = await _ask(host, port, ask_port(name))
    try:
        found = None if answer is None else read_port(answer)
    except ValueError as exc:
        _log.warning("epmd of %s: %s", host, exc)
        return None
    return found.port if found is not None and found.highest >= 6 else None


async def names(host: str, port: int) -> dict[str, int] | None:
    """Return name and port of each node of a host; None if no epmd answers there."""
    answer = await _ask(host, port, ask_names())
    return None if answer is None else read_names(answer)


async def enter(node: Registration, host: str, port: int) -> tuple[Socket, int]:
    """Register a node; return the connection that keeps it registered, and its creation.

    Raises:
        NotRegistered: epmd does not answer, or the name is taken.
    """
    until = trio.current_time() + _FORMER_LIFE
    while True:
        sock, creation = await _enter(node, host, port)
        if creation is not None:
            return sock, creation
        await opening.close(sock)
        if trio.current_time() > until:
            raise NotRegistered(f"epmd has a node {node.name!r} already")
        await sleep(0.1)


async def _enter(node: Registration, host: str, port: int) -> tuple[Socket, int | None]:
    match await connect(host, port):
        case Ok(Socket() as sock):
            pass
        case Error(reason):
            raise NotRegistered(
                f"no epmd answers at {host}:{port} ({reason}): start one with `epmd -daemon`, or "
                "pass register=False, and to the other nodes this one's address"
            )
    with _closed_unless_done(sock):
        await sending.send(sock, register(node))
        answer = b""
        while True:
            match await receiving.recv(sock, timeout=_PATIENCE):
                case Ok(data):
                    answer += data
                case Error(reason):
                    raise NotRegistered(f"epmd at {host}:{port} has not answered ({reason})")
            try:
                return sock, read_registered(answer)
            except IndexError:
                pass  # the answer is not whole yet
            except ValueError as exc:
                raise NotRegistered(str(exc)) from None


async def keep(sock: Socket, node: Registration, host: str, port: int) -> None:
    """Stay registered: when epmd ends, register again with the next one that answers."""
    while True:
        while not isinstance(await receiving.recv(sock), Error):
            pass  # epmd says nothing more
        await opening.close(sock)
        _log.warning("epmd at %s:%d has ended: %s is not found any more", host, port, node.name)
        while True:
            await sleep(_PAUSE)
            try:
                sock, _ = await enter(node, host, port)
            except NotRegistered:
                continue
            break
        _log.info("%s is registered again with epmd at %s:%d", node.name, host, port)
