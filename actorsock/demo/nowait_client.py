"""A client that never blocks in a socket call: it asks, and a select message says when to ask
again. In between it waits for messages only, as any process does."""

import attrs

from .. import Error, Ok, Pid, Select, exit, ok, receive, send, socket
from ..socket import AbortMessage, SelectMessage, SockAddrIn, Socket
from .client import PATIENCE, check
from .reports import Came
from .terminal import Tell
from .text import Text

__all__ = ["nowait_client"]

_ROLE = "nowait"


@attrs.define
class _Exchange:
    """How far it has come."""

    sock: Socket
    unsent: list[bytes] | bytes
    unread: int
    connected: bool = False
    back: bytearray = attrs.field(factory=bytearray)
    selects: int = 0


async def nowait_client(tell: Tell, main: Pid, address: SockAddrIn, text: Text) -> None:
    """Have `text` echoed by the server at `address`; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    exchange = _Exchange(sock, text.lines, text.size)
    match socket.connect_nowait(sock, address):
        case Select(info):
            tell(_ROLE, f"connect_nowait answers Select: {info.ref}", sock)
        case Error(reason):
            exit(f"connect: {reason}")
        case Ok():
            _begin(tell, exchange)

    while exchange.unread or not exchange.connected:
        match await receive((SelectMessage, AbortMessage), after=PATIENCE):
            case SelectMessage(tag="connect", ref=ref):
                exchange.selects += 1
                tell(_ROLE, f"SelectMessage connect {ref}", sock)
                ok(socket.connect_nowait(sock))
                _begin(tell, exchange)
            case SelectMessage(tag="send"):
                exchange.selects += 1
                _send(exchange)
            case SelectMessage(tag="recv", ref=ref):
                exchange.selects += 1
                if not exchange.back:
                    tell(_ROLE, f"SelectMessage recv {ref}: the first of its kind", sock)
                _receive(tell, exchange)
            case AbortMessage(reason=reason):
                exit(f"aborted: {reason}")
            case _:
                exit(f"{exchange.unread:,} bytes did not come back in {PATIENCE:g} seconds")

    _check(text, bytes(exchange.back))
    ok(await socket.close(sock))
    tell(
        _ROLE, f"all is back as sent after {exchange.selects} select messages: closed", sock, "good"
    )
    send(main, Came(len(text.lines), text.size, exchange.selects))


def _begin(tell: Tell, exchange: _Exchange) -> None:
    exchange.connected = True
    tell(_ROLE, "connected: sends everything, reads as it comes", exchange.sock)
    _send(exchange)
    _receive(tell, exchange)


def _send(exchange: _Exchange) -> None:
    """Send what there is room for."""
    match socket.send_nowait(exchange.sock, exchange.unsent):
        case Ok():
            exchange.unsent = b""
        case Select(data=rest):
            if rest is not None:
                exchange.unsent = rest
        case Error(reason):
            exit(f"send: {reason}")


def _receive(tell: Tell, exchange: _Exchange) -> None:
    """Take what is there, until a select message is promised or there is nothing to come."""
    while exchange.unread:
        match socket.recv_nowait(exchange.sock):
            case Ok(data):
                exchange.back += data
                exchange.unread -= len(data)
            case Select(info):
                if not exchange.back:
                    tell(_ROLE, f"recv_nowait answers Select: {info.ref}", exchange.sock)
                return
            case Error(reason):
                exit(f"recv: {reason}, {exchange.unread:,} bytes are missing")


def _check(text: Text, back: bytes) -> None:
    start = 0
    for number, line in enumerate(text.lines, 1):
        check(number, line, back[start : start + len(line)])
        start += len(line)
