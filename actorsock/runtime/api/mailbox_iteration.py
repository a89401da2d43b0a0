"""`async for message in mailbox():`, which is `receive` written as a loop.

The iterator holds nothing but its pattern and time-out: every round of the loop is one `receive`.
So leaving the loop by `break`, an exception or a cancellation loses no message, and two loops over
one mailbox share it. It works in every kind of process body.
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
    """An async iterator over the mailbox of the process that iterates; made by `mailbox`."""

    __slots__ = ("_after", "_pattern")

    def __init__(self, pattern: Any, after: float) -> None:
        self._pattern = pattern
        self._after = after

    def __aiter__(self) -> "Messages[T]":
        return self

    async def __anext__(self) -> T:
        message: Any = await receive(self._pattern, after=self._after)
        # Without a time-out, a Timeout is a message that some process has sent.
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
    """Iterate over the messages that match: `async for message in mailbox():`.

    Args:
        pattern: as for `receive`; messages that do not match stay in the mailbox.
        after: seconds without a matching message after which the loop ends, counted anew for each
            message; `math.inf` (the default) goes on for ever.

    Returns:
        An async iterator. Each round is one `receive`, so any loop over the mailbox, and any
        `receive` inside the loop, takes the next message.

    Raises:
        TypeError, ValueError: as for `receive`.

    Example::

        async for message in mailbox(Order, after=60):
            await serve(message)
    """
    test_of(pattern)  # raise for a wrong pattern here, not in the first round of the loop
    check_seconds("after", after)
    return Messages(pattern, after)
