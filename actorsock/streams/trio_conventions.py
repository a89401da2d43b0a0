"""The rules of trio that streams and listeners keep and the socket functions do not have.

trio reports failures by exceptions, and every call of its interfaces is a checkpoint, also a call
that does not wait. The socket functions return `Error`, and give way to others only when they
wait or have used up their share.
"""

import os
from typing import TypeVar

import trio

from ..results import Error, Ok, Select, SelectRead
from ..runtime.bodies.running import local
from ..runtime.core.reductions import MESSAGE
from ..socket import Socket, close
from ..socket.core.actor import actor_of
from ..socket.kernel.errors import number_of

__all__ = ["checkpoint", "close_at_checkpoint", "os_error", "value_of"]

T = TypeVar("T")


def os_error(reason: str) -> OSError:
    """Return the exception for the reason of an `Error`, such as `"econnrefused"`."""
    number = number_of(reason)
    return OSError(reason) if number is None else OSError(number, os.strerror(number))


def value_of(answer: Ok[T] | Error | Select | SelectRead) -> T:
    """Return the value of an `Ok`; raise an `Error` as the corresponding `OSError`."""
    if isinstance(answer, Ok):
        return answer.value
    assert isinstance(answer, Error)  # only nowait calls return Select
    raise os_error(answer.reason)


async def checkpoint() -> None:
    """Execute a checkpoint: raise a pending cancellation, let others run.

    Also usable without a runtime: streams and listeners can be closed after it has ended.
    """
    process = local.step.process
    if process is None:
        await trio.lowlevel.checkpoint()
    else:
        # A light process is not a trio task: trio's checkpoint would fail in it.
        pause = process.body.spend(MESSAGE)
        if pause is not None:
            await pause


async def close_at_checkpoint(sock: Socket) -> None:
    """Close `sock` and execute a checkpoint; any process may call this, not only the owner.

    In a cancelled scope, close without lingering and raise `trio.Cancelled`, as
    `trio.abc.AsyncResource.aclose` requires.
    """
    if actor_of(sock).turns.closed:
        await checkpoint()
        return
    await close(sock)
    if local.step.process is None:
        # The close has succeeded. A cancellation that arrives only now must not be raised here:
        # the next checkpoint of the caller raises it.
        await trio.lowlevel.cancel_shielded_checkpoint()
