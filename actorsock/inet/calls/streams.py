"""The functions of gen_tcp."""

import os
import socket as stdlib
from collections.abc import Mapping
from math import inf
from typing import Any, Final, Literal

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, check_word, shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process, process_of_task
from ...runtime.bodies.in_trio import in_trio
from ...runtime.bodies.running import local
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.core.service import service_of
from ...socket.kernel.errors import error_of
from ..driver.listen_actor import ListenActor
from ..driver.opening import apply_options, bind, family_of_descriptor, kind_of, open_descriptor
from ..driver.socket_objects import TcpSocket
from ..driver.stream_actor import StreamActor
from ..driver.waiting import deadline_of
from ..names.endpoints import endpoint
from ..names.lookup import getaddrs, port_number
from ..options.lists import OpeningOptions, OptionList, opening_options
from ..options.table import Family
from .arguments import check_timeout, connection_of, data_of, live_process, stream_of

__all__ = [
    "HOW",
    "accept",
    "close",
    "connect",
    "controlling_process",
    "fdopen",
    "listen",
    "recv",
    "send",
    "sendfile",
    "shutdown",
    "unrecv",
]

_FAMILY_WORDS: Final[tuple[Family, ...]] = ("inet", "inet6", "local")
HOW: Final = {
    "read": stdlib.SHUT_RD,
    "write": stdlib.SHUT_WR,
    "read_write": stdlib.SHUT_RDWR,
}
"""The words of `shutdown`, and what they are to the system."""
_PIECE: Final = 65536
_FINAL: Final = ("timeout", "einval", "closed")
"""Errors after which no further address of a name is tried."""


@enable_ki_protection
async def connect(
    address: Any, port: int | str | None = None, options: OptionList = (), timeout: float = inf
) -> Ok[TcpSocket] | Error:
    """Connect to a TCP port. The caller owns the socket. Erlang's `gen_tcp:connect/2,3,4`.

    Args:
        address: a host name; an address as text, as an `ipaddress` object or as a tuple of
            integers; `("local", path)` for a local socket. Or a socket address: a `SockAddr...`
            record of `actorsock.socket`, or a dict with `family`, `addr` and `port`.
        port: 0..65535 or the name of a service; 0 of a local socket; left out with a socket
            address.
        options: a list or a mapping; docs/gen_tcp.md has the table. `"inet6"` in a list asks for
            IPv6. The default of `active` is True.
        timeout: seconds for the lookup of the name and all tries; `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"nxdomain"`: the name is unknown, or has no address of the family
        - `"timeout"`: nothing is left behind
        - `"econnrefused"`, `"ehostunreach"` and others of the operating system; of a name with
          several addresses that of the last one tried
        - `"eafnosupport"`: the address is of another family than the options ask for
        - `"eaddrnotavail"`, `"eaddrinuse"`: for the local address of the options `ip` and `port`

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        sock = ok(await gen_tcp.connect("localhost", 8080, {"packet": "line", "active": False}))
    """
    check_timeout(timeout)
    deadline = deadline_of(timeout)
    found = await _peers(address, port, options, deadline)
    if isinstance(found, Error):
        return found
    chosen, peers = found.value
    result: Ok[TcpSocket] | Error = Error("nxdomain")
    for peer in peers:
        result = await _connect(peer, chosen, deadline)
        if isinstance(result, Ok) or result.reason in _FINAL:
            break
    return result


async def _peers(
    address: Any, port: Any, options: OptionList, deadline: float
) -> Ok[tuple[OpeningOptions, list[Any]]] | Error:
    """Return the checked options and the addresses to try, in the standard library's form."""
    known = endpoint(address, port)
    if known is not None:
        return Ok((opening_options("connect", options, known.family), [known.address]))
    number = port_number("port", port, "tcp")
    if isinstance(address, bool | int | bytes) or address is None:
        raise TypeError(f"address: expected a host name or an address, got {shown(address)}")
    if isinstance(address, str):
        chosen = opening_options("connect", options)
        family = chosen.family
    else:
        family = "inet6" if ":" in str(address) or _is_wide(address) else "inet"
        if any(word in options for word in _FAMILY_WORDS if word != family):
            return Error("eafnosupport")
        chosen = opening_options("connect", options, family)
    found = await _addresses(address, "inet6" if family == "inet6" else "inet", deadline)
    if isinstance(found, Error):
        if found.reason == "einval" and not isinstance(address, str):
            raise ValueError(f"address: expected a host name or an address, got {shown(address)}")
        return found
    return Ok((chosen, [(host, number) for host in found.value]))


def _is_wide(address: Any) -> bool:
    return isinstance(address, tuple) and len(address) == 8


async def _addresses(
    name: Any, family: Literal["inet", "inet6"], deadline: float
) -> Ok[list[str]] | Error:
    if deadline == inf or not isinstance(name, str) or name[-1:].isdigit() or ":" in name:
        return await getaddrs(name, family)  # most often no look-up: no need of a cancel scope

    async def look_up() -> Ok[list[str]] | Error:
        with trio.move_on_at(deadline):
            return await getaddrs(name, family)
        return Error("timeout")

    return await in_trio(look_up)


async def _connect(peer: Any, options: OpeningOptions, deadline: float) -> Ok[TcpSocket] | Error:
    opened = _opened(options)
    if isinstance(opened, Error):
        return opened
    actor = opened.value
    done = False
    try:
        result = apply_options(actor, options)
        if isinstance(result, Ok):
            result = bind(actor, options, 0, always=False)
        if isinstance(result, Ok) and "fd" not in options.values:
            result = await actor.connect(peer, deadline)
        done = isinstance(result, Ok)
    finally:
        if not done:
            actor.close_now()
    return result if isinstance(result, Error) else _started(actor, options)


def _opened(options: OpeningOptions) -> Ok[StreamActor] | Error:
    owner = current_process()
    kind = kind_of(options.family, "tcp")
    opened = open_descriptor(kind, options)
    if isinstance(opened, Error):
        return opened
    connected = "fd" in options.values
    return Ok(
        StreamActor(
            service_of(owner.node), opened.value, kind, owner, options.family, connected=connected
        )
    )


def _started(actor: StreamActor, options: OpeningOptions) -> Ok[TcpSocket]:
    """Begin to deliver, with all options set; return the socket."""
    handle: TcpSocket = actor.socket_object
    actor.set_active(options.values.get("active", True))
    actor.options_set()
    return Ok(handle)


@enable_ki_protection
def fdopen(fd: int, options: OptionList = ()) -> Ok[TcpSocket] | Error:
    """Make a socket of an open descriptor. The caller owns it. Erlang's `gen_tcp:fdopen/2`.

    Args:
        fd: the descriptor of a connected stream socket, which belongs to the socket from now on.
        options: as for `connect`.

    Returns:
        `Ok(sock)`, or `Error`: `"ebadf"` if it is not open, `"enotsock"` if it is no socket,
        `"einval"` if it is no stream.

    Raises:
        TypeError, ValueError: an argument or an option is wrong.
    """
    check_int("fd", fd, "a descriptor", 0)
    family = family_of_descriptor(fd)
    if isinstance(family, Error):
        return family
    pairs = list(options.items()) if isinstance(options, Mapping) else list(options)
    chosen = opening_options("connect", [*pairs, ("fd", fd)], family.value)
    opened = _opened(chosen)
    if isinstance(opened, Error):
        return opened
    actor = opened.value
    result = apply_options(actor, chosen)
    if isinstance(result, Error):
        actor.close_now()
        return result
    return _started(actor, chosen)


@enable_ki_protection
def listen(port: int | str, options: OptionList = ()) -> Ok[TcpSocket] | Error:
    """Listen on a TCP port. The caller owns the socket. Erlang's `gen_tcp:listen/2`.

    Args:
        port: 0..65535, or the name of a service; with 0 the system chooses, see `inet.port`. The
            option `port` replaces it.
        options: a list or a mapping; docs/gen_tcp.md has the table. Accepted sockets inherit
            most of them.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"eaddrinuse"`: another socket has the port, or the file of a local address exists
        - `"eaddrnotavail"`: the address of the option `ip` is not of this machine
        - `"eacces"` and others of the operating system

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        listener = ok(gen_tcp.listen(0, {"packet": 4, "active": "once", "reuseaddr": True}))
        port = ok(inet.port(listener))
    """
    chosen = opening_options("listen", options)
    number = port_number("port", port, "tcp")
    if chosen.family == "local" and number:
        raise ValueError(f"port: expected 0 for a local address, got {shown(port)}")
    owner = current_process()
    kind = kind_of(chosen.family, "tcp")
    opened = open_descriptor(kind, chosen)
    if isinstance(opened, Error):
        return opened
    actor = ListenActor(service_of(owner.node), opened.value, kind, owner, chosen.family)
    result = apply_options(actor, chosen)
    if isinstance(result, Ok):
        result = bind(actor, chosen, number, always=True)
    if isinstance(result, Ok):
        result = _start_listening(actor, chosen)
    if isinstance(result, Error):
        actor.close_now()
        return result
    handle: TcpSocket = actor.socket_object
    if "active" in chosen.values:
        actor.mode.value = False
        actor.set_active(chosen.values["active"])
    return Ok(handle)


def _start_listening(actor: ListenActor, options: OpeningOptions) -> Ok[None] | Error:
    if "fd" not in options.values:
        try:
            actor.sock.listen(options.values.get("backlog", 5))
        except OSError as exc:
            return error_of(exc)
    actor.listening = True
    return Ok()


@enable_ki_protection
async def accept(sock: TcpSocket, timeout: float = inf) -> Ok[TcpSocket] | Error:
    """Accept a connection. The caller owns it. Erlang's `gen_tcp:accept/1,2`.

    Several processes may wait; they are served in the order in which they called. The accepted
    socket inherits the options that the listening one has at this moment; if it is active, its
    first messages may come before this function returns.

    Args:
        sock: a listening socket; any process may accept.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"timeout"`
        - `"closed"`: the listening socket is closed, or was so meanwhile
        - `"einval"`: the socket does not listen
        - `"emfile"`: no descriptor is left; the connection stays in the backlog

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = stream_of(sock)
    check_timeout(timeout)
    if isinstance(actor, StreamActor):
        return Error("closed" if actor.turns.closed else "einval")
    return await actor.accept(timeout)


@enable_ki_protection
async def recv(sock: TcpSocket, length: int = 0, timeout: float = inf) -> Ok[Any] | Error:
    """Receive a packet, or a number of bytes, from a passive socket. `gen_tcp:recv/2,3`.

    Any process may receive, one at a time. No byte is lost: what has come when the time is over,
    or when the caller is cancelled or killed, is for the next recv.

    Args:
        sock: the socket.
        length: 0 for the next packet: of the type raw what is there, at most `buffer` bytes. More,
            of the type raw only: exactly so many bytes, at most 2**26.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok(data)`, or a record of the packet types http and ssl_tls; or `Error`:

        - `"timeout"`
        - `"closed"`: the stream has ended, or the socket is closed; `data` holds bytes that came
          before the end and are no whole packet (Erlang drops them)
        - `"einval"`: the socket is active, or `length` is not 0 with another packet type
        - `"ealready"`: another process waits for data
        - `"emsgsize"`: a packet is malformed or larger than `packet_size`
        - `"enomem"`: `length` is above 2**26
        - `"enotconn"`: the connection was lost before, or the socket listens
        - `"econnreset"`: with the option `show_econnreset`

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    check_int("length", length, "a number of bytes", 0)
    check_timeout(timeout)
    if isinstance(actor, Error):
        return actor
    return await actor.recv(length, timeout)


@enable_ki_protection
async def send(sock: TcpSocket, data: Any) -> Ok[None] | Error:
    """Send data. Erlang's `gen_tcp:send/2`.

    What the kernel does not take at once is queued. The call waits only if the queue is busy when
    it begins: above the option `high_watermark`, until it falls below `low_watermark`, for at most
    `send_timeout` seconds.

    Args:
        sock: the socket; any process may send, and data of several processes does not mix.
        data: bytes-like, or a list of such and of integers, also nested. The packet types 1, 2
            and 4 put the length in front.

    Returns:
        `Ok()`, or `Error`:

        - `"timeout"`: nothing of the data goes out, and `data` holds it (Erlang sends it later)
        - `"closed"`: the socket is closed, or the connection lost
        - `"enotconn"`: the connection was lost before, or the socket listens
        - `"econnreset"`: with the option `show_econnreset`

    Raises:
        TypeError, ValueError: an argument is wrong.

    Example::

        ok(await gen_tcp.send(sock, [b"GET ", path, b" HTTP/1.0", [13, 10, 13, 10]]))
    """
    actor = sock._actor if type(sock) is TcpSocket else None
    if type(actor) is not StreamActor:
        actor = connection_of(sock)
    given = data if type(data) is bytes else data_of(data)
    if isinstance(actor, Error):
        return actor
    # `StreamActor.send` written in place: a coroutine less for each send.
    process = local.step.process
    if process is None:
        process = process_of_task()
    pause = process.body.spend(SYSTEM_CALL)
    if pause is not None:
        await pause
    result = actor.send_at_once(given)
    return await actor.send_later(process, given) if result is None else result


@enable_ki_protection
def unrecv(sock: TcpSocket, data: Any) -> Ok[None] | Error:
    """Put bytes back, in front of what is received next. Erlang's `gen_tcp:unrecv/2`.

    Args:
        sock: the socket; any process may do it.
        data: as for `send`. It is divided into packets like bytes from the peer.

    Returns:
        `Ok()`, or `Error`: `"closed"`, or `"enotconn"` if the connection is lost.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    given = data_of(data)
    if isinstance(actor, Error):
        return actor
    return actor.unrecv(given)


@enable_ki_protection
def shutdown(sock: TcpSocket, how: Literal["read", "write", "read_write"]) -> Ok[None] | Error:
    """Shut down one direction of a connection, or both. Erlang's `gen_tcp:shutdown/2`.

    Args:
        sock: the socket.
        how: `"write"` ends the output, after all that is queued; `"read"` the input; `"read_write"`
            both.

    Returns:
        `Ok()`, or `Error`: `"closed"`, or `"enotconn"` if there is no connection.

    Raises:
        TypeError, ValueError: `how` is none of the three words.
    """
    actor = connection_of(sock)
    check_word("how", how, tuple(HOW))
    if isinstance(actor, Error):
        return actor
    return actor.shutdown(HOW[how])


@enable_ki_protection
async def close(sock: TcpSocket) -> Ok[None]:
    """Close a socket, for every process that uses it. Erlang's `gen_tcp:close/1`.

    Waits until queued output has gone out, as long as the option `linger` says; without it as long
    as at least one byte leaves every 5 seconds, at most 180 seconds. A `TcpClosed` of this socket
    in the caller's mailbox is removed, data that is there stays.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    await stream_of(sock).close_by_program(sock)
    return Ok()


@enable_ki_protection
def controlling_process(sock: TcpSocket, pid: Pid) -> Ok[None] | Error:
    """Make another process the owner. Erlang's `gen_tcp:controlling_process/2`.

    The messages `Tcp`, `TcpClosed` and `PortData` of this socket that are in the caller's mailbox
    move to the new owner, in their order; all later ones go there.

    Args:
        sock: the socket.
        pid: the new owner.

    Returns:
        `Ok()`, or `Error`:

        - `"not_owner"`: the caller is not the owner
        - `"badarg"`: the process has ended; the socket stays the caller's, and is passive now
        - `"closed"`: the socket is closed

    Raises:
        TypeError: an argument is of another type.
    """
    actor = stream_of(sock)
    return actor.hand_over(current_process(), live_process(pid))


@enable_ki_protection
async def sendfile(sock: TcpSocket, path: Any, offset: int = 0, count: int = 0) -> Ok[int] | Error:
    """Send a part of a file, without the header of a packet type. Erlang's `file:sendfile/5`.

    Args:
        sock: the socket.
        path: the path of the file.
        offset: where to begin, in bytes.
        count: how many bytes to send; 0 sends up to the end of the file.

    Returns:
        `Ok(sent)`, the bytes that were sent or queued; or `Error`: as for `send`, or a reason
        of the operating system for the file, such as `"enoent"`.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    check_int("offset", offset, "a number of bytes", 0)
    check_int("count", count, "a number of bytes", 0)
    if isinstance(actor, Error):
        return actor
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        return error_of(exc)
    sent = 0
    try:
        while not count or sent < count:
            size = min(_PIECE, count - sent) if count else _PIECE
            piece = os.pread(file, size, offset + sent)
            if not piece:
                break
            result = await actor.send(piece, framed=False)
            if isinstance(result, Error):
                return Error(result.reason, sent)
            sent += len(piece)
    except OSError as exc:
        return error_of(exc)
    finally:
        os.close(file)
    return Ok(sent)
