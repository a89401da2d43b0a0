"""Which exit reasons say that a process has ended as it should."""

from typing import Any

from ..runtime.signals import is_word

__all__ = ["is_orderly"]


def is_orderly(reason: Any) -> bool:
    """`"normal"`, `"shutdown"` and `("shutdown", anything)`."""
    if type(reason) is tuple:
        return len(reason) == 2 and is_word(reason[0], "shutdown")
    return is_word(reason, "normal", "shutdown")
