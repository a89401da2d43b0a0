"""Waiting until the kernel would take something to send, without sending anything."""

from typing import ClassVar

from ...results import Ok, Tag
from ...runtime.core.identity import Pid
from ..core.actor import SocketActor
from ..core.poller import ready_now
from ..core.turns import Kind, LaneName
from .whole import Whole

__all__ = ["AwaitRoom"]


class AwaitRoom(Whole):
    """It is complete when the descriptor is ready for writers; it remembers nothing."""

    __slots__ = ()

    tag: ClassVar[Tag] = "send"
    kind: ClassVar[Kind] = "send"
    lane: ClassVar[LaneName] = "write"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[None] | None:
        """Ask the kernel; see `Operation.attempt`."""
        return Ok() if ready_now(actor.fd, "write") else None
