"""Checking the durations that callers give: seconds, as a number, never negative."""

import math

from ..shown import shown

__all__ = ["check_seconds"]


def check_seconds(name: str, value: float) -> float:
    """`value` as seconds, `math.inf` for ever; the argument is called `name` in what is raised.

    Raises `TypeError` when it is no number and `ValueError` when it is negative or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"{name}: expected seconds as a number (math.inf = for ever), got {shown(value)}"
        )
    try:
        wrong = math.isnan(value) or value < 0
    except OverflowError:  # more than a float can hold
        wrong = True
    if wrong:
        raise ValueError(f"{name}: expected seconds >= 0 (math.inf = for ever), got {shown(value)}")
    return value
