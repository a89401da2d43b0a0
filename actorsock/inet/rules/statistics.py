"""The counters of one socket that `inet.getstat` shows."""

from typing import Final

from ..._native import twin

__all__ = ["STATISTICS", "Statistics"]

STATISTICS: Final = (
    "recv_oct",
    "recv_cnt",
    "recv_max",
    "recv_avg",
    "recv_dvi",
    "send_oct",
    "send_cnt",
    "send_max",
    "send_avg",
    "send_pend",
)
"""The names of all counters, in Erlang's order."""


@twin
class PacketNumbers:
    """The numbers of `Statistics`: what is counted, without what is computed from that."""

    __slots__ = (
        "deviations", "recv_cnt", "recv_max", "recv_oct", "send_cnt", "send_max", "send_oct",
    )  # fmt: skip

    def __init__(self) -> None:
        self.deviations = 0.0
        """The sum of how far each received packet was from the average so far, with its sign."""
        self.recv_oct = self.recv_cnt = self.recv_max = 0
        self.send_oct = self.send_cnt = self.send_max = 0


class Statistics(PacketNumbers):
    """What a socket has handed over and taken: packets are counted as a program sees them.

    Received bytes count when they are handed over, with the header of their packet; sent ones
    when they are taken for sending, also if they are still queued.
    """

    __slots__ = ()

    def received(self, size: int) -> None:
        """Count one received packet."""
        self.recv_oct += size
        self.recv_cnt += 1
        if size > self.recv_max:
            self.recv_max = size
        self.deviations += size - self.recv_oct / self.recv_cnt

    def sent(self, size: int) -> None:
        """Count one send."""
        self.send_oct += size
        self.send_cnt += 1
        if size > self.send_max:
            self.send_max = size

    def shown(self, pending: int) -> dict[str, int]:
        """Return all counters by name; `pending` is the number of queued bytes."""
        return {
            "recv_oct": self.recv_oct,
            "recv_cnt": self.recv_cnt,
            "recv_max": self.recv_max,
            "recv_avg": self.recv_oct // self.recv_cnt if self.recv_cnt else 0,
            "recv_dvi": int(abs(self.deviations) / self.recv_cnt) if self.recv_cnt else 0,
            "send_oct": self.send_oct,
            "send_cnt": self.send_cnt,
            "send_max": self.send_max,
            "send_avg": self.send_oct // self.send_cnt if self.send_cnt else 0,
            "send_pend": pending,
        }
