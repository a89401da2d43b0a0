"""The release of Erlang on another node, for the one answer whose form depends on it."""

from collections.abc import Callable

from ...runtime.api.spawning import spawn
from ..node.asking import ErpcError, ask_for_call
from ..node.peer import Peer
from ..terms.values import Atom, text

__all__ = ["with_release"]

_PATIENCE = 5.0


def with_release(peer: Peer, then: Callable[[int], object]) -> None:
    """Call `then` with the release of a node, such as 25; 0 if the node does not say."""
    if peer.release is None:
        spawn(_ask, peer, then, light=True)
    else:
        then(peer.release)


async def _ask(peer: Peer, then: Callable[[int], object]) -> None:
    try:
        release = await ask_for_call(
            peer.name, ("erlang", "system_info"), [Atom("otp_release")], _PATIENCE
        )
        peer.release = int(text(release))
    except (ErpcError, TypeError, ValueError):
        peer.release = 0
    then(peer.release)
