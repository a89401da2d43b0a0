"""Who and which: pids name processes, refs name everything that happens once.

Both are opaque, equal only to themselves, and small enough to travel in any message. What a
pid leads to is not known here: `process.alive` is the table.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, Final, TypeVar

from ...arguments import shown

__all__ = ["Pid", "Ref", "check_pid", "check_ref", "make_ref"]

_next_pid: Final[Callable[[], int]] = count(1).__next__
_next_ref: Final[Callable[[], int]] = count(1).__next__

Self = TypeVar("Self")


class _Identity:
    """Copying a message must not make a second pid or ref that leads nowhere."""

    # Made for every process and every call, hence by hand.
    __slots__ = ("_number",)

    _number: int

    @property
    def number(self) -> int:
        """Tells it from all others of its kind."""
        return self._number

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(f"{self!r} means something only inside this program: it can't be pickled")


class Pid(_Identity):
    """A process identifier, printed as Erlang prints it: `<0.N.0>`."""

    __slots__ = ()

    def __init__(self) -> None:
        self._number = _next_pid()

    def __repr__(self) -> str:
        return f"<0.{self._number}.0>"


class Ref(_Identity):
    """A reference, unique for the life of the program: Erlang's `reference()`."""

    __slots__ = ()

    def __init__(self) -> None:
        self._number = _next_ref()

    def __repr__(self) -> str:
        return f"#Ref<0.{self._number}>"


def make_ref() -> Ref:
    """A new reference; Erlang's `make_ref/0`."""
    return Ref()


def check_pid(pid: object, argument: str = "pid", expected: str = "a Pid") -> Pid:
    """`pid`, if it is one; raises `TypeError` naming the argument otherwise."""
    if type(pid) is not Pid:
        raise TypeError(f"{argument}: expected {expected}, got {shown(pid)}")
    return pid


def check_ref(ref: object, argument: str = "ref") -> Ref:
    """`ref`, if it is one; raises `TypeError` naming the argument otherwise."""
    if type(ref) is not Ref:
        raise TypeError(f"{argument}: expected a Ref, got {shown(ref)}")
    return ref
