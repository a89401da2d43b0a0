"""The sockets of gen_tcp and gen_udp as programs have them."""

from ...socket.core.socket_object import Socket

__all__ = ["InetSocket", "TcpSocket", "UdpSocket"]


class InetSocket(Socket):
    """A socket of gen_tcp or gen_udp; the functions of `inet` take both.

    Any process may use it and send it to others. Messages of an active socket go to its owner,
    the process that opened or accepted it, and the end of the owner closes it. It is no socket of
    `actorsock.socket`, whose functions refuse it: they would take bytes past its packets.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#Port<0.{self._number}>"


class TcpSocket(InetSocket):
    """A socket of `gen_tcp`: connected, or listening."""

    __slots__ = ()


class UdpSocket(InetSocket):
    """A socket of `gen_udp`."""

    __slots__ = ()
