"""The tab Sockets: all open sockets, and the options of each socket of `actorsock.socket`."""

from typing import Any, Final

import trio

from ... import socket
from ...inet.calls.informing import info as inet_info
from ...inet.driver.inet_actor import InetActor
from ...results import Error
from ...socket.core.lifetime import SocketLifetime
from ...socket.core.service import existing_service
from ...socket.kernel.address_text import address_text
from ..node.system_messages import as_seen
from ..terms.values import Atom
from .names import UNDEFINED, text, word
from .observable import Look

__all__ = ["get_socket_list", "socket_info"]

_A: Final = Atom

_FAILURES: Final = {
    "enotsup": "Not Supported",
    "enoprotoopt": "Not Supported",
    "enotconn": "Not Connected",
}

_LEVELS: Final[dict[str | int, tuple[str, ...]]] = {"inet": ("ip",), "inet6": ("ipv6",)}
"""The levels of options that only sockets of one domain have."""


def socket_info(look: Look) -> list[tuple[Atom, int]]:
    """Return the numbers of sockets by their kinds."""
    found = socket.info()
    numbers = {
        "iov_max": found.iov_max,
        "num_monitors": socket.number_of_monitors(),
        **found.counters,
    }
    return [(_A(name), number) for name, number in numbers.items()]


async def get_socket_list(look: Look) -> list[dict[Atom, Any]]:
    """Return what is known of each open socket, also of those of `gen_tcp` and its relatives."""
    service = existing_service(look.node.node)
    rows = []
    for actor in [] if service is None else service.registry.actors():
        if not actor.turns.closed:
            rows.append(_row(actor))
        await trio.lowlevel.checkpoint()  # each row takes some dozens of system calls
    return rows


def _row(actor: SocketLifetime) -> dict[Atom, Any]:
    sock, kind, owner = actor.socket_object, actor.kind, actor.turns.owner
    facts: dict[str, Any] = {
        "id": (_A("$socket"), text(repr(sock))),
        "id_str": text(repr(sock)),
        "fd": actor.sock.fileno(),
        "owner": UNDEFINED if owner is None else owner,
        "domain": _named(kind.domain),
        "type": _named(kind.type),
        "protocol": _named(kind.protocol),
        **(_of_inet(actor) if isinstance(actor, InetActor) else _of_socket(sock, kind.domain)),
    }
    for key, ask in (
        ("laddress", actor.sock.getsockname),
        ("raddress", actor.sock.getpeername),
    ):
        address = address_text(ask)
        if address is not None:
            facts[key] = text(address)
    return {_A(key): fact for key, fact in facts.items()}


def _named(name: str | int) -> Atom | int:
    return word(name) if isinstance(name, str) else name


def _of_socket(sock: Any, domain: str | int) -> dict[str, Any]:
    found = socket.info(sock)
    return {
        "kind": _A("plain"),
        "rstates": [*map(_A, found.rstates)],
        "wstates": [*map(_A, found.wstates)],
        "monitored_by": socket.monitored_by(sock),
        "statistics": _counters(found.counters),
        "options": [
            ((_A(level), _A(name)), _option(sock, level, name, there))
            for level in ("socket", *_LEVELS.get(domain, ()), str(found.protocol))
            for name, there in sorted(socket.supports("options", level).items())
        ],
    }


def _of_inet(actor: InetActor) -> dict[str, Any]:
    found = inet_info(actor.socket_object)
    states = [*map(_A, found.states)]
    return {
        "kind": _A("compat"),
        "rstates": states,
        "wstates": states,
        "monitored_by": [*actor.observers.values()],
        "statistics": _counters(found.counters),
        "options": [],
    }


def _counters(counters: dict[str, int]) -> list[tuple[Atom, int]]:
    return [(_A(name), number) for name, number in counters.items()]


def _option(sock: Any, level: str, name: str, there: bool) -> Any:
    if not there:
        return text("Not Supported")
    found = socket.getopt(sock, level, name)
    if isinstance(found, Error):
        return text(_FAILURES.get(found.reason, f"error:{found.reason}"))
    return text("-") if found.value in ([], ()) else as_seen(found.value)
