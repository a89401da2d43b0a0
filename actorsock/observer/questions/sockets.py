"""The open sockets: where they lead, who owns them, who waits, and what has passed."""

from typing import Any, Final

from ... import socket
from ...results import Ok
from ...socket.api.informing import SocketInfo
from ..web.parameters import Parameters
from ..web.site import Json

__all__ = ["sockets"]

_MOST_ROWS: Final = 500

_COUNTERS: Final = ("read_byte", "write_byte")

_SORTS: Final = {
    "socket": None,
    "read": "read_byte",
    "written": "write_byte",
}


async def sockets(parameters: Parameters) -> Json:
    """Return some rows of the list of sockets.

    Parameters of the question: `sort`: `socket` (the order in which they were opened), `read` or
    `written`; `down`; `first` and `count`; `word` for those whose row has it.
    """
    counter = parameters.choice("sort", _SORTS, "socket")
    down = parameters.flag("down", False)
    first = parameters.number("first", 0, 10**9)
    count = parameters.number("count", 40, _MOST_ROWS)
    word = parameters.text("word").lower()
    everything = socket.which_sockets()
    if counter is not None:
        everything.sort(key=lambda sock: socket.info(sock).counters.get(counter, 0), reverse=down)
    elif down:
        everything.reverse()
    if word:
        everything = [sock for sock in everything if word in _words(sock)]
    return {
        "all": socket.number_of(),
        "found": len(everything),
        "first": first,
        "rows": [_row(sock) for sock in everything[first : first + count]],
    }


def _row(sock: socket.Socket) -> dict[str, Json]:
    info = socket.info(sock)
    return {
        "socket": repr(sock),
        "kind": f"{info.domain} {info.type} {info.protocol}",
        "local": _address(socket.sockname(sock)),
        "peer": _address(socket.peername(sock)),
        "owner": None if info.owner is None else repr(info.owner),
        "state": ", ".join(dict.fromkeys((*info.rstates, *info.wstates))),
        "waiting": _waiting(info),
        "read": info.counters.get("read_byte", 0),
        "written": info.counters.get("write_byte", 0),
    }


def _words(sock: socket.Socket) -> str:
    return " ".join(str(value) for value in _row(sock).values()).lower()


def _waiting(info: SocketInfo) -> str:
    numbers = (
        (info.num_acceptors, "accept"),
        (info.num_readers, "read"),
        (info.num_writers, "write"),
    )
    return ", ".join(f"{number} {word}" for number, word in numbers if number)


def _address(result: object) -> str | None:
    if not isinstance(result, Ok):
        return None
    match result.value:
        case socket.SockAddrIn(addr=addr, port=port):
            return f"{_plain(addr)}:{port}"
        case socket.SockAddrIn6(addr=addr, port=port):
            return f"[{_plain(addr)}]:{port}"
        case socket.SockAddrUn(path=path):
            return str(path)
        case other:
            return repr(other)


def _plain(address: Any) -> str:
    return str(address)
