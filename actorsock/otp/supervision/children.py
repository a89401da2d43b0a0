"""What a supervisor asks of its children, in whichever way it knows them."""

from typing import Any, Protocol

import attrs

from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ..behaviour.exit_reasons import is_orderly
from ..behaviour.outcomes import Stop
from .child_spec import ChildSpec
from .reports import report
from .requests import ChildCount, ChildInfo

__all__ = ["Children", "TryAgain", "give_up", "report_end"]


class Children(Protocol):
    """The children of one supervisor, all of them started by it.

    They are known by their ids or by their pids, and `child` is what they are known by. What a
    request in `supervising` asks for is answered as it says there, errors included.
    """

    async def start(self, spec: tuple[Any, ...], /) -> Ok[Pid | None] | Error:
        """`start_child`: one more; raises `TypeError` and `ValueError` for a wrong spec."""

    async def terminate(self, child: Any, /) -> Ok[None] | Error:
        """`terminate_child`: end it for good; returns when it has ended."""

    async def restart(self, child: Any, /) -> Ok[Pid | None] | Error:
        """`restart_child`: start one that was terminated, or that has ended and is kept."""

    def delete(self, child: Any, /) -> Ok[None] | Error:
        """`delete_child`: forget one that does not run."""

    def spec(self, child: Any, /) -> Ok[ChildSpec] | Error:
        """`get_childspec`: by what it is known by, its id or its pid."""

    def which(self) -> list[ChildInfo]:
        """`which_children`."""

    def count(self) -> ChildCount:
        """`count_children`."""

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        """A linked process has ended: if it was a child, do what its spec says of that.

        `Stop` when the supervisor is to end. When the child can't be started again the supervisor
        is sent a `TryAgain`.
        """

    async def try_again(self, child: Any, /) -> Stop | None:
        """`TryAgain(child)` has come: start it, if that is still wanted; otherwise as `ended`."""

    async def stop_all(self) -> None:
        """End every child; returns when they have ended, and there is none any more."""


@attrs.frozen
class TryAgain:
    """To itself: start a child again that could not be started."""

    child: Any


def report_end(spec: ChildSpec, pid: Pid, reason: Any) -> None:
    if spec.restart == "permanent" or not is_orderly(reason):
        report("has ended", spec.id, pid, reason)


def give_up(cause: Any) -> Stop:
    report("has ended too often, the supervisor gives up", cause, None, "shutdown")
    return Stop("shutdown")
