"""The nodes of the cluster: which are connected, connecting and disconnecting, news of them."""

from typing import Final, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_word
from ...otp.calls.calling import call
from ...otp.calls.failures import CallError
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref, check_pid
from ..node.distribution import Distribution, distribution
from ..node.identities import FarPid, FarRef
from ..node.news import NodeDown, NodeUp
from ..terms.values import Atom
from .checking import check_node

__all__ = [
    "NodeDown",
    "NodeUp",
    "connect_node",
    "disconnect_node",
    "monitor_node",
    "monitor_nodes",
    "node",
    "nodes",
    "ping",
]

NONODE: Final = "nonode@nohost"


@enable_ki_protection
def node(of: Pid | Ref | None = None) -> str:
    """Return the name of this node, or of the node of a pid or a ref. Erlang's `node/0,1`.

    Args:
        of: a pid or a ref; None is this node.

    Returns:
        `"nonode@nohost"` for a runtime that is no node.

    Raises:
        TypeError: `of` is neither a `Pid` nor a `Ref`.
    """
    if isinstance(of, (FarPid, FarRef)):
        return of.peer.name
    if of is not None and not isinstance(of, Ref):
        check_pid(of, "of", "a Pid or a Ref")
    home = current_process().node.elsewhere
    return home.name if isinstance(home, Distribution) else NONODE


@enable_ki_protection
def nodes(kind: Literal["visible", "hidden", "connected"] = "visible") -> list[str]:
    """Return the nodes that this one is connected with. Erlang's `nodes/0,1`.

    Args:
        kind: `"visible"`, `"hidden"`, or `"connected"` for both. A connection is hidden if either
            side is: so all those of a hidden node, as this one is by default, are.

    Raises:
        ValueError: `kind` is none of these.
        RuntimeError: this runtime is no node.
    """
    check_word("kind", kind, ("visible", "hidden", "connected"))
    home = distribution()
    return [
        name
        for name, peer in home.connected.items()
        if kind == "connected" or (home.settings.hidden or peer.hidden) is (kind == "hidden")
    ]


@enable_ki_protection
async def connect_node(node: str) -> bool:
    """Connect with a node. Erlang's `net_kernel:connect_node/1`.

    It is seldom needed: the first message, link or monitor connects.

    Args:
        node: its name.

    Returns:
        True if it is connected now, or is this node. False: the log says why not.

    Raises:
        TypeError, ValueError: `node` is no name of a node.
        RuntimeError: this runtime is no node.
    """
    home = distribution()
    name = check_node(node)
    return await home.reach(name)


@enable_ki_protection
def disconnect_node(node: str) -> bool:
    """End the connection with a node. Erlang's `erlang:disconnect_node/1`.

    Links and monitors that lead there end with `"noconnection"`. The next message connects again.

    Args:
        node: its name.

    Returns:
        True if it was connected.

    Raises:
        TypeError, ValueError: `node` is no name of a node.
        RuntimeError: this runtime is no node.
    """
    peer = distribution().connected.get(check_node(node))
    if peer is None:
        return False
    peer.disconnect("disconnect")
    return True


@enable_ki_protection
async def ping(node: str) -> Literal["pong", "pang"]:
    """Ask a node whether it is there. Erlang's `net_adm:ping/1`.

    Args:
        node: its name.

    Returns:
        `"pong"` if it answers, and is connected now; otherwise `"pang"`.

    Raises:
        TypeError, ValueError: `node` is no name of a node.
        RuntimeError: this runtime is no node.
    """
    home = distribution()
    name = check_node(node)
    if name == home.name:
        return "pong"
    try:
        answer = await call(("net_kernel", name), (Atom("is_auth"), Atom(home.name)), 7)
    except CallError:
        return "pang"
    return "pong" if answer == "yes" else "pang"


@enable_ki_protection
def monitor_node(node: str, flag: bool = True) -> None:
    """Ask for one `NodeDown` when the connection with a node ends. Erlang's `monitor_node/2`.

    Connects if there is no connection; if that fails, the message comes too. Each call asks for
    one message more.

    Args:
        node: its name.
        flag: False takes one call back.

    Raises:
        TypeError, ValueError: an argument is wrong.
        RuntimeError: this runtime is no node.
    """
    check_bool("flag", flag)
    home = distribution()
    name = check_node(node)
    if name != home.name:
        home.news.watch(name, current_process(), flag)


@enable_ki_protection
def monitor_nodes(flag: bool) -> None:
    """Ask for `NodeUp` and `NodeDown` of every node. Erlang's `net_kernel:monitor_nodes/1`.

    Args:
        flag: True asks, once for each call; False takes all calls back.

    Raises:
        TypeError: `flag` is not a bool.
        RuntimeError: this runtime is no node.
    """
    check_bool("flag", flag)
    distribution().news.subscribe(current_process(), flag)
