"""Pids, which name processes, and refs, which name everything that happens once.

Both are opaque, equal only to themselves, and small enough to travel in any message. The table
that leads from a pid to its process is `process.alive`.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, Final, TypeGuard, TypeVar

from ..._native import twin
from ...arguments import shown

__all__ = ["Numbered", "Pid", "Ref", "check_pid", "check_ref", "is_pid", "make_ref"]

_next_pid: Final[Callable[[], int]] = count(1).__next__
_next_ref: Final[Callable[[], int]] = count(1).__next__

Self = TypeVar("Self")


@twin
class Numbered:
    """An object with a number, and nothing else that a garbage collector would have to look at."""

    # No attrs class: one is made for every process and every call, and this is the cheapest form.
    # Weakly referred to by the table in which a cluster finds what has been sent to other nodes.
    __slots__ = ("__weakref__", "_number")

    _number: int


class _Identity(Numbered):
    """Base of `Pid` and `Ref`: comparison is by identity, so a copy is the object itself."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """The number that `repr` shows; unique among all pids, or all refs, of the program."""
        return self._number

    # A message that is copied must still carry the pid or ref that leads somewhere.
    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(f"{self!r} means something only inside this program: it can't be pickled")


class Pid(_Identity):
    """A process identifier, printed in Erlang's form `<0.N.0>`. Erlang's `pid()`.

    Returned by `spawn` and its relatives, and by `current_pid`. Equal only to itself, hashable,
    and valid in the program that made it: it can be copied but not pickled.
    """

    __slots__ = ()

    def __init__(self) -> None:
        self._number = _next_pid()

    def __repr__(self) -> str:
        return f"<0.{self._number}.0>"


class Ref(_Identity):
    """A reference, unique for the life of the program. Erlang's `reference()`.

    Returned by `make_ref`, `monitor`, `alias` and the timers. `receive(ref)` takes a message that
    carries it in an attribute `ref`, or a tuple that has it in front. Equal only to itself,
    hashable; it can be copied but not pickled.
    """

    __slots__ = ()

    def __init__(self) -> None:
        self._number = _next_ref()

    def __repr__(self) -> str:
        return f"#Ref<0.{self._number}>"


@twin
def make_ref() -> Ref:
    """Return a new reference. Erlang's `make_ref/0`.

    Example::

        ref = make_ref()
        send(server, Request(ref, current_pid()))
        answer = await receive(ref)  # a message with the attribute `ref`, or a tuple (ref, ...)
    """
    return Ref()


def is_pid(value: object) -> TypeGuard[Pid]:
    """Return True for a `Pid`, also one of another node.

    Not isinstance, which asks an object of the program for its `__class__`.
    """
    return issubclass(type(value), Pid)


def check_pid(pid: object, argument: str = "pid", expected: str = "a Pid") -> Pid:
    """Return `pid`; raise `TypeError`, which names the argument, unless it is a `Pid`."""
    if not is_pid(pid):
        raise TypeError(f"{argument}: expected {expected}, got {shown(pid)}")
    return pid


def check_ref(ref: object, argument: str = "ref") -> Ref:
    """Return `ref`; raise `TypeError`, which names the argument, unless it is a `Ref`."""
    if not issubclass(type(ref), Ref):
        raise TypeError(f"{argument}: expected a Ref, got {shown(ref)}")
    return ref  # type: ignore[return-value]  # mypy does not follow `issubclass(type(ref), Ref)`
