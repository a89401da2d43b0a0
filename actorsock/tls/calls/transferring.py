"""Data of a connection, and its end: `send`, `recv`, `shutdown`, `close`; and its owner."""

import socket as stdlib
from math import inf
from typing import Any, Final, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, check_word, shown
from ...inet.calls import streams
from ...inet.calls.arguments import check_timeout, data_of, live_process
from ...inet.driver.socket_objects import TcpSocket
from ...inet.driver.stream_actor import StreamActor
from ...inet.driver.waiting import deadline_of
from ...results import Error, Ok
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import SYSTEM_CALL
from ..driver.ssl_socket import Plain, SslSocket
from ..driver.tls_actor import TlsActor
from .arguments import CLOSED, connection_of, socket_of

__all__ = ["close", "close_nowait", "controlling_process", "recv", "send", "shutdown"]

_LARGEST: Final = {1: 2**8 - 1, 2: 2**16 - 1, 4: 2**32 - 1}
"""The largest packet of the types that put a length in front."""
_HOW: Final = {**streams.HOW, "read": stdlib.SHUT_RDWR}
"""The reader of Erlang's ssl meets the end at once, and ends the connection."""
_OF_PACKETS: Final = ("packet", "packet_size", "mode", "header")
"""Options that begin anew after a way back to plain TCP."""


@enable_ki_protection
async def send(sock: SslSocket, data: Any) -> Ok[None] | Error[Any]:
    """Send data. Erlang's `ssl:send/2`.

    As with `gen_tcp.send`, what the kernel does not take at once is queued, and the call waits only
    if the queue is busy when it begins.

    Args:
        sock: the socket; any process may send, and data of several processes does not mix.
        data: as for `gen_tcp.send`. The packet types 1, 2 and 4 put the length in front.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`: the socket is closed, its connection lost, or `shutdown` was called
        - `"timeout"`: by the option `send_timeout`; nothing of the data goes out
        - `("badarg", ("packet_to_large", size, largest))`: the size does not fit the length
        - `"enotconn"`: the socket listens
        - `"notsup_on_transport_accept_socket"`: its handshake has not been made

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    given = data_of(data, actor)
    if isinstance(actor, Error):
        return actor
    if actor.head_size and len(given) > _LARGEST[actor.head_size]:
        largest = _LARGEST[actor.head_size]
        return Error(("badarg", ("packet_to_large", len(given), largest)))
    result = actor.send(current_process(), given)
    return result if isinstance(result, (Ok, Error)) else await result


@enable_ki_protection
async def recv(sock: SslSocket, length: int = 0, timeout: float = inf) -> Ok[Any] | Error[Any]:
    """Receive a packet, or a number of bytes, from a passive socket. Erlang's `ssl:recv/2,3`.

    Any process may receive; several are served in the order of their calls. No byte is lost: what
    has come when the time is over, or when the caller is cancelled or killed, is for the next one.

    Args:
        sock: the socket.
        length: of the type raw: 0 for what is there, at most 16384 bytes; more for exactly so many.
            It does not count with other packet types, where the next packet is given.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok(data)`, or a record of the packet types http and ssl_tls; or `Error`:

        - `"timeout"`
        - `"closed"`: the connection has ended; `data` holds bytes that came before and are no whole
          packet (Erlang drops them)
        - `("tls_alert", (name, text))`: it was ended by an alert; later calls give `"closed"`
        - `("invalid_packet", data)`: the data cannot be a packet, or is a larger one than allowed;
          the connection is closed
        - `"einval"`: the socket is active
        - `"enomem"`: `length` is above 2**26
        - `"enotconn"`, `"notsup_on_transport_accept_socket"`: as for `send`

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    check_int("length", length, "a number of bytes", 0)
    check_timeout(timeout)
    if isinstance(actor, Error):
        behind = socket_of(sock)
        return behind.told_end(actor) if isinstance(behind, TlsActor) else actor
    return await actor.recv(length, timeout)


@enable_ki_protection
def shutdown(sock: SslSocket, how: Literal["read", "write", "read_write"]) -> Ok[None] | Error:
    """Tell the peer that no more data follows. Erlang's `ssl:shutdown/2`.

    Peers that are programs of Erlang close the connection then, so that nothing of theirs follows
    either; others may go on sending.

    Args:
        sock: the socket.
        how: `"write"`; or `"read_write"` and `"read"`, which end the connection.

    Returns:
        `Ok()`, or `Error`: `"closed"`, `"enotconn"` or `"notsup_on_transport_accept_socket"`.

    Raises:
        TypeError, ValueError: `how` is none of the three words.
    """
    actor = connection_of(sock)
    check_word("how", how, tuple(_HOW))
    return actor if isinstance(actor, Error) else actor.shutdown(_HOW[how])


@enable_ki_protection
async def close(
    sock: SslSocket, how: float | tuple[Pid, float] | None = None
) -> Ok[TcpSocket | None] | Error[Any]:
    """Close a socket, for every process that uses it. Erlang's `ssl:close/1,2`.

    What is queued goes out first, as with `gen_tcp.close`, then TLS's announcement of the end.
    Messages of the socket that are in a mailbox stay there.

    Args:
        sock: the socket; any process may close it, also again.
        how: None; or seconds that the wait for the queue may take at most. Or `(pid, seconds)` to
            end TLS and go on in clear: both sides have to do so. `pid` owns the socket of gen_tcp
            that is returned; it is passive, of the packet type raw.

    Returns:
        `Ok()`; or `Ok(sock)`, a `TcpSocket`, after a way back to plain TCP, which may also give
        `Error`, and the connection is closed:

        - `"timeout"`: the peer has not ended TLS
        - `"closed"`: it has closed the connection
        - `"ealready"`: another process does it; this call does not close the connection

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    behind = socket_of(sock)
    if isinstance(how, tuple):
        if len(how) != 2:
            raise TypeError(f"how: expected seconds or (pid, seconds), got {shown(how)}")
        pid, seconds = how
        live_process(pid)  # raises if it is no pid
        return await _back_to_tcp(behind, pid, deadline_of(check_timeout(seconds)))
    if how is None or isinstance(behind, Plain):
        await behind.close_by_program(sock)
    else:
        await behind.close_within(check_timeout(how))
    return Ok()


@enable_ki_protection
def close_nowait(sock: SslSocket) -> Ok[None]:
    """Close a socket without a wait: for plain functions, such as callbacks of a server in place.

    As `close`, but queued output goes out in the background, for as long as the peer takes it, and
    then the announcement of the end. Erlang has no counterpart.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    charge(SYSTEM_CALL)
    socket_of(sock).close_without_wait(sock)
    return Ok()


async def _back_to_tcp(
    behind: TlsActor | Plain, pid: Pid, deadline: float
) -> Ok[TcpSocket | None] | Error[Any]:
    if isinstance(behind, Plain) or behind.turns.closed:
        return CLOSED
    left = await behind.say_farewell(deadline)
    if isinstance(left, Error):
        return left
    values = {name: value for name, value in behind.values.items() if name not in _OF_PACKETS}
    sock = behind.surrender()
    owner = live_process(pid)  # only now: it may have ended while the peer was waited for
    kept = owner or current_process()
    actor = StreamActor(behind.service, sock, behind.kind, kept, behind.family, connected=True)
    for name, value in values.items():
        actor.values[name] = value
        actor.value_changed(name)
    actor.buffer.push_back(left.value)
    handle: TcpSocket = actor.socket_object
    if owner is None:
        actor.close_now()  # as when the owner ends just after this
    return Ok(handle)


@enable_ki_protection
def controlling_process(sock: SslSocket, pid: Pid) -> Ok[None] | Error:
    """Make another process the owner. Erlang's `ssl:controlling_process/2`.

    Unlike with `gen_tcp`, any process may call it, and messages that have come stay where they are:
    make the socket passive first.

    Args:
        sock: the socket.
        pid: the new owner. If it has ended, the socket is closed.

    Returns:
        `Ok()`, or `Error("closed")`; of a socket that is no connection also the reasons of
        `gen_tcp.controlling_process`.

    Raises:
        TypeError: an argument is of another type.
    """
    behind = socket_of(sock)
    to = live_process(pid)
    if isinstance(behind, Plain):
        return streams.controlling_process(behind.tcp, pid)
    return behind.hand_over(current_process(), to)
