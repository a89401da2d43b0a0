"""A client whose calls block: it sends a line, and waits for it to come back."""

from typing import Final

from .. import Error, Ok, Pid, exit, ok, send, socket
from ..socket import SockAddrIn
from .reports import Came
from .terminal import Tell
from .text import Text

__all__ = ["PATIENCE", "check", "client"]

PATIENCE: Final = 10.0
"""Seconds after which an answer counts as lost."""


async def client(tell: Tell, role: str, main: Pid, address: SockAddrIn, text: Text) -> None:
    """Have every line of `text` echoed by the server at `address`; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, address, timeout=PATIENCE))
    tell(role, f"connected to {address.addr}:{address.port}", sock)

    count = len(text.lines)
    for number, line in enumerate(text.lines, 1):
        ok(await socket.send(sock, line, timeout=PATIENCE))
        match await socket.recv(sock, len(line), timeout=PATIENCE):
            case Ok(back):
                check(number, line, back)
            case Error(reason, part):
                exit(f"line {number}: {reason} after {len(part or b'')} bytes of its answer")
        if number == count // 2:
            tell(role, f"{number:,} of {count:,} lines are back as sent", sock)

    ok(await socket.close(sock))
    tell(role, f"all {count:,} are back as sent, {text.size:,} bytes: closed", sock, "good")
    send(main, Came(count, text.size, selects=0))


def check(number: int, sent: bytes, back: bytes) -> None:
    """End the process if a line did not come `back` as it was `sent`."""
    if sent != back:
        exit(f"line {number} came back as {back[:24]!r}, not as {sent[:24]!r}")
