"""Which exit reasons say that a process has ended as it should."""

from typing import Any

__all__ = ["is_orderly"]


def is_orderly(reason: Any) -> bool:
    """`"normal"`, `"shutdown"` and `("shutdown", anything)`."""
    if type(reason) is tuple:
        return len(reason) == 2 and type(reason[0]) is str and reason[0] == "shutdown"
    return type(reason) is str and reason in ("normal", "shutdown")
