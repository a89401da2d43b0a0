"""The integers of C: their bounds, and the check that a value fits a C int.

The kernel takes levels, option numbers, sizes and most option values as C ints. Python integers
have no bounds, so a value is checked here instead of being cut to 32 bits without notice.
"""

from typing import Final

from ...arguments import restated, shown

__all__ = ["INT_MAX", "INT_MIN", "UINT_MAX", "c_int", "named_c_int"]

# C ints have 32 bits on every platform that Python supports, 64-bit Windows included.
INT_MAX: Final = 2**31 - 1
INT_MIN: Final = -INT_MAX - 1
UINT_MAX: Final = 2**32 - 1


def c_int(value: object) -> int:
    """Return `value` if it is an integer that fits a C int.

    Raises:
        TypeError: it is another type; a bool is not an integer here.
        ValueError: it is too large or too small.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("it is not an integer")
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("it does not fit a C int")
    return int(value)


def named_c_int(name: str, value: object, accepted: str) -> int:
    """Do the same as `c_int`; the error text has the value, its name and what is accepted."""
    try:
        return c_int(value)
    except (TypeError, ValueError) as problem:
        text = f"{name}: {shown(value)}: {problem}; accepted: {accepted}"
        raise restated(problem, text) from None
