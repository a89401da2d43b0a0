"""Every test of looking at processes leaves the tables as empty as it found them."""

from ..stories import nothing_is_left_behind

__all__ = ["nothing_is_left_behind"]
