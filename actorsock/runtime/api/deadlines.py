"""A deadline over several calls, in tasks and in light processes.

In a task it is a cancel scope of trio's. A light process is no task, so a timer of the runtime
resumes its waiting call with an exception, as an exit signal does: the call cleans up in the same
way, and nothing that has arrived for it is lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ..bodies.current import current_process
from ..bodies.light import Interruption, LightBody
from ..core.timers import Entry

__all__ = ["DeadlineError", "deadline"]

_RETRY: Final = 0.001
"""Seconds until the next attempt to interrupt a light process that did not wait at the deadline."""


class DeadlineError(TimeoutError):
    """The block of `deadline` has not ended in time."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit the time of a block, in every kind of process that can wait.

    The call in which the process waits at the deadline is interrupted, as by a cancelled scope, or
    else the next one that waits. Blocks may be nested; the earliest deadline counts.

    Args:
        seconds: seconds from now, on trio's clock.

    Raises:
        DeadlineError: time was up before the block ended; a `TimeoutError`.
        TypeError, ValueError: `seconds` is not a number of seconds.
        RuntimeError: the caller is a handler, which can't wait.

    Example::

        with deadline(5):
            name = await socket.recv(sock, 16)
            send(registry, (name, current_pid()))
            answer = await receive(Welcome)
    """
    seconds = check_seconds("seconds", seconds)
    body = current_process().body
    if isinstance(body, LightBody):
        yield from _in_a_light_process(body, seconds)
        return
    if body.kind == "handler":
        # It would be a scope of whoever has sent the message.
        body.checkpoint()  # raises
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise _error(seconds)


def _in_a_light_process(body: LightBody, seconds: float) -> Iterator[None]:
    # Each block has an object of its own, by which nested blocks tell whose time is up.
    timers, expired = body.timers, Interruption(_error(seconds))

    def arm(at: float) -> Entry:
        return timers.add(at, expire)

    @enable_ki_protection
    def expire() -> None:
        if body.ended:
            return  # without leaving the block, which somebody still holds
        if body.parked is not None and not body.stopped:
            body.throw_next(expired)
            body.wake()
        else:
            # It has been woken and has not run yet, or it is about to be unwound. What it was woken
            # with must not be lost, so it is interrupted in the next call that waits.
            armed[0] = arm(trio.current_time() + _RETRY)

    armed = [arm(trio.current_time() + seconds)]
    try:
        yield
    except Interruption as exc:
        if exc is not expired:
            raise
        raise expired.error from None
    finally:
        timers.cancel(armed[0])


def _error(seconds: float) -> DeadlineError:
    return DeadlineError(f"not done within {seconds} seconds")
