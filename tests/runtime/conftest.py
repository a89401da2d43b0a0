"""Every test of the runtime leaves the tables of processes as empty as it found them."""

from ..stories import nothing_is_left_behind

__all__ = ["nothing_is_left_behind"]
