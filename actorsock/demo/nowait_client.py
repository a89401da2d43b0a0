"""A client whose socket calls never block.

When a call returns `Select`, the client waits in `receive`, as it would for any other message. A
select message then announces that the call can be repeated.
"""

import attrs

from .. import Error, Ok, Pid, Select, exit, ok, receive, send, socket
from ..socket import AbortMessage, SelectMessage, SockAddrIn, Socket
from .client import PATIENCE, check
from .messages import Echoed
from .terminal import Show
from .text import Text

__all__ = ["nowait_client"]

_ROLE = "nowait"


@attrs.define
class _Exchange:
    """The connection, and what remains to be sent and received."""

    sock: Socket
    unsent: list[bytes] | bytes
    unread: int
    connected: bool = False
    back: bytearray = attrs.field(factory=bytearray)
    selects: int = 0


async def nowait_client(show: Show, main: Pid, address: SockAddrIn, text: Text) -> None:
    """Have `text` echoed by the server at `address`; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    exchange = _Exchange(sock, text.lines, text.size)
    match socket.connect_nowait(sock, address):
        case Select(info):
            show(_ROLE, f"connect_nowait returned Select {info.ref}", sock)
        case Error(reason):
            exit(f"connect: {reason}")
        case Ok():
            _begin(show, exchange)

    while exchange.unread or not exchange.connected:
        match await receive((SelectMessage, AbortMessage), after=PATIENCE):
            case SelectMessage(tag="connect", ref=ref):
                exchange.selects += 1
                show(_ROLE, f"SelectMessage connect {ref}", sock)
                ok(socket.connect_nowait(sock))
                _begin(show, exchange)
            case SelectMessage(tag="send"):
                exchange.selects += 1
                _send(exchange)
            case SelectMessage(tag="recv", ref=ref):
                exchange.selects += 1
                if not exchange.back:
                    show(_ROLE, f"SelectMessage recv {ref}: the first", sock)
                _receive(show, exchange)
            case AbortMessage(reason=reason):
                exit(f"aborted: {reason}")
            case _:
                exit(f"{exchange.unread:,} bytes not received back within {PATIENCE:g} seconds")

    _check(text, bytes(exchange.back))
    ok(await socket.close(sock))
    show(_ROLE, f"all received back, {exchange.selects} select messages; closed", sock, "good")
    send(main, Echoed(len(text.lines), text.size, exchange.selects))


def _begin(show: Show, exchange: _Exchange) -> None:
    exchange.connected = True
    show(_ROLE, "connected; sends all lines, receives what arrives", exchange.sock)
    _send(exchange)
    _receive(show, exchange)


def _send(exchange: _Exchange) -> None:
    """Send as much as there is room for; the rest waits for a select message."""
    match socket.send_nowait(exchange.sock, exchange.unsent):
        case Ok():
            exchange.unsent = b""
        case Select(data=rest):
            if rest is not None:
                exchange.unsent = rest
        case Error(reason):
            exit(f"send: {reason}")


def _receive(show: Show, exchange: _Exchange) -> None:
    """Receive what has arrived, until a call returns `Select` or all is received."""
    while exchange.unread:
        match socket.recv_nowait(exchange.sock):
            case Ok(data):
                exchange.back += data
                exchange.unread -= len(data)
            case Select(info):
                if not exchange.back:
                    show(_ROLE, f"recv_nowait returned Select {info.ref}", exchange.sock)
                return
            case Error(reason):
                exit(f"recv: {reason}, {exchange.unread:,} bytes not received back")


def _check(text: Text, back: bytes) -> None:
    start = 0
    for number, line in enumerate(text.lines, 1):
        check(number, line, back[start : start + len(line)])
        start += len(line)
