"""The limits at which a trace stops itself: a number in all, or a rate. Pure."""

from typing import Any

import attrs

from ...arguments import shown

__all__ = ["Limit", "limit_of"]


@attrs.define
class Limit:
    """So many events, in all or in each window of time.

    A window begins with the first event after the end of the former one. As in recon_trace the
    trace stops for good as soon as one window has too many.
    """

    count: int
    seconds: float | None = None
    seen: int = 0
    _began: float = 0.0

    def __str__(self) -> str:
        within = "" if self.seconds is None else f" in {self.seconds:g} seconds"
        return f"{self.count:,} events{within}"

    def admits(self, now: float) -> bool:
        """Return whether one more event is within the limit; count it."""
        if self.seconds is not None and (self.seen == 0 or now - self._began >= self.seconds):
            self._began, self.seen = now, 0
        self.seen += 1
        return self.seen <= self.count


def limit_of(limit: Any) -> Limit | None:
    """Return the limit that an argument `limit` means."""
    match limit:
        case None:
            return None
        case int() if type(limit) is int and limit > 0:
            return Limit(limit)
        case (int() as count, (int() | float()) as seconds) if (
            type(count) is int and count > 0 and type(seconds) is not bool and seconds > 0
        ):
            return Limit(count, float(seconds))
    raise ValueError(
        f"limit: expected None, a number of events > 0 or (number, seconds), got {shown(limit)}"
    )
