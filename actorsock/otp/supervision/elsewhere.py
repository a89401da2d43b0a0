"""Children on other nodes: starting them there, and telling their own ends from that of their node.

What knows other nodes is `Node.elsewhere`, which a program without a cluster has not. A child that
is lost with its node has not failed: its end is not counted, and it is started again when there is
a node for it.
"""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ...arguments import shown
from ...results import Error
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.remote import Elsewhere, RemotePid
from ...runtime.core.signals import is_word
from .child_spec import ChildSpec

__all__ = ["NodeIsUp", "Places", "are_reached", "call_there", "tell_when_up"]


@attrs.frozen
class NodeIsUp:
    """A supervisor's message to itself: there is a node for a child that waits for one."""

    child: Any


@attrs.frozen
class _Place:
    nodes: tuple[str, ...]
    losses: int
    """How often the connection with the node had been lost when the child was started."""


class Places:
    """Where the children of one supervisor run that are on other nodes."""

    def __init__(self) -> None:
        self._places: Final[dict[Pid, _Place]] = {}

    def started(self, spec: ChildSpec, pid: Pid | None) -> None:
        """Note where a child has been started."""
        if isinstance(pid, RemotePid):
            home = _home(spec)
            self._places[pid] = _Place(spec.node or (home.node_of(pid),), home.losses(pid))

    def ended(self, spec: ChildSpec, pid: Pid, reason: Any) -> tuple[str, ...]:
        """Forget a child; return the nodes for a new one if it was lost with its node, or ().

        A child can end with `"noconnection"` by itself too. Then no connection was lost.
        """
        place = self._places.pop(pid, None)
        if place is None or not isinstance(pid, RemotePid) or not is_word(reason, "noconnection"):
            return ()
        return place.nodes if _home(spec).losses(pid) != place.losses else ()


def _home(spec: ChildSpec) -> Elsewhere:
    home = current_process().node.elsewhere
    if home is None:
        raise RuntimeError(
            f"the child {shown(spec.id)} is for another node, and this runtime is no node of a "
            "cluster"
        )
    return home


async def call_there(spec: ChildSpec, args: tuple[Any, ...]) -> Any:
    """Call the start function of a child on the first of its nodes that can be reached."""
    home = _home(spec)
    result: Any = Error("noconnection")
    for node in spec.node:
        result = await home.start_there(node, spec.start, args)
        if not (isinstance(result, Error) and is_word(result.reason, "noconnection")):
            break
    return result


async def are_reached(spec: ChildSpec, nodes: Sequence[str]) -> bool:
    """Connect with one of these nodes; return False if none can be reached."""
    home = _home(spec)
    for node in nodes:
        if await home.reach(node):
            return True
    return False


def tell_when_up(spec: ChildSpec, nodes: Sequence[str], child: Any) -> None:
    """Send the calling supervisor `NodeIsUp(child)` when one of these nodes can be reached."""
    _home(spec).tell_when_up(tuple(nodes), current_process(), NodeIsUp(child))
