"""The operations of scenarios on ssl, performed on actorsock; `secure.erl` has the same."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

from actorsock import Error, Ok, Ref, current_pid, ok, receive, send, spawn, ssl

__all__ = ["SSL_OPERATIONS"]

_FOLDER: Final = "certificates"
_COMMON: Final = {"active": False, "nodelay": True, "log_level": "none"}
_CLIENT: Final = {
    "verify": "verify_peer",
    "cacertfile": f"{_FOLDER}/ca.pem",
    "server_name_indication": "localhost",
}
_SERVER: Final = {"certfile": f"{_FOLDER}/server.pem", "keyfile": f"{_FOLDER}/server.key"}
_OF_TCP: Final = ("active", "nodelay")
"""Options that a socket of gen_tcp that is upgraded keeps."""

Options = Mapping[str, Any]


def _options(before: Options, options: Options) -> dict[str, Any]:
    given = {**_COMMON, **before, **options}
    return {name: _named(name, value) for name, value in given.items() if value != "none"}


def _named(name: str, value: Any) -> Any:
    if name == "cacertfile" and value == "strangers":
        return f"{_FOLDER}/strangers.pem"
    if name.startswith("alpn"):
        return [each.decode() for each in value]
    return value


def _tls(options: Options) -> Options:
    return {name: value for name, value in options.items() if name not in _OF_TCP}


async def pair(mine: Options, theirs: Options) -> Ok[Any]:
    """Make two connected sockets."""
    listener, port = ok(listen(theirs))
    owner, ref = current_pid(), Ref()

    async def serve() -> None:
        sock = ok(await ssl.handshake(ok(await ssl.transport_accept(listener))))
        ok(ssl.controlling_process(sock, owner))
        send(owner, (ref, sock))

    spawn(serve)
    connected = ok(await connect(port, mine))
    _, accepted = await receive(lambda message: type(message) is tuple and message[0] is ref)
    ok(await ssl.close(listener))
    return Ok((connected, accepted))


def listen(options: Options) -> Any:
    """Listen; return the socket with its port."""
    result = ssl.listen(0, _options(_SERVER, options))
    if isinstance(result, Error):
        return result
    _, port = ok(ssl.sockname(result.value))
    return Ok((result.value, port))


async def connect(port: int, options: Options, timeout: float = inf) -> Any:
    """Connect to a port of this machine."""
    return await ssl.connect("localhost", port, _options(_CLIENT, options), timeout)


async def handshake(sock: Any, options: Options | None = None, timeout: float = inf) -> Any:
    """Make the handshake of an accepted socket, or of one of gen_tcp."""
    given = () if options is None else _tls(_options(_SERVER, options))
    return await ssl.handshake(sock, given, timeout)


async def upgrade(sock: Any, options: Options, timeout: float = inf) -> Any:
    """Begin TLS as the client, on a socket of gen_tcp."""
    return await ssl.connect(sock, _tls(_options(_CLIENT, options)), timeout)


def _protocol(sock: Any) -> Any:
    result = ssl.negotiated_protocol(sock)
    return Ok(result.value.encode()) if isinstance(result, Ok) else result


def _brief(result: Any) -> Any:
    return Ok() if isinstance(result, Ok) else result


SSL_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "ssl_pair": pair,
    "ssl_listener": listen,
    "ssl_accept": ssl.transport_accept,
    "ssl_handshake": handshake,
    "ssl_connect": connect,
    "ssl_upgrade": upgrade,
    "ssl_send": ssl.send,
    "ssl_recv": ssl.recv,
    "ssl_setopts": ssl.setopts,
    "ssl_getopts": ssl.getopts,
    "ssl_shutdown": ssl.shutdown,
    "ssl_close": ssl.close,
    "ssl_leave": lambda sock, pid, timeout=inf: ssl.close(sock, (pid, timeout)),
    "ssl_give": ssl.controlling_process,
    "ssl_peercert": lambda sock: _brief(ssl.peercert(sock)),
    "ssl_protocol": _protocol,
    "ssl_information": ssl.connection_information,
    "ssl_peername": lambda sock: _brief(ssl.peername(sock)),
    "ssl_sockname": lambda sock: _brief(ssl.sockname(sock)),
}
