"""A client with blocking calls: it sends a line, then waits for the echo."""

from typing import Final

from .. import Error, Ok, Pid, exit, ok, send, socket
from ..socket import SockAddrIn
from .messages import Echoed
from .terminal import Show
from .text import Text

__all__ = ["PATIENCE", "check", "client"]

PATIENCE: Final = 10.0
"""Seconds after which an echo is considered lost."""


async def client(show: Show, role: str, main: Pid, address: SockAddrIn, text: Text) -> None:
    """Have every line of `text` echoed by the server at `address`; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, address, timeout=PATIENCE))
    show(role, f"connected to {address.addr}:{address.port}", sock)

    count = len(text.lines)
    for number, line in enumerate(text.lines, 1):
        ok(await socket.send(sock, line, timeout=PATIENCE))
        match await socket.recv(sock, len(line), timeout=PATIENCE):
            case Ok(back):
                check(number, line, back)
            case Error(reason, part):
                exit(f"line {number}: {reason} after {len(part or b'')} bytes of its echo")
        if number == count // 2:
            show(role, f"{number:,} of {count:,} lines received back", sock)

    ok(await socket.close(sock))
    show(role, f"all {count:,} lines received back, {text.size:,} bytes; closed", sock, "good")
    send(main, Echoed(count, text.size, selects=0))


def check(number: int, sent: bytes, back: bytes) -> None:
    """End the process if the echo differs from the line that was sent."""
    if sent != back:
        exit(f"line {number}: sent {sent[:24]!r}, received {back[:24]!r}")
