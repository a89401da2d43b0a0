"""One connection of the observer: h11 over a stream, with a limit for everything that a peer sends.

h11 limits only an event that is not complete yet, so that a head in one large read would pass: the
stream is read in small pieces.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Final, Protocol

import attrs
import h11
import trio

from .gate import SECURITY_HEADERS, Head, Refusal

__all__ = ["Answer", "Answering", "Ask", "serve_connection"]

_PIECE: Final = 4096
"""Bytes of one read."""
_MOST_HEAD: Final = 16 * 1024
"""Bytes of the request line and the headers together."""
_MOST_BODY: Final = 64 * 1024
"""Bytes of the body of a request."""
_IDLE: Final = 75.0
"""Seconds that a connection may stay open without a request."""
_PATIENCE: Final = 10.0
"""Seconds for a request to arrive, from its first byte on, and for an answer to be taken."""
_FAREWELL: Final = 1.0
"""Seconds for a peer that was refused to read why."""
_MOST_UNREAD: Final = 1024 * 1024
"""Bytes that such a peer may still send meanwhile."""


@attrs.frozen
class Ask:
    """A request that has arrived as a whole."""

    head: Head
    query: str
    """The target after the `?`, as it was sent."""
    body: bytes


@attrs.frozen
class Answer:
    """What is sent in return."""

    status: int
    kind: str
    """The value of `Content-Type`."""
    body: bytes | AsyncGenerator[bytes, None]
    """A generator's parts are sent as they come."""


class Answering(Protocol):
    """What `serve_connection` asks about each request."""

    def refusal(self, head: Head) -> Refusal | None:
        """Return why a request is refused, before its body is read."""
        ...

    async def answer(self, ask: Ask) -> Answer:
        """Return the answer to a request that was let through."""
        ...


class _TooMuch(Exception):
    """The body of a request is too large."""


async def serve_connection(stream: trio.abc.HalfCloseableStream, site: Answering) -> None:
    """Answer the requests of one connection in turn, until it is closed or breaks a limit.

    After a refusal the connection is closed: its peer has nothing to ask here.
    """
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD)
    try:
        while await _serve_one(http, stream, site):
            http.start_next_cycle()
    except h11.RemoteProtocolError as exc:
        if http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await _send(http, stream, _refused(Refusal(exc.error_status_hint, str(exc))))
    await _let_go(stream)


async def _serve_one(
    http: h11.Connection, stream: trio.abc.HalfCloseableStream, site: Answering
) -> bool:
    """Answer one request; return True if another one may follow."""
    if not http.trailing_data[0]:
        with trio.move_on_after(_IDLE) as idle:
            http.receive_data(bytes(await stream.receive_some(_PIECE)))
        if idle.cancelled_caught:
            return False
    asked: Ask | Answer | None = _refused(Refusal(408, "the request has not arrived in time"))
    with trio.move_on_after(_PATIENCE):
        asked = await _arriving(http, stream, site)
    if isinstance(asked, Ask):
        return await _send(http, stream, await site.answer(asked))
    if asked is not None:
        await _send(http, stream, asked)
    return False


async def _arriving(
    http: h11.Connection, stream: trio.abc.HalfCloseableStream, site: Answering
) -> Ask | Answer | None:
    """Return what the peer asks, or the refusal of that; None if it has closed the connection."""
    request = await _next_event(http, stream)
    if not isinstance(request, h11.Request):
        return None
    head, query = _head_of(request)
    refusal = site.refusal(head)
    if refusal is not None:
        return _refused(refusal)
    if http.they_are_waiting_for_100_continue:
        go_on = h11.InformationalResponse(status_code=100, headers=[])
        await stream.send_all(http.send(go_on) or b"")
    try:
        return Ask(head, query, await _body(http, stream))
    except _TooMuch:
        return _refused(Refusal(413, f"a body may have {_MOST_BODY} bytes"))


def _head_of(request: h11.Request) -> tuple[Head, str]:
    path, _, query = request.target.decode("ascii", "replace").partition("?")
    return Head(request.method.decode("ascii"), path, tuple(request.headers)), query


async def _body(http: h11.Connection, stream: trio.abc.ReceiveStream) -> bytes:
    body = bytearray()
    while isinstance(part := await _next_event(http, stream), h11.Data):
        body += part.data
        if len(body) > _MOST_BODY:
            raise _TooMuch
    return bytes(body)


async def _next_event(http: h11.Connection, stream: trio.abc.ReceiveStream) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(bytes(await stream.receive_some(_PIECE)))
    return event


async def _send(http: h11.Connection, stream: trio.abc.SendStream, answer: Answer) -> bool:
    """Send an answer; return True if the connection can take another request."""
    headers = [("Content-Type", answer.kind), *SECURITY_HEADERS]
    if isinstance(answer.body, bytes):
        headers.append(("Content-Length", str(len(answer.body))))
    if answer.status >= HTTPStatus.BAD_REQUEST:
        headers.append(("Connection", "close"))
    response = h11.Response(status_code=answer.status, headers=headers)
    if not await _taken(stream, http.send(response)):
        return False
    if not await _send_body(http, stream, answer.body):
        return False
    taken = await _taken(stream, http.send(h11.EndOfMessage()))
    return taken and http.our_state is h11.DONE and http.their_state is h11.DONE


async def _send_body(
    http: h11.Connection, stream: trio.abc.SendStream, body: bytes | AsyncGenerator[bytes, None]
) -> bool:
    if isinstance(body, bytes):
        return await _taken(stream, http.send(h11.Data(data=body)))
    async with aclosing(body) as parts:
        async for part in parts:
            if not await _taken(stream, http.send(h11.Data(data=part))):
                return False
    return True


async def _taken(stream: trio.abc.SendStream, data: bytes | None) -> bool:
    """Send `data`; return False if the peer, who does not read, has not taken it in time."""
    with trio.move_on_after(_PATIENCE) as taking:
        await stream.send_all(data or b"")
    return not taking.cancelled_caught


async def _let_go(stream: trio.abc.HalfCloseableStream) -> None:
    """Close our side, and read what the peer has still to say, for a moment.

    The kernel resets a connection that is closed with bytes unread, and the peer may then never see
    why it was refused.
    """
    with trio.move_on_after(_FAREWELL):
        await stream.send_eof()
        unread = _MOST_UNREAD
        while unread > 0 and (piece := await stream.receive_some(_PIECE)):
            unread -= len(piece)


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, "text/plain; charset=utf-8", f"{refusal.text}\n".encode())
