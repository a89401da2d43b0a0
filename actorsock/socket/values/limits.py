"""The bounds of C's integers, which the kernel's are."""

from typing import Final

__all__ = ["INT_MAX", "INT_MIN", "UINT_MAX"]

INT_MAX: Final = 2**31 - 1
INT_MIN: Final = -INT_MAX - 1
UINT_MAX: Final = 2**32 - 1
