"""Checking arguments: a wrong one raises at once, with its name and what was expected.

`TypeError` for a value of the wrong type, `ValueError` for one of the right type that makes no
sense. True and False are not accepted as numbers: where a number belongs they are slips.
"""

import math
import reprlib
from typing import Any, Final

__all__ = ["check_bool", "check_int", "check_seconds", "check_word", "restated", "shown"]


_BYTES_SHOWN: Final = 30


def shown(value: object) -> str:
    """Return `value` as error messages show it: of bounded length, even if its `repr` raises."""
    try:
        if isinstance(value, (bytes, bytearray)) and len(value) > _BYTES_SHOWN:
            return f"{value[:_BYTES_SHOWN]!r}... ({len(value)} bytes)"
        return reprlib.repr(value)
    except Exception:  # e.g. an integer of more digits than Python prints
        return f"<{type(value).__name__}>"


def check_bool(argument: str, value: object, expected: str = "a bool") -> bool:
    """Return `value` if it is True or False; raise `TypeError` otherwise."""
    if not isinstance(value, bool):
        raise _wrong(TypeError, argument, expected, value)
    return value


def check_int(
    argument: str, value: object, expected: str, low: float, high: float = math.inf
) -> int:
    """Return `value` if it is an integer from `low` to `high`; `expected` describes it."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(TypeError, argument, expected, value)
    if not low <= value <= high:
        raise _wrong(ValueError, argument, expected, value)
    return value


def check_word(argument: str, value: Any, words: tuple[str, ...]) -> None:
    """Raise `TypeError` or `ValueError` unless `value` is one of `words`."""
    expected = f"one of {', '.join(map(repr, words))}"
    if not isinstance(value, str):
        raise _wrong(TypeError, argument, expected, value)
    if value not in words:
        raise _wrong(ValueError, argument, expected, value)


def check_seconds(argument: str, value: float) -> float:
    """Return `value` if it is a duration: a number of seconds >= 0, `math.inf` included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(TypeError, argument, "seconds as a number (math.inf = for ever)", value)
    try:
        wrong = math.isnan(value) or value < 0
    except OverflowError:  # an integer larger than every float
        wrong = True
    if wrong:
        raise _wrong(ValueError, argument, "seconds >= 0 (math.inf = for ever)", value)
    return value


def restated(problem: TypeError | ValueError, text: str) -> TypeError | ValueError:
    """Return a `TypeError` or `ValueError`, as `problem` is one, with another text."""
    # Not an instance of the problem's own class: a UnicodeEncodeError, for example, is a
    # ValueError, but cannot be made from a text alone.
    return TypeError(text) if isinstance(problem, TypeError) else ValueError(text)


def _wrong(
    error: type[TypeError] | type[ValueError], argument: str, expected: str, value: object
) -> TypeError | ValueError:
    return error(f"{argument}: expected {expected}, got {shown(value)}")
