"""Arguments that several functions take: sockets, data, time-outs, addresses."""

from math import inf
from typing import Any

from ...arguments import check_seconds, shown
from ...results import Error
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive
from ..driver.datagram_actor import DatagramActor
from ..driver.inet_actor import InetActor
from ..driver.listen_actor import ListenActor
from ..driver.socket_objects import InetSocket, TcpSocket, UdpSocket
from ..driver.stream_actor import StreamActor

__all__ = [
    "check_timeout",
    "connection_of",
    "data_of",
    "datagram_of",
    "inet_actor_of",
    "live_process",
    "stream_of",
]


def stream_of(sock: object) -> StreamActor | ListenActor:
    """Return the actor of a socket of gen_tcp; raise `TypeError` for anything else."""
    if not isinstance(sock, TcpSocket):
        raise TypeError(f"sock: expected a TcpSocket, got {shown(sock)}")
    actor: StreamActor | ListenActor = sock._actor
    return actor


def connection_of(sock: object) -> StreamActor | Error:
    """Return the actor of a connection; of a listening socket, the error of what it cannot do."""
    actor = stream_of(sock)
    if isinstance(actor, StreamActor):
        return actor
    return Error("closed" if actor.turns.closed else "enotconn")


def datagram_of(sock: object) -> DatagramActor:
    """Return the actor of a socket of gen_udp; raise `TypeError` for anything else."""
    if not isinstance(sock, UdpSocket):
        raise TypeError(f"sock: expected a UdpSocket, got {shown(sock)}")
    actor: DatagramActor = sock._actor
    return actor


def inet_actor_of(sock: object) -> InetActor:
    """Return the actor of either; raise `TypeError` for anything else."""
    if type(sock) is not TcpSocket and not isinstance(sock, InetSocket):
        raise TypeError(f"sock: expected a TcpSocket or a UdpSocket, got {shown(sock)}")
    actor: InetActor = sock._actor
    return actor


def data_of(data: Any, actor: InetActor | Error) -> bytes:
    """Return data to send as bytes: bytes-like, or nested lists of such and of integers.

    To a socket of the mode "list", which gives text with one character for each byte, such text may
    be sent too.

    Raises:
        TypeError: it is something else.
        ValueError: an integer or a character is no byte.
    """
    if type(data) is bytes:
        return data
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str) and (isinstance(actor, Error) or actor.value("mode") == "list"):
        try:
            return data.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(
                f"data: expected characters up to U+00FF, each for one byte, got {shown(data)}"
            ) from None
    if not isinstance(data, list | tuple):
        raise TypeError(f"data: expected bytes-like or a list of such, got {shown(data)}")
    parts = []
    for part in data:
        if isinstance(part, int) and not isinstance(part, bool):
            if not 0 <= part <= 255:
                raise ValueError(f"data: expected integers 0..255 in a list, got {shown(part)}")
            parts.append(bytes((part,)))
        else:
            parts.append(data_of(part, actor))
    return b"".join(parts)


def check_timeout(timeout: float) -> float:
    """Return a number of seconds, `math.inf` included."""
    return timeout if timeout is inf else check_seconds("timeout", timeout)


def live_process(pid: object) -> Process | None:
    """Return the process of a pid, None if it has ended; raise `TypeError` for anything else."""
    if not isinstance(pid, Pid):
        raise TypeError(f"pid: expected a Pid, got {shown(pid)}")
    process = alive.get(pid)
    return None if process is None or process.ending else process
