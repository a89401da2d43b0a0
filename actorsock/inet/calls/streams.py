"""What gen_tcp does with a connection: data, both ends, the owner."""

import os
import socket as stdlib
from math import inf
from typing import Any, Final, Literal

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_int, check_word
from ...results import Error, Ok
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.kernel.errors import error_of
from ..driver.socket_objects import TcpSocket
from .arguments import check_timeout, connection_of, data_of, live_process, stream_of

__all__ = [
    "HOW", "close", "close_nowait", "controlling_process", "recv", "send", "sendfile", "shutdown",
    "unrecv",
]  # fmt: skip

HOW: Final = {
    "read": stdlib.SHUT_RD,
    "write": stdlib.SHUT_WR,
    "read_write": stdlib.SHUT_RDWR,
}
"""The words of `shutdown`, and what they are to the system."""
_PIECE: Final = 65536
_RESULT: Final = (Ok, Error)


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


@twin
@enable_ki_protection
async def send(sock: TcpSocket, data: Any) -> Ok[None] | Error:
    """Send data. Erlang's `gen_tcp:send/2`.

    What the kernel does not take at once is queued. The call waits only if the queue is busy when
    it begins: above the option `high_watermark`, until it falls below `low_watermark`, for at most
    `send_timeout` seconds.

    Args:
        sock: the socket; any process may send, and data of several processes does not mix.
        data: bytes-like, or a list of such and of integers, also nested; to a socket of the mode
            `"list"` also text as it gives it, one character for each byte. The packet types 1, 2
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
    actor = connection_of(sock)
    given = data_of(data, actor)
    if isinstance(actor, Error):
        return actor
    result = actor.send(current_process(), given)
    return result if isinstance(result, _RESULT) else await result


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
    given = data_of(data, actor)
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
def close_nowait(sock: TcpSocket) -> Ok[None]:
    """Close a socket without a wait: for plain functions, such as callbacks of a server in place.

    As `close`, but queued output goes out in the background, for as long as the peer takes it, as
    after the end of the owner. Erlang has no counterpart: there every function may wait.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.

    Example::

        class Session(otp.GenServer):
            ...

            def terminate(self, reason):
                gen_tcp.close_nowait(self.sock)
    """
    charge(SYSTEM_CALL)
    stream_of(sock).close_without_wait(sock)
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
        path: the path of a file that has positions, so not of a pipe.
        offset: where to begin, in bytes.
        count: how many bytes to send; 0 sends up to the end of the file.

    Returns:
        `Ok(sent)`, the bytes that were sent or queued; or `Error`: as for `send`, or a reason
        of the operating system for the file, such as `"enoent"`, or `"espipe"` for a pipe.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = connection_of(sock)
    check_int("offset", offset, "a number of bytes", 0)
    check_int("count", count, "a number of bytes", 0)
    if isinstance(actor, Error):
        return actor
    try:
        # Without O_NONBLOCK a named pipe that nobody writes to would hold up the whole runtime.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        return error_of(exc)
    sent = 0
    try:
        while not count or sent < count:
            size = min(_PIECE, count - sent) if count else _PIECE
            piece = os.pread(file, size, offset + sent)
            if not piece:
                break
            result = actor.send(current_process(), piece, framed=False)
            if not isinstance(result, _RESULT):
                result = await result
            if isinstance(result, Error):
                return Error(result.reason, sent)
            sent += len(piece)
    except OSError as exc:
        return error_of(exc)
    finally:
        os.close(file)
    return Ok(sent)
