"""The bytes that have passed through one socket, of whichever module it is."""

from ..inet.driver.inet_actor import InetActor
from ..socket.core.lifetime import SocketLifetime

__all__ = ["bytes_received", "bytes_sent"]


def bytes_received(actor: SocketLifetime) -> int:
    """Return how many bytes the program has received by a socket."""
    if isinstance(actor, InetActor):
        return actor.statistics.recv_oct
    received: int = actor.counters.read_byte
    return received


def bytes_sent(actor: SocketLifetime) -> int:
    """Return how many bytes the program has sent by a socket, by `sendfile` too."""
    if isinstance(actor, InetActor):
        return actor.statistics.send_oct
    # Erlang's counters of `socket` count the bytes of `sendfile` apart.
    sent: int = actor.counters.write_byte + actor.counters.sendfile_byte
    return sent
