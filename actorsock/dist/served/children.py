"""Starting a supervisor's child on another node, with the supervisor as its parent.

A helper process there calls the start function. It gives the new process away before it ends: to
the supervisor, which is linked with it from then on and hears of its end. At no moment is it linked
with nobody, so it can't be left behind by either side.
"""

import inspect
from collections.abc import Callable
from typing import Any

import attrs

from ...otp.behaviour.exit_reasons import raised
from ...otp.behaviour.starting import acting_for
from ...otp.calls.waiting import forget, take_exit
from ...results import Error, Ok
from ...runtime.api.aliases import alias
from ...runtime.api.linking import exit, unlink
from ...runtime.api.messaging import receive, send
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import alive
from ...runtime.core.remote import RemotePid
from ..node.asking import SpawnError, ask_for_process
from ..node.distribution import Distribution
from ..node.records import register_type
from .applying import MODULE, as_request

__all__ = ["start_there"]


@attrs.frozen
class Started:
    """The answer of a helper: what the start function has returned."""

    ref: Ref
    result: Any


register_type(Started, "actorsock.Started")


async def start_there(
    home: Distribution, node: str, start: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    """Return `start(*args)`, called on `node` in the name of the calling process."""
    if node == home.name:
        result = start(*args)
        return await result if inspect.isawaitable(result) else result
    process = current_process()
    answer = alias()
    helper: Pid | None = None
    down: Ref | None = None
    try:
        request = as_request(home, node, _help, [process.pid, answer, start, list(args)], {})
        helper, down = await ask_for_process(node, (MODULE, "apply"), request, "link", "monitor")
        match await receive(lambda message: getattr(message, "ref", None) in (answer, down)):
            case Started(result=result):
                helper = None
                return result
            case Down(reason=reason):
                return Error(reason)
    except SpawnError as refusal:
        return Error(refusal.reason)
    finally:
        forget(process, answer)
        if down is not None:
            forget(process, down)
        if helper is not None:
            unlink(helper)
            exit(helper, "kill")
            take_exit(process, helper)


async def _help(supervisor: Pid, answer: Ref, start: Callable[..., Any], args: list[Any]) -> None:
    """Start the child; the code of the helper."""
    me = current_process()
    acting_for[me.pid] = supervisor
    try:
        result = start(*args)
        if inspect.isawaitable(result):
            result = await result
    except BaseException as exc:
        result = Error(raised(exc).reason)
    finally:
        del acting_for[me.pid]
    pid = result.value if isinstance(result, Ok) else result
    if isinstance(pid, Pid) and isinstance(supervisor, RemotePid):
        child = alive.get(pid)
        if child is not None:
            child.link_elsewhere(supervisor)
        unlink(pid)
    send(answer, Started(answer, result))
    unlink(supervisor)
