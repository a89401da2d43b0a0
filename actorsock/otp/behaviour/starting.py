"""Starting a behaviour: a new process, of which its starter hears whether it could begin."""

from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds, shown
from ...results import Error, Ok
from ...runtime.api.linking import exit, monitor, unlink
from ...runtime.api.messaging import receive, send
from ...runtime.api.naming import whereis
from ...runtime.api.spawning import spawn, spawn_handler
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import Process, alive
from ...runtime.core.reductions import START
from ..calls.forgetting import forget, take_exit
from ..calls.protocol import Begin, Begun
from .base import Behaviour
from .engine import InPlace

__all__ = ["start", "start_link"]


async def start(
    behaviour: type[Behaviour],
    *args: Any,
    name: str | None = None,
    light: bool = False,
    timeout: float = inf,
) -> Ok[Pid] | Error:
    """Start a process of that class and wait for its `init(*args)`; `Ok(pid)` when it went well.

    Otherwise `Error(reason)`, and the process has ended: with the reason that `init` stopped or
    crashed with, `"ignore"`, or `"timeout"`. If `name` is taken, `Error("already_started",
    pid)`. A `light` process, if the class has async callbacks, is a light one.
    Erlang's `gen_server:start/3,4`.
    """
    return await _start(behaviour, args, name, light, timeout, linked=False)


async def start_link(
    behaviour: type[Behaviour],
    *args: Any,
    name: str | None = None,
    light: bool = False,
    timeout: float = inf,
) -> Ok[Pid] | Error:
    """`start`, and a link with the caller: it is the parent of the process, and ends it.

    If `init` fails, a caller that does not trap exits ends with it.
    Erlang's `gen_server:start_link/3,4`.
    """
    return await _start(behaviour, args, name, light, timeout, linked=True)


@enable_ki_protection
async def _start(
    behaviour: type[Behaviour],
    args: tuple[Any, ...],
    name: str | None,
    light: bool,
    timeout: float,
    linked: bool,
) -> Ok[Pid] | Error:
    if not (isinstance(behaviour, type) and issubclass(behaviour, Behaviour)):
        raise TypeError(
            f"behaviour: expected a class derived from GenServer, StateMachine or Supervisor, "
            f"got {shown(behaviour)}"
        )
    check_seconds("timeout", timeout)
    starter = current_process()
    toll = starter.body.spend(START)
    if toll is not None:
        await toll
    if name is not None and (owner := whereis(name)) is not None:
        return Error("already_started", owner)
    engine = behaviour._engine()
    if isinstance(engine, InPlace):
        pid = spawn_handler(engine, name=name)
    else:
        pid = spawn(engine, name=name, light=light)
    # No process runs before the next message is in its mailbox, hence it is the first.
    if linked:
        starter.link(alive[pid])
    ref = monitor(pid, alias="demonitor")
    send(pid, Begin(starter.pid if linked else pid, ref, args))
    try:
        return await _begun(starter, pid, ref, timeout)
    except BaseException:
        forget(starter, ref)
        if not starter.ending:
            # Whoever was to know of the process does not: it must not stay. The end of the whole
            # starter is another thing: who is linked hears of that by the link.
            _kill(pid)
        raise


async def _begun(starter: Process, pid: Pid, ref: Ref, timeout: float) -> Ok[Pid] | Error:
    match await receive(ref, after=timeout):
        case Begun(error=None):
            forget(starter, ref)
            return Ok(pid)
        case Begun(error=Error() as error):
            await receive(ref)
        case Down(reason=reason):
            error = Error(reason)
        case _:
            error = Error("timeout")
            _kill(pid)
            await receive(lambda message: isinstance(message, Down) and message.ref is ref)
            # What `init` has said in the meantime is not asked for any more.
            forget(starter, ref)
    # Its end is what `start` returns: a caller that traps exits is not told a second time.
    take_exit(starter, pid)
    return error


def _kill(pid: Pid) -> None:
    unlink(pid)
    exit(pid, "kill")
