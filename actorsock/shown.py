"""How messages show the values that a caller has given, which may be anything."""

import reprlib

__all__ = ["shown"]


def shown(value: object) -> str:
    """`value` as messages show it: of bounded length, whatever its own `repr` does."""
    try:
        return reprlib.repr(value)
    except Exception:  # e.g. an integer of more digits than Python prints
        return f"<{type(value).__name__}>"
