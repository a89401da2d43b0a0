"""Checking arguments: a wrong one raises at once, with its name and what was expected.

`TypeError` for a value of the wrong type, `ValueError` for one of the right type that makes no
sense. True and False are not accepted as numbers: where a number belongs they are slips.
"""

import math
import reprlib
from typing import Any, Final

__all__ = [
    "check_bool",
    "check_int",
    "check_seconds",
    "check_word",
    "exact_bytes",
    "exact_int",
    "exact_items",
    "exact_str",
    "restated",
    "shown",
]


_BYTES_SHOWN: Final = 30


def shown(value: Any) -> str:
    """Return `value` as error messages show it: of bounded length, even if its `repr` raises."""
    try:
        if issubclass(type(value), (bytes, bytearray)) and len(value) > _BYTES_SHOWN:
            return f"{value[:_BYTES_SHOWN]!r}... ({len(value)} bytes)"
        return reprlib.repr(value)
    except BaseException:  # an integer of more digits than Python prints, or the program's code
        return f"<{type(value).__name__}>"


# A class of the caller's own may inherit from a built-in one and override any method. The methods
# of the built-in class itself, called as below, see the value that the object really has.


def exact_int(value: int) -> int:
    """Return `value`, an instance of int or of a class of its own, as a plain int."""
    return int.__index__(value)


def exact_str(value: str) -> str:
    """Return `value`, an instance of str or of a class of its own, as a plain str."""
    return str.__str__(value)


def exact_bytes(value: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes in the memory of `value`, whatever it says about itself."""
    return value if type(value) is bytes else memoryview(value).tobytes()


def exact_items(value: Any) -> tuple[Any, ...]:
    """Return the elements that a list, tuple or set has at this moment, whatever its own class.

    Raises `TypeError` for anything else.
    """
    for base in (tuple, list, set, frozenset):
        if issubclass(type(value), base):
            return tuple(base.__iter__(value))
    raise TypeError(f"{shown(value)} is not a list, tuple or set")


def check_bool(argument: str, value: object, expected: str = "a bool") -> bool:
    """Return `value` if it is True or False; raise `TypeError` otherwise."""
    if not isinstance(value, bool):
        raise _wrong(TypeError, argument, expected, value)
    return value


def check_int(
    argument: str, value: object, expected: str, low: float, high: float = math.inf
) -> int:
    """Return `value` as a plain int if it is one from `low` to `high`; `expected` describes it."""
    if type(value) is not int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(TypeError, argument, expected, value)
        value = exact_int(value)
    if not low <= value <= high:
        raise _wrong(ValueError, argument, expected, value)
    return value


def check_word(argument: str, value: Any, words: tuple[str, ...]) -> str:
    """Return `value` as a plain str if it is one of `words`."""
    expected = f"one of {', '.join(map(repr, words))}"
    if not isinstance(value, str):
        raise _wrong(TypeError, argument, expected, value)
    word = exact_str(value)
    if word not in words:
        raise _wrong(ValueError, argument, expected, value)
    return word


def check_seconds(argument: str, value: float) -> float:
    """Return `value` as a plain number if it is a duration: seconds >= 0, `math.inf` included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(TypeError, argument, "seconds as a number (math.inf = for ever)", value)
    if type(value) is not float and type(value) is not int:
        # Deadlines are compared in a heap that all processes share.
        value = exact_int(value) if isinstance(value, int) else float.__float__(value)
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
