"""trio's checkpoints, for what does not wait: in a light process they are the runtime's own."""

import trio

from ..runtime.bodies.running import local
from ..runtime.core.reductions import MESSAGE
from ..socket import Socket, close
from ..socket.core.actor import actor_of

__all__ = ["checkpoint", "close_at_checkpoint"]


async def checkpoint() -> None:
    """Honour cancellation, and give way to others; works also where there is no runtime."""
    process = local.step.process
    if process is None:
        await trio.lowlevel.checkpoint()
    else:
        toll = process.body.spend(MESSAGE)
        if toll is not None:
            await toll


async def close_at_checkpoint(sock: Socket) -> None:
    """Close `sock`, whoever owns it; in a cancelled scope forcefully, and raise Cancelled."""
    if actor_of(sock).turns.closed:
        await checkpoint()
        return
    await close(sock)
    if local.step.process is None:
        # It is closed: there is nothing left that could be cancelled.
        await trio.lowlevel.cancel_shielded_checkpoint()
