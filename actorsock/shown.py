"""How messages show the values that a caller has given, which may be anything."""

import reprlib
from typing import Final

__all__ = ["shown"]

_BYTES: Final = 30


def shown(value: object) -> str:
    """`value` as messages show it: of bounded length, whatever its own `repr` does."""
    try:
        if isinstance(value, (bytes, bytearray)) and len(value) > _BYTES:
            return f"{value[:_BYTES]!r}... ({len(value)} bytes)"
        return reprlib.repr(value)
    except Exception:  # e.g. an integer of more digits than Python prints
        return f"<{type(value).__name__}>"
