"""Asking another node to start a process, and calling a function there by that."""

from math import inf
from typing import Any

import trio

from ...otp.calls.waiting import forget
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, Timeout
from ...runtime.core.process import ExitError, Process
from ...runtime.core.table import Table
from ..terms.values import Atom
from .distribution import distribution
from .identities import FarName
from .peer import Peer
from .ties import SpawnReply

__all__ = ["ErpcError", "SpawnError", "ask_for_call", "ask_for_process"]


class SpawnError(ExitError):
    """There is no process: the node could not be reached, or refuses.

    Attributes:
        reason: a word, such as `"noconnection"`, `"notsup"` or `"badarg"`.
    """


class ErpcError(ExitError):
    """A call of a function on another node has failed. Erlang's exceptions of `erpc:call`.

    Attributes:
        reason: what the function there failed with; `"noconnection"` or `"timeout"` if there was
            no answer.
        kind: `"error"`, `"exit"` or `"throw"`, as it was raised there; `"erpc"` if the call itself
            has failed.
        stack: the stack trace of an error, as terms.
    """

    kind: str
    stack: Any

    def __init__(self, reason: Any, kind: str = "erpc", stack: Any = None) -> None:
        super().__init__(reason, kind)
        self.kind = kind
        self.stack = stack


async def ask_for_process(
    node: str, function: tuple[str, str], args: list[Any], *options: str
) -> tuple[Pid, Ref]:
    """Start a process on another node; raise `SpawnError` if that fails.

    The options are `"link"` and `"monitor"`; with the latter a `Down` will carry the ref.
    """
    process = current_process()
    home = distribution()
    ref = Ref()
    peer = home.peer(node)
    if "monitor" in options:
        _keep_monitor(process, ref, peer)
    try:
        peer.ties.spawn(process.pid, ref, home.leader, function, args, [*map(Atom, options)])
        reply = await receive(lambda message: type(message) is SpawnReply and message.ref is ref)
    except BaseException:
        peer.ties.abandon_spawn(ref)
        forget(process, ref)
        raise
    if not isinstance(reply.result, Pid):
        raise SpawnError(str(reply.result))
    return reply.result, ref


async def ask_for_call(
    node: str, function: tuple[str, str], args: list[Any], timeout: float = inf
) -> Any:
    """Call a function on another node; raise `ErpcError` if it fails."""
    process = current_process()
    home = distribution()
    ref = Ref()
    peer = home.peer(node)
    _keep_monitor(process, ref, peer)
    module, name = function
    deadline = trio.current_time() + timeout
    execute = [ref, Atom(module), Atom(name), args]

    def is_news(message: Any) -> bool:
        return type(message) in (SpawnReply, Down) and message.ref is ref

    try:
        peer.ties.spawn(
            process.pid, ref, home.leader, ("erpc", "execute_call"), execute, [Atom("monitor")]
        )
        # Not `receive(ref)`: the other node knows the ref, and may send a message that carries it.
        message = await receive(is_news, after=timeout)
        if type(message) is SpawnReply and isinstance(message.result, Pid):
            left = max(0.0, deadline - trio.current_time())
            message = await receive(is_news, after=left)
    except BaseException:
        peer.ties.abandon_spawn(ref)
        forget(process, ref)
        raise
    match message:
        case Down(reason=(answered, kind, *rest)) if answered is ref and rest:
            if kind == "return":
                return rest[0]
            raise ErpcError(rest[0], str(kind), rest[1] if len(rest) > 1 else None)
        case Down(reason=reason):
            raise ErpcError(reason)
        case SpawnReply(result=reason):
            raise ErpcError(str(reason))
        case Timeout():
            peer.ties.abandon_spawn(ref)
            forget(process, ref)
            raise ErpcError("timeout")
    raise AssertionError(message)


def _keep_monitor(process: Process, ref: Ref, peer: Peer) -> None:
    """Keep the monitor of a process that is only asked for; its pid comes with the answer."""
    if process.monitors is None:
        process.monitors = Table()
    process.monitors[ref] = FarName("", peer)
