"""The process of the parent that starts a peer, stays with it, and ends with it."""

import logging
import secrets
import signal
from typing import Any, Final, Literal

import attrs
import trio

from ...otp import proc_lib
from ...results import Error, Ok
from ...runtime.api.linking import exit
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Ref
from ..api.nodes import connect_node
from ..node.distribution import Distribution, distribution
from ..served.exports import export
from .plan import Plan
from .process import PeerProgram

__all__ = ["Options", "PeerUp", "control"]

_log: Final = logging.getLogger("actorsock.dist")


@attrs.frozen
class Options:
    """How a peer is started and ended."""

    args: tuple[str, ...]
    env: dict[str, str]
    wait_boot: float
    shutdown: float
    peer_down: Literal["stop", "crash"]
    tell: Ref | None = None
    """Told when the peer is up; then the starter does not wait for that."""


@attrs.frozen
class PeerUp:
    """A peer whose starter did not wait is up."""

    ref: Ref
    name: str


async def control(name: str, options: Options) -> None:
    """Start the peer `name`, and go on for as long as it does; the code of the process."""
    node = distribution()
    if name == node.name or name in node.settings.known:
        proc_lib.init_fail(Error("already_started"), "normal")
    key = secrets.token_bytes(16)
    plan = Plan.by(node.settings, name, key, options.shutdown)
    # In a thread: the call returns when the system has loaded the interpreter. It is not abandoned.
    program = await trio.to_thread.run_sync(PeerProgram, plan, options.args, options.env)
    if options.tell is not None:
        proc_lib.init_ack(Ok(current_pid()))
    stopped = True
    try:
        result = await _up(node, program, plan, key, options.wait_boot)
        if isinstance(result, Error):
            _log.error("the peer %s does not start: %s", name, result.reason)
            if options.tell is not None:
                exit(("boot_failed", result.reason))
            proc_lib.init_fail(result, "normal")
        if options.tell is not None:
            send(options.tell, PeerUp(options.tell, name))
        proc_lib.init_ack(Ok(current_pid()))
        status = await program.wait()
        stopped = False
        _log.error("the peer %s has ended: %s", name, _meaning(status))
        if options.peer_down == "crash":
            exit(("peer_down", name))
    finally:
        with trio.CancelScope(shield=True):
            await program.stop(options.shutdown)
        if node.keys.get(name) == key:
            node.settings.known.pop(name, None)
            if stopped:  # otherwise it is a node that is down, and may be started again
                del node.keys[name]
                node.kin.discard(name)


async def _up(
    node: Distribution, program: PeerProgram, plan: Plan, key: bytes, patience: float
) -> Ok[None] | Error[Any]:
    port: int | None = None
    with trio.move_on_after(patience) as limit:
        port = await program.port()
    if limit.cancelled_caught:
        return Error("timeout")
    if port is None:
        return Error(("exit_status", await program.wait()))
    node.keys[plan.name] = key
    node.kin.add(plan.name)
    node.settings.known[plan.name] = plan.listen, port
    return Ok() if await connect_node(plan.name) else Error("noconnection")


def _meaning(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def where(name: Any) -> tuple[str, int] | None:
    """Tell a peer the address of another one."""
    return distribution().settings.known.get(str(name))


export(where, "actorsock", "where")
