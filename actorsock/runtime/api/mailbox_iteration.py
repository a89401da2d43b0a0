"""`async for message in mailbox():` — receive, written as a loop.

The iterator keeps nothing but its pattern: every turn of the loop is one `receive`, so breaking
out, an exception or a cancellation leaves no message half taken, and two loops over one mailbox
share it. It works in every kind of process body.
"""

from collections.abc import Callable
from math import inf
from types import UnionType
from typing import Any, Generic, TypeVar, final, overload

from ...arguments import check_seconds
from ..core.identity import Ref
from ..core.mailbox import test_of
from ..core.messages import Timeout
from .messaging import receive

__all__ = ["Messages", "mailbox"]

T = TypeVar("T")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


@final
class Messages(Generic[T]):
    """The messages of whoever iterates; made by `mailbox`."""

    __slots__ = ("_after", "_pattern")

    def __init__(self, pattern: Any, after: float) -> None:
        self._pattern = pattern
        self._after = after

    def __aiter__(self) -> "Messages[T]":
        return self

    async def __anext__(self) -> T:
        message: Any = await receive(self._pattern, after=self._after)
        # Without a time-out a Timeout is a message that somebody has sent.
        if type(message) is Timeout and self._after != inf:
            raise StopAsyncIteration
        return message  # type: ignore[no-any-return]


@overload
def mailbox(pattern: type[T], *, after: float = inf) -> Messages[T]: ...
@overload
def mailbox(pattern: tuple[type[T], type[T2]], *, after: float = inf) -> Messages[T | T2]: ...
@overload
def mailbox(
    pattern: tuple[type[T], type[T2], type[T3]], *, after: float = inf
) -> Messages[T | T2 | T3]: ...
@overload
def mailbox(
    pattern: tuple[type[T], type[T2], type[T3], type[T4]], *, after: float = inf
) -> Messages[T | T2 | T3 | T4]: ...
@overload
def mailbox(
    pattern: tuple[type | UnionType, ...] | UnionType | Ref | Callable[[Any], object] | None = None,
    *,
    after: float = inf,
) -> Messages[Any]: ...
def mailbox(pattern: Any = None, *, after: float = inf) -> Messages[Any]:
    """Receive in a loop: `async for message in mailbox():`, each message that matches.

    `pattern` is what `receive` takes. The loop ends when none that matches has come for `after`
    seconds, counted anew for each; without `after` it goes on for ever.
    """
    test_of(pattern)  # here, and not in the first turn of the loop
    check_seconds("after", after)
    return Messages(pattern, after)
