"""An observed program, and a client of its port."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import h11
import trio

from actorsock import observer, open_tcp_stream
from actorsock.observer import Observed

__all__ = ["Client", "Reply", "observed"]


@attrs.frozen
class Reply:
    """What has come for one request; `status` is None if the connection was closed."""

    status: int | None
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Client:
    """Asks one observer, each time over a new connection."""

    at: Observed

    @property
    def token(self) -> str:
        return self.at.url.partition("#")[2]

    async def get(self, path: str) -> Any:
        """Return the JSON of an answer, which has to be there."""
        reply = await self.send("GET", path, self.headers())
        assert reply.status == 200, reply
        return reply.json

    async def post(self, path: str, wanted: object) -> Reply:
        headers = [*self.headers(), ("Content-Type", "application/json")]
        return await self.send("POST", path, headers, json.dumps(wanted).encode())

    def headers(self) -> list[tuple[str, str]]:
        host = ("Host", f"127.0.0.1:{self.at.port}")
        return [host, ("Authorization", f"Bearer {self.token}")]

    async def send(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> Reply:
        http = h11.Connection(h11.CLIENT)
        length = [("Content-Length", str(len(body)))] if body else []
        head = h11.Request(method=method, target=path, headers=[*headers, *length])
        async with await open_tcp_stream("127.0.0.1", self.at.port) as stream:
            data = http.send(head) or b""
            data += (http.send(h11.Data(data=body)) or b"") if body else b""
            await stream.send_all(data + (http.send(h11.EndOfMessage()) or b""))
            return await reply_from(http, stream)


async def reply_from(http: h11.Connection, stream: trio.abc.ReceiveStream) -> Reply:
    """Read one answer."""
    status, headers, body = None, {}, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(65536)))
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, dict(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
        else:
            return Reply(status, headers, body)


@asynccontextmanager
async def observed(**how: Any) -> AsyncIterator[Client]:
    """Observe the calling program at a free port."""
    async with observer.serve(0, **how) as at:
        yield Client(at)
