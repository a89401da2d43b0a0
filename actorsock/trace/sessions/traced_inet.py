"""The classes that the actors of traced sockets of gen_tcp, gen_udp and ssl have.

As with processes, tracing assigns to the `__class__` of an actor, and back when it ends. So nothing
is tested while nothing is traced, and the native core leaves traced sockets to the Python.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from ...inet.driver.datagram_actor import Datagram, DatagramActor
from ...inet.driver.inet_actor import InetActor
from ...inet.driver.listen_actor import ListenActor
from ...inet.driver.receiving_actor import ReceivingActor
from ...inet.driver.socket_objects import TcpSocket
from ...inet.driver.stream_actor import StreamActor
from ...inet.driver.waiting import Waiter
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...socket.core.lifetime import SocketLifetime
from ...tls.driver.tls_actor import TlsActor

__all__ = ["observe"]


def _tell(actor: InetActor, operation: str, result: Ok[Any] | Error | None) -> None:
    """Tell the trace of a request of the calling process; None: it waits."""
    trace = actor.service.registry.trace
    if trace is not None:
        trace.told(actor.socket_object, operation, current_process().pid, result)


class TracedListen(ListenActor):
    """A listening socket."""

    __slots__ = ()

    async def accept(self, timeout: float) -> Ok[TcpSocket] | Error:
        """Accept, and tell of it."""
        result = await super().accept(timeout)
        _tell(self, "accept", result)
        return result

    async def wait_to_accept(self, waiter: Waiter, timeout: float) -> Ok[TcpSocket] | Error:
        """Tell that the process waits."""
        _tell(self, "accept", None)
        return await super().wait_to_accept(waiter, timeout)


class _TracedReceiver(ReceivingActor):
    """What connections and sockets of gen_udp have in common."""

    __slots__ = ()

    async def wait_to_read(self, waiter: Waiter, timeout: float) -> Any:
        """Tell that the process waits."""
        if timeout:
            _tell(self, "recv", None)
        return await super().wait_to_read(waiter, timeout)


class TracedStream(_TracedReceiver, StreamActor):
    """A connection."""

    __slots__ = ()

    async def connect(self, address: Any, deadline: float) -> Ok[None] | Error:
        """Connect, and tell of it."""
        _tell(self, "connect", None)
        result = await super().connect(address, deadline)
        _tell(self, "connect", result)
        return result

    async def recv(self, length: int, timeout: float) -> Ok[Any] | Error:
        """Receive, and tell of it."""
        result = await super().recv(length, timeout)
        _tell(self, "recv", result)
        return result

    def send(
        self, process: Process, data: bytes, framed: bool = True
    ) -> Ok[None] | Error | Awaitable[Ok[None] | Error]:
        """Send, and tell of it."""
        result = super().send(process, data, framed)
        if not isinstance(result, (Ok, Error)):
            return self._sent(result)
        _tell(self, "send", result)
        return result

    async def _sent(self, sending: Awaitable[Ok[None] | Error]) -> Ok[None] | Error:
        result = await sending
        _tell(self, "send", result)
        return result

    async def send_later(
        self, process: Process, data: bytes, framed: bool = True
    ) -> Ok[None] | Error:
        """Tell that the process waits."""
        _tell(self, "send", None)
        return await super().send_later(process, data, framed)

    def shutdown(self, how: int) -> Ok[None] | Error:
        """Shut down, and tell of it."""
        result = super().shutdown(how)
        _tell(self, "shutdown", result)
        return result


class TracedTls(TracedStream, TlsActor):
    """A connection of TLS."""

    __slots__ = ()

    async def shake_hands(self, deadline: float) -> Ok[None] | Error[Any]:
        """Carry out the handshake, and tell of it."""
        _tell(self, "handshake", None)
        result = await super().shake_hands(deadline)
        _tell(self, "handshake", result)
        return result


class TracedDatagram(_TracedReceiver, DatagramActor):
    """A socket of gen_udp."""

    __slots__ = ()

    async def recv(self, timeout: float) -> Ok[Datagram] | Error:
        """Receive, and tell of it."""
        result = await super().recv(timeout)
        _tell(self, "recv", result)
        return result

    def send(self, data: bytes, address: Any, control: Sequence[Any] = ()) -> Ok[None] | Error:
        """Send, and tell of it."""
        result = super().send(data, address, control)
        _tell(self, "send", result)
        return result

    def connect(self, address: Any) -> Ok[None] | Error:
        """Choose the peer, and tell of it."""
        result = super().connect(address)
        _tell(self, "connect", result)
        return result


_TRACED: Final[dict[type[SocketLifetime], type[SocketLifetime]]] = {
    ListenActor: TracedListen,
    StreamActor: TracedStream,
    TlsActor: TracedTls,
    DatagramActor: TracedDatagram,
}
_PLAIN: Final = {traced: plain for plain, traced in _TRACED.items()}


def observe(actor: SocketLifetime, flag: bool) -> None:
    """Begin or end to tell of the requests to a socket, if it is one of these."""
    classes = _TRACED if flag else _PLAIN
    actor.__class__ = classes.get(type(actor), type(actor))
