"""`listen`, `transport_accept`, `handshake`: the server's side."""

from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...inet.calls import listening as tcp_listening
from ...inet.calls.arguments import check_timeout, stream_of
from ...inet.driver.listen_actor import ListenActor
from ...inet.driver.socket_objects import TcpSocket
from ...inet.driver.stream_actor import StreamActor
from ...inet.driver.waiting import deadline_of
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ..driver.ssl_socket import Plain, SslSocket
from ..driver.tls_actor import TlsActor
from ..engine.engine import Engine
from ..options.contexts import context_for
from ..options.lists import OptionList, TlsOptions, split
from .arguments import socket_of
from .upgrading import Upgrade, upgraded

__all__ = ["handshake", "listen", "transport_accept"]


@enable_ki_protection
def listen(port: int | str, options: OptionList = ()) -> Ok[SslSocket] | Error[Any]:
    """Listen on a TCP port for TLS. The caller owns the socket. Erlang's `ssl:listen/2`.

    Args:
        port: as for `gen_tcp.listen`.
        options: a list or a mapping: options of TLS, for which docs/ssl.md has the table, and those
            of `gen_tcp.listen`. One of `certs_keys`, `certfile`, `cert`, `sni_hosts`, `sni_fun` and
            `context` is needed.

    Returns:
        `Ok(sock)`, or `Error`:

        - the reasons of `gen_tcp.listen`
        - `"nooptions"`: no certificate is given
        - `("options", ("cacertfile", ()))`: clients are to be verified, and no authority is given
        - `("options", (option, path, reason))`: a file cannot be read or used

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        options = {"certfile": "cert.pem", "keyfile": "key.pem", "active": "once"}
        listener = ok(ssl.listen(8443, options))
        while True:
            accepted = ok(await ssl.transport_accept(listener))
            pid = spawn(serve, accepted)  # which begins with `await ssl.handshake(accepted)`
            ok(ssl.controlling_process(accepted, pid))
    """
    tls, others, active = split("server", options)
    if not tls.has_certificate:
        return Error("nooptions")
    context = context_for(tls)
    if isinstance(context, Error):
        return context
    opened = tcp_listening.listen(port, [*others, ("active", False)])
    if isinstance(opened, Error):
        return opened
    return Ok(SslSocket(Plain(opened.value, tls, True if active is None else active, listens=True)))


@enable_ki_protection
async def transport_accept(sock: SslSocket, timeout: float = inf) -> Ok[SslSocket] | Error:
    """Accept a connection, without its handshake. Erlang's `ssl:transport_accept/1,2`.

    Do not make the handshake in the process that accepts: a slow peer would hold up all others.

    Args:
        sock: a listening socket; any process may accept.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, for `handshake`, which any process may call. The caller owns the connection,
        also after the handshake: give it to the process that is to have it with
        `controlling_process`. Or `Error`: as for `gen_tcp.accept`.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    listening = socket_of(sock)
    if not isinstance(listening, Plain) or not listening.listens:
        return Error("einval")
    accepted = await tcp_listening.accept(listening.tcp, timeout)
    if isinstance(accepted, Error):
        return accepted
    return Ok(SslSocket(Plain(accepted.value, listening.options, listening.active)))


@enable_ki_protection
async def handshake(
    sock: SslSocket | TcpSocket, options: OptionList | float = (), timeout: float = inf
) -> Ok[SslSocket] | Error[Any]:
    """Carry out the handshake of a server. Erlang's `ssl:handshake/1,2,3`.

    The forms are those of Erlang: `handshake(sock, options, timeout)`, and
    `handshake(sock, timeout)`. Without a time-out a silent peer holds the caller for ever.

    Args:
        sock: what `transport_accept` returned. Or a connected socket of `gen_tcp` that the caller
            owns, to begin TLS on it (STARTTLS): it ought to be passive; its options stay as they
            are, also the mode. Bytes of it that are read and not taken belong to the handshake.
        options: more options, of TLS and of the socket, in place of those of `listen`.
        timeout: seconds to wait.

    Returns:
        `Ok(sock)`, with the owner of the one given, which is closed for its users. Or `Error`, and
        no connection is left open:

        - `"timeout"`
        - `"closed"`: the peer has closed the connection, or the given socket is closed or lost
        - `("tls_alert", (name, text))`: the handshake has failed
        - `("options", ...)`, `"nooptions"`: as for `listen`; a socket of gen_tcp stays as it is
        - `"not_owner"`: the given socket of gen_tcp is another process's, and stays as it is
        - `"ealready"`: another process is about to take a packet from it, or has ended before it
          could, and the next `recv` returns the packet; it stays as it is

    Raises:
        TypeError, ValueError: an argument or an option is wrong.
    """
    if isinstance(options, int | float):
        return await handshake(sock, (), options)
    check_timeout(timeout)
    deadline = deadline_of(timeout)
    tls, others, active = split("server", options)
    tcp: StreamActor | ListenActor
    mode: Any = True
    owner = None
    if isinstance(sock, TcpSocket):
        tcp = stream_of(sock)
        if isinstance(tcp, StreamActor):
            mode = tcp.rules.mode.value
            if not tcp.turns.closed and tcp.turns.owner is not current_process().pid:
                return Error("not_owner")
    elif isinstance(sock, SslSocket):
        accepted = sock._actor
        if isinstance(accepted, TlsActor):
            return Error("closed" if accepted.turns.closed else "einval")
        tcp, mode = stream_of(accepted.tcp), accepted.active
        owner = tcp.owner_process
        tls = accepted.options.merged(tls)
    else:
        raise TypeError(f"sock: expected an SslSocket or a TcpSocket, got {shown(sock)}")
    if tcp.turns.closed or tcp.is_dead:
        return Error("closed")
    if isinstance(tcp, ListenActor):
        return Error("enotconn")
    engine = _engine(tls)
    if isinstance(engine, Error):
        if isinstance(sock, SslSocket):
            tcp.close_now()  # of no use any more
        return engine
    upgrade = Upgrade(engine.value, tls, mode if active is None else active, others, owner)
    return await upgraded(tcp, upgrade, deadline)


def _engine(options: TlsOptions) -> Ok[Engine] | Error[Any]:
    if not options.has_certificate:
        return Error("nooptions")
    context = context_for(options)
    if isinstance(context, Error):
        return context
    return Ok(Engine(context.value, server_side=True))
