"""What a given process waits for: `Body.parked`, read by the rules of `wait_reasons`.

Whoever parks a process passes a reason. A table tells, by the type of that object, what it means.
"""

from collections.abc import Callable
from typing import Any, Final

import trio

from ..inet.driver.waiting import Waiter
from ..runtime.bodies.in_trio import TrioCall
from ..runtime.bodies.stacks import frames_of, is_waiting_in_trio, trio_call_of
from ..runtime.core.identity import Ref
from ..runtime.core.process import Process
from ..runtime.core.remote import RemoteName
from ..socket.core.lifetime import SocketLifetime
from .wait_reasons import (
    InLibrary,
    InSleep,
    InSocket,
    InTrio,
    Named,
    WaitReason,
    reason_of_receive,
)

__all__ = ["actor_waited_for", "monitored_by_name", "waits_for"]


def waits_for(process: Process) -> WaitReason | None:
    """Return what `process` waits for; None if it does not wait."""
    body = process.body
    parked = body.parked
    if parked is None:
        if body.kind != "task" or not is_waiting_in_trio(process):
            return None
        return InTrio(*trio_call_of(process))
    for kind, explain in _EXPLAIN.items():
        if issubclass(type(parked), kind):
            return explain(process, parked)
    if type(parked) is not Ref:
        return reason_of_receive(parked, None, False, None)
    target = None if process.monitors is None else process.monitors.get(parked)
    calling = process.calling
    return reason_of_receive(
        parked,
        None if target is None else monitored_by_name(target),
        parked in (process.aliases or ()),
        _since(calling[1]) if calling is not None and calling[0] is parked else None,
    )


def monitored_by_name(target: Any) -> Named:
    """Return the target of a monitor as programs know it."""
    if isinstance(target, RemoteName):
        return target.name, target.node
    named: Named = target
    return named


def actor_waited_for(process: Process) -> SocketLifetime | None:
    """Return the actor of the socket in a call of which `process` waits."""
    parked = process.body.parked
    found: Any = None
    if issubclass(type(parked), SocketLifetime):
        found = parked
    elif issubclass(type(parked), Waiter):
        # The methods of the actor that wait for the program are on its stack.
        owners = (frame.f_locals.get("self") for frame in frames_of(process))
        found = next((one for one in owners if issubclass(type(one), SocketLifetime)), None)
    actor: SocketLifetime | None = found
    return actor


def _on_socket(process: Process, actor: SocketLifetime) -> WaitReason:
    for lane in (actor.turns.read, actor.turns.write):
        for behind, user in enumerate((lane.current, *lane.queue)):
            if user is not None and user.pid is process.pid and user.handle is None:
                return InSocket(user.tag, actor.socket_object, behind)
    return InSocket(_called(process), actor.socket_object)  # its result is there already


def _on_stream(process: Process, waiter: Waiter) -> WaitReason:
    actor: Any = actor_waited_for(process)
    behind = 0
    for queue in ("acceptors", "readers", "senders"):
        waiters: list[Waiter] = list(getattr(actor, queue, ()))
        if waiter in waiters:
            # A reader that has its turn is in no queue.
            behind = waiters.index(waiter) + (queue == "readers")
    return InSocket(_called(process), getattr(actor, "socket_object", None), behind)


def _called(process: Process) -> str:
    """Return the name of the function of this library that the program has called."""
    called, inside = "", False
    for frame in frames_of(process):
        module = str(frame.f_globals.get("__name__", ""))
        # The bodies call the program's function, or one of this library that was spawned itself.
        of_library = module.startswith("actorsock.") and not module.startswith(_BODIES)
        if of_library and not inside:
            called = frame.f_code.co_name
        inside = of_library
    return called


_BODIES: Final = "actorsock.runtime.bodies."

_WORDS: Final[dict[str, WaitReason]] = {
    "sleep": InSleep(),
    "connect": InLibrary("open_tcp_stream"),
    "serve": InLibrary("serve_listeners"),
}

_EXPLAIN: Final[dict[type, Callable[[Process, Any], WaitReason]]] = {
    SocketLifetime: _on_socket,
    Waiter: _on_stream,
    TrioCall: lambda _, call: InLibrary("in_trio"),
    str: lambda _, word: _WORDS.get(word) or InLibrary(word),
}


def _since(time: float) -> float | None:
    try:
        return max(0.0, trio.current_time() - time)
    except RuntimeError:  # asked in another thread, which does not see the clock
        return None
