"""The sockets of gen_tcp and gen_udp as programs have them."""

from typing import Any

from ...socket.core.socket_object import Socket

__all__ = ["InetSocket", "TcpSocket", "UdpSocket", "close_behind_output"]


class InetSocket(Socket):
    """A socket of gen_tcp or gen_udp; the functions of `inet` take both.

    Any process may use it and send it to others. Messages of an active socket go to its owner,
    the process that opened or accepted it, and the end of the owner closes it. It is no socket of
    `actorsock.socket`, whose functions refuse it: they would take bytes past its packets.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#Port<0.{self._number}>"

    async def _close(self) -> None:
        await close_behind_output(self._actor, self)


class TcpSocket(InetSocket):
    """A socket of `gen_tcp`: connected, or listening."""

    __slots__ = ()


class UdpSocket(InetSocket):
    """A socket of `gen_udp`."""

    __slots__ = ()


async def close_behind_output(actor: Any, handle: Socket) -> None:
    """Close as `gen_tcp.close` does; who is cancelled or killed does not wait for queued output."""
    try:
        await actor.close_by_program(handle)
    except BaseException:
        actor.leave()
        raise
