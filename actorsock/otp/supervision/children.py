"""The interface between a supervisor and its children: one protocol with two implementations.

`ListedChildren` knows its children by their ids, `DynamicChildren` (simple_one_for_one) by their
pids. An argument `child` is one or the other.
"""

from typing import Any, Protocol

import attrs

from ...results import Error, Ok
from ...runtime.api.inspecting import is_alive
from ...runtime.core.identity import Pid
from ...runtime.core.remote import RemotePid
from ..behaviour.lifecycle import Stop
from ..calls.protocol import Caller
from .child_spec import ChildSpec
from .requests import ChildCount, ChildInfo

__all__ = ["Children", "TryAgain", "may_run"]


def may_run(pid: Pid) -> bool:
    """Return False if the process has ended; of another node only its exit signal would tell."""
    return isinstance(pid, RemotePid) or is_alive(pid)


class Children(Protocol):
    """The children of one supervisor. All methods run in the supervisor's process.

    The first seven serve the functions in `requests`, whose results, errors included, are
    described there.
    """

    async def start(self, spec: tuple[Any, ...], /) -> Ok[Pid | None] | Error[Any]:
        """Serve `start_child`. Raise `TypeError` or `ValueError` for an invalid spec."""
        ...

    async def terminate(self, child: Any, caller: Caller, /) -> Ok[None] | Error | None:
        """Serve `terminate_child`. None: the child does not end; `caller` is answered later."""
        ...

    async def restart(self, child: Any, /) -> Ok[Pid | None] | Error[Any]:
        """Serve `restart_child`."""
        ...

    def delete(self, child: Any, /) -> Ok[None] | Error:
        """Serve `delete_child`."""
        ...

    def spec(self, child: Any, /) -> Ok[ChildSpec] | Error:
        """Serve `get_childspec`."""
        ...

    def which(self) -> list[ChildInfo]:
        """Serve `which_children`."""
        ...

    def count(self) -> ChildCount:
        """Serve `count_children`."""
        ...

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        """Handle the exit signal of a process: if that was a child, restart it if its spec says so.

        Return `Stop` if the supervisor has to end. If the restart fails, send `TryAgain`.
        """
        ...

    async def try_again(self, child: Any, /) -> Stop | None:
        """Handle `TryAgain(child)`: restart the child, unless a request has settled it meanwhile.

        Return `Stop` if the supervisor has to end.
        """
        ...

    async def node_is_up(self, child: Any, /) -> Stop | None:
        """Handle `NodeIsUp(child)`: start the child, and what waits with it, if it still waits.

        Return `Stop` if the supervisor has to end.
        """
        ...

    def was_killed(self, pid: Pid, /) -> bool:
        """Return True if `pid` is a child that was killed and has not ended."""
        ...

    async def ended_late(self, pid: Pid, /) -> Stop | None:
        """Handle the end of a child for which `was_killed` is true."""
        ...

    def log_again(self, pid: Pid, /) -> None:
        """Handle `StillThere(pid)`."""
        ...

    async def stop_all(self) -> None:
        """Stop every child, and return when all have ended."""
        ...


@attrs.frozen
class TryAgain:
    """A supervisor's message to itself: try to restart a child whose restart has failed.

    A message and not a loop, as in Erlang, so that requests in between are served: the child may
    be terminated before the next attempt.
    """

    child: Any
