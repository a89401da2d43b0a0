"""The interface between a supervisor and its children: one protocol with two implementations.

`ListedChildren` knows its children by their ids, `DynamicChildren` (simple_one_for_one) by their
pids. An argument `child` is one or the other.
"""

from typing import Any, Protocol

import attrs

from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ..behaviour.lifecycle import Stop
from .child_spec import ChildSpec
from .requests import ChildCount, ChildInfo

__all__ = ["Children", "TryAgain"]


class Children(Protocol):
    """The children of one supervisor. All methods run in the supervisor's process.

    The first seven serve the functions in `requests`, whose results, errors included, are
    described there.
    """

    async def start(self, spec: tuple[Any, ...], /) -> Ok[Pid | None] | Error:
        """Serve `start_child`. Raise `TypeError` or `ValueError` for an invalid spec."""

    async def terminate(self, child: Any, /) -> Ok[None] | Error:
        """Serve `terminate_child`."""

    async def restart(self, child: Any, /) -> Ok[Pid | None] | Error:
        """Serve `restart_child`."""

    def delete(self, child: Any, /) -> Ok[None] | Error:
        """Serve `delete_child`."""

    def spec(self, child: Any, /) -> Ok[ChildSpec] | Error:
        """Serve `get_childspec`."""

    def which(self) -> list[ChildInfo]:
        """Serve `which_children`."""

    def count(self) -> ChildCount:
        """Serve `count_children`."""

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        """Handle the exit signal of a process: if that was a child, restart it if its spec says so.

        Return `Stop` if the supervisor has to end. If the restart fails, send `TryAgain`.
        """

    async def try_again(self, child: Any, /) -> Stop | None:
        """Handle `TryAgain(child)`: restart the child, unless a request has settled it meanwhile.

        Return `Stop` if the supervisor has to end.
        """

    async def stop_all(self) -> None:
        """Stop every child, and return when all have ended."""


@attrs.frozen
class TryAgain:
    """A supervisor's message to itself: try to restart a child whose restart has failed.

    A message and not a loop, as in Erlang, so that requests in between are served: the child may
    be terminated before the next attempt.
    """

    child: Any
