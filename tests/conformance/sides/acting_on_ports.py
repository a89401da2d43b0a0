"""The operations of scenarios on gen_tcp, gen_udp and inet, performed on actorsock."""

from collections.abc import Callable
from math import inf
from typing import Any, Final

from actorsock import Error, Ok, gen_tcp, gen_udp, inet, ok

__all__ = ["PORT_OPERATIONS"]

_HERE: Final = "127.0.0.1"


async def tcp_pair(mine: dict[str, Any], theirs: dict[str, Any]) -> Ok[Any]:
    """Make two connected sockets."""
    listener = ok(gen_tcp.listen(0, {"ip": _HERE, **theirs}))
    connected = ok(await gen_tcp.connect(_HERE, ok(inet.port(listener)), mine))
    accepted = ok(await gen_tcp.accept(listener))
    ok(await gen_tcp.close(listener))
    return Ok((connected, accepted))


def tcp_listener(options: dict[str, Any]) -> Any:
    """Make a listening socket; return it with its port."""
    return _with_port(gen_tcp.listen(0, {"ip": _HERE, **options}))


async def tcp_connect(*args: Any, timeout: float = inf) -> Any:
    """Connect to a port of this machine, or to a host and a port."""
    host = args[0] if len(args) == 3 else _HERE
    return await gen_tcp.connect(host, args[-2], args[-1], timeout)


def udp_open(options: dict[str, Any]) -> Any:
    """Open a UDP socket; return it with its port."""
    return _with_port(gen_udp.open(0, {"ip": _HERE, **options}))


async def udp_pair(mine: dict[str, Any], theirs: dict[str, Any]) -> Ok[Any]:
    """Make two UDP sockets that are connected to each other."""
    one, two = (ok(gen_udp.open(0, {"ip": _HERE, **each})) for each in (mine, theirs))
    ok(await gen_udp.connect(one, _HERE, ok(inet.port(two))))
    ok(await gen_udp.connect(two, _HERE, ok(inet.port(one))))
    return Ok((one, two))


def _with_port(result: Any) -> Any:
    if isinstance(result, Error):
        return result
    return Ok((result.value, ok(inet.port(result.value))))


PORT_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "gen_tcp_pair": tcp_pair,
    "tcp_listener": tcp_listener,
    "tcp_listen": lambda port, options: gen_tcp.listen(port, {"ip": _HERE, **options}),
    "tcp_connect": tcp_connect,
    "tcp_accept": gen_tcp.accept,
    "tcp_send": gen_tcp.send,
    "tcp_recv": gen_tcp.recv,
    "tcp_unrecv": gen_tcp.unrecv,
    "tcp_shutdown": gen_tcp.shutdown,
    "tcp_close": gen_tcp.close,
    "tcp_give": gen_tcp.controlling_process,
    "inet_close": inet.close,
    "setopts": inet.setopts,
    "getopts": inet.getopts,
    "getstat": inet.getstat,
    "inet_sockname": inet.sockname,
    "inet_peername": inet.peername,
    "inet_port": inet.port,
    "inet_states": lambda sock: list(inet.info(sock).states),
    "inet_monitor": inet.monitor,
    "inet_demonitor": inet.cancel_monitor,
    "getaddr": inet.getaddr,
    "gen_udp_pair": udp_pair,
    "udp_open": udp_open,
    "udp_connect": lambda sock, port: gen_udp.connect(sock, _HERE, port),
    "udp_send": gen_udp.send,
    "udp_sendto": lambda sock, port, *rest: gen_udp.send(sock, _HERE, port, *rest),
    "udp_sendmap": lambda sock, port, data: gen_udp.send(sock, (_HERE, port), data),
    "udp_recv": gen_udp.recv,
    "udp_close": gen_udp.close,
    "udp_give": gen_udp.controlling_process,
}
