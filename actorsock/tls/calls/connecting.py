"""`connect`, and the upgrade of a connection of gen_tcp: the client's side of a handshake."""

from math import inf
from typing import Any, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...inet.calls import connecting
from ...inet.calls.arguments import check_timeout, stream_of
from ...inet.calls.informing import peer_name
from ...inet.driver.listen_actor import ListenActor
from ...inet.driver.socket_objects import TcpSocket
from ...inet.driver.stream_actor import StreamActor
from ...inet.driver.waiting import deadline_of
from ...inet.names.addresses import ntoa
from ...inet.names.endpoints import endpoint
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ..driver.ssl_socket import SslSocket
from ..engine.engine import Engine
from ..options.contexts import context_for
from ..options.lists import OptionList, TlsOptions, split
from .upgrading import Upgrade, upgraded

__all__ = ["connect"]


@overload
async def connect(
    address: TcpSocket, port: OptionList = ..., options: float = ..., /
) -> Ok[SslSocket] | Error[Any]: ...


@overload
async def connect(
    address: Any, port: int | str | None = ..., options: OptionList = ..., timeout: float = ...
) -> Ok[SslSocket] | Error[Any]: ...


@enable_ki_protection
async def connect(
    address: Any, port: Any = None, options: Any = (), timeout: float = inf
) -> Ok[SslSocket] | Error[Any]:
    """Connect to a TLS server, or begin TLS on a connection. Erlang's `ssl:connect/2,3,4`.

    The forms are:

    - `connect(address, port, options, timeout)`: as `gen_tcp.connect`, then the handshake
    - `connect(sock, options, timeout)`: the handshake alone, on a socket of `gen_tcp` that the
      caller owns (STARTTLS). It ought to be passive: what it has sent as messages is lost for TLS.
      Its options stay as they are, also the mode; the socket itself is closed for its users.

    The server has to prove that it is who it is said to be, unless the option `verify` is
    `"verify_none"`: its certificate has to come from an authority of `cacerts` or `cacertfile`, and
    to have the name of the option `server_name_indication`, which is by default the host that is
    connected to (of an upgrade, the peer's address).

    Args:
        address: as for `gen_tcp.connect`; or a connected `TcpSocket`.
        port: as for `gen_tcp.connect`.
        options: a list or a mapping: options of TLS, for which docs/ssl.md has the table, and those
            of `gen_tcp.connect`.
        timeout: seconds for everything: name, connection, handshake; `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, which the caller owns; or `Error`, and no connection is left open:

        - the reasons of `gen_tcp.connect`
        - `"timeout"`
        - `"closed"`: the peer has closed the connection, or the given socket is closed or lost
        - `("tls_alert", (name, text))`: the handshake has failed; the name is Erlang's, such as
          `"unknown_ca"` or `"handshake_failure"` (the certificate is of another host)
        - `("options", ("cacertfile", ()))`: no authority is given that the server is verified by;
          a given socket stays as it is
        - `("options", (option, path, reason))`: a file cannot be read or used; likewise
        - `"not_owner"`: the given socket is another process's; likewise
        - `"ealready"`: another process is about to take a packet from the given socket, or has
          ended before it could, and the next `recv` returns the packet; likewise

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        options = {"cacerts": "system", "packet": "line", "active": False}
        sock = ok(await ssl.connect("example.org", 993, options, timeout=10))
    """
    if isinstance(address, TcpSocket):
        given = options if port is None else port
        seconds = timeout if port is None or options == () else options
        return await _begin(address, given, check_timeout(seconds))
    check_timeout(timeout)
    deadline = deadline_of(timeout)
    tls, others, active = split("client", options)
    engine = _engine(tls, _name_of(address))
    if isinstance(engine, Error):
        return engine
    # Nothing is read before the handshake.
    of_socket = [*others, ("active", False)]
    connected = await connecting.connect(address, port, of_socket, timeout)
    if isinstance(connected, Error):
        return connected
    return await upgraded(
        _stream(connected.value),
        Upgrade(engine.value, tls, True if active is None else active),
        deadline,
    )


async def _begin(
    sock: TcpSocket, options: OptionList, timeout: float
) -> Ok[SslSocket] | Error[Any]:
    deadline = deadline_of(timeout)
    tls, others, active = split("client", options)
    actor = stream_of(sock)
    if actor.turns.closed or actor.is_dead:
        return Error("closed")
    if isinstance(actor, ListenActor):
        return Error("enotconn")
    if actor.turns.owner is not current_process().pid:
        return Error("not_owner")
    mode = actor.rules.mode.value if active is None else active
    named = peer_name(actor)
    host = named.value[0] if isinstance(named, Ok) and actor.family != "local" else None
    engine = _engine(tls, host)
    if isinstance(engine, Error):
        return engine
    return await upgraded(actor, Upgrade(engine.value, tls, mode, others), deadline)


def _engine(options: TlsOptions, host: str | None) -> Ok[Engine] | Error[Any]:
    context = context_for(options)
    if isinstance(context, Error):
        return context
    name = options.get("server_name_indication", host)
    if name == "disable":
        name = None
    if name is None and context.value.check_hostname:
        raise ValueError("option server_name_indication: the certificate cannot be checked without")
    try:
        return Ok(Engine(context.value, server_side=False, server_hostname=name))
    except ValueError as problem:
        raise ValueError(f"{shown(name)} is no host name for TLS: {problem}") from None


def _name_of(address: Any) -> str | None:
    """Return the name that the certificate of a host has to have; None of a local socket."""
    known = endpoint(address)
    if known is not None:
        return None if known.family == "local" else str(known.address[0])
    text = ntoa(address)
    return text.value if isinstance(text, Ok) else str(address)


def _stream(sock: TcpSocket) -> StreamActor:
    actor: StreamActor = sock._actor
    return actor
