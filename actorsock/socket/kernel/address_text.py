"""The address of a socket of the standard library, as text for people."""

from collections.abc import Callable
from typing import Any

__all__ = ["address_text"]


def address_text(ask: Callable[[], Any]) -> str | None:
    """Return what `ask` returns, `sock.getsockname` or `sock.getpeername`, as text.

    None if the socket has no such address, or one without a port or a path yet.
    """
    try:
        answer = ask()
    except OSError:
        return None
    match answer:
        case (str(host), int(port), *_):
            return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}") if port else None
        case str() | bytes():
            return repr(answer) if answer else None
    return repr(answer)
