"""A receive that runs beside a function of trio's, in tasks.

Neither side is lost because the message is not taken while both run: a predicate that matches
nothing watches the mailbox, and notes that there is a message to take. It is taken afterwards, if
the function has not returned by then. A receive that took it at once could be finished in the same
pass of trio's loop as the function, and the call would have two results.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

import attrs
import trio

from ..bodies.current import current_process
from ..bodies.functions import call_function
from ..core.mailbox import test_of
from .messaging import receive

__all__ = ["Received", "Returned", "receive_or"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@attrs.frozen
class Received:
    """The result of `receive_or` when a message came first; the function was cancelled.

    Attributes:
        message: the message, which has been taken from the mailbox.
    """

    message: Any


@attrs.frozen
class Returned(Generic[T]):
    """The result of `receive_or` when the function returned; no message has been taken.

    Attributes:
        value: the result of the function.
    """

    value: T


async def receive_or(
    fn: Callable[[Unpack[Ts]], Awaitable[T]], *args: *Ts, pattern: Any = None
) -> Received | Returned[T]:
    """Wait for a message or for `await fn(*args)`, whichever is first, and lose neither.

    `fn` runs in a child task while the caller waits for a message. When there is one, `fn` is
    cancelled and its clean-up awaited. If it returns or raises all the same, that is the outcome,
    and the message stays in the mailbox for the next receive. A message that is there already
    comes first: `fn` is not called then.

    Inside `fn` the functions of this library act as a process of the child task's own, with a
    mailbox of its own, which ends with it.

    Args:
        fn: an async function. It loses nothing if cancelling it loses nothing, as is the case for
            `receive_some` of a stream, and for what `actorsock.socket` receives.
        *args: its arguments.
        pattern: as for `receive`; messages that do not match stay in the mailbox.

    Returns:
        `Received(message)` or `Returned(value)`.

    Raises:
        TypeError: `pattern` is none of those that `receive` takes.
        RuntimeError: the caller is a light process, which has no child tasks.
        Exception: whatever `fn` or a predicate raises.

    Example::

        while True:
            match await receive_or(stream.receive_some):
                case Received(message):
                    await stream.send_all(encode(message))
                case Returned(b""):
                    break
                case Returned(data):
                    handle(data)
    """
    matches = test_of(pattern)
    process = current_process()
    if process.body.kind == "light":
        raise RuntimeError(
            "receive_or: a light process has no child tasks; spawn the process without light=True,"
            " or let another process run the function and send its result"
        )
    found: list[Any] = []
    returned: list[Returned[T]] = []
    raised: list[Exception] = []
    waiting = trio.CancelScope()

    def watch(message: Any) -> bool:
        if not found and matches(message):
            found.append(message)
            waiting.cancel()
        return False  # the message stays

    async def run() -> None:
        try:
            returned.append(Returned(await call_function(fn, args)))
        except Exception as exc:
            raised.append(exc)
        finally:
            waiting.cancel()

    await receive(watch, after=0)
    if not found:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, name=fn)
            try:
                with waiting:
                    await receive(watch)
            except trio.Cancelled:
                if not returned:
                    raise
            except Exception as exc:  # of a predicate
                raised.append(exc)
            nursery.cancel_scope.cancel()
        # Outside of the nursery, which would put the exception into a group.
        if raised:
            raise raised[0]
        if returned:
            return returned[0]
    # It may be gone: a limit of the mailbox can drop it while `fn` cleans up.
    await receive(lambda message: message is found[0], after=0)
    return Received(found[0])
