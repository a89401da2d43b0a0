"""Checking arguments: a wrong one raises at once, naming itself and what was expected.

`TypeError` when it is of the wrong kind, `ValueError` when it is of the right kind and no
sensible value. True and False are no numbers here: where a number belongs they are slips.
"""

import math
import reprlib
from typing import Any, Final

__all__ = ["check_bool", "check_int", "check_seconds", "check_word", "restated", "shown"]


_BYTES: Final = 30


def shown(value: object) -> str:
    """`value` as messages show it: of bounded length, whatever its own `repr` does."""
    try:
        if isinstance(value, (bytes, bytearray)) and len(value) > _BYTES:
            return f"{value[:_BYTES]!r}... ({len(value)} bytes)"
        return reprlib.repr(value)
    except Exception:  # e.g. an integer of more digits than Python prints
        return f"<{type(value).__name__}>"


def check_bool(argument: str, value: object, expected: str = "a bool") -> bool:
    """`value`, if it is True or False."""
    if not isinstance(value, bool):
        raise _wrong(TypeError, argument, expected, value)
    return value


def check_int(
    argument: str, value: object, expected: str, low: float, high: float = math.inf
) -> int:
    """`value`, if it is an integer from `low` to `high`; `expected` says what it means."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(TypeError, argument, expected, value)
    if not low <= value <= high:
        raise _wrong(ValueError, argument, expected, value)
    return value


def check_word(argument: str, value: Any, words: tuple[str, ...]) -> None:
    """`value` is one of `words`."""
    expected = f"one of {', '.join(map(repr, words))}"
    if not isinstance(value, str):
        raise _wrong(TypeError, argument, expected, value)
    if value not in words:
        raise _wrong(ValueError, argument, expected, value)


def check_seconds(argument: str, value: float) -> float:
    """`value`, if it is a duration: seconds as a number, `math.inf` for ever, never negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(TypeError, argument, "seconds as a number (math.inf = for ever)", value)
    try:
        wrong = math.isnan(value) or value < 0
    except OverflowError:  # more than a float can hold
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
    kind: type[TypeError] | type[ValueError], argument: str, expected: str, value: object
) -> TypeError | ValueError:
    return kind(f"{argument}: expected {expected}, got {shown(value)}")
