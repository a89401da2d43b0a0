"""The ids of children as keys of a table.

An id is any object of the program, and its `__hash__` and `__eq__` are the program's code. They
may raise, or answer something else each time, and must not end the supervisor that looks for a
child. So each of them is asked in one place, and the hash once.
"""

from typing import Any, Final

from ...runtime.core.identity import Pid, Ref

__all__ = ["key_of"]

_PLAIN: Final = (str, int, bytes, float, bool, type(None), Pid, Ref)
"""Types whose instances are keys as they are; by far the most ids are such."""


class _Key:
    __slots__ = ("_hash", "_id")

    def __init__(self, id: Any) -> None:
        self._id = id
        try:
            self._hash = hash(id)
        except BaseException:  # `ChildSpec` has refused an id that can't be hashed
            self._hash = 0

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        # A plain id may equal one of a class of the program's, as 1 does a member of IntEnum.
        id = other._id if type(other) is _Key else other
        if self._id is id:
            return True
        try:
            return bool(self._id == id)
        except BaseException:
            return False


def key_of(id: Any) -> Any:
    """Return the key for an id: itself if it is of a plain type, or a key already."""
    kind = type(id)
    return id if kind is _Key or kind in _PLAIN else _Key(id)
