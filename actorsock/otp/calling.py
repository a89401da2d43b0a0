"""Asking a server: requests, answers, and stopping it."""

from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ..runtime.aliases import send_through
from ..runtime.current import current_process
from ..runtime.durations import check_seconds
from ..runtime.identity import Pid, Ref
from ..runtime.linking import demonitor
from ..runtime.mailbox import anything
from ..runtime.messages import Down
from ..runtime.messaging import receive
from ..runtime.process import Process, ProcessExit, alive
from ..shown import shown
from .protocol import Answer, Call, Caller, Cast, StopRequest

__all__ = ["call", "cast", "reply", "send_request", "stop"]


@enable_ki_protection
async def call(server: Pid | str, request: Any, timeout: float = 5.0) -> Any:
    """Send `request` to a server, a pid or a registered name, and wait for the answer.

    Raises `ProcessExit`, which ends the caller unless it is caught: with the server's exit
    reason when the server ends, `"noproc"` when there is none, `"timeout"` when there is no
    answer in time, `"calling_self"`. An answer that comes late is dropped.
    Erlang's `gen_server:call/2,3`.
    """
    if timeout is not inf:
        check_seconds("timeout", timeout)
    process = current_process()
    target = _find(process, server)
    if target is None or target is process:
        raise _failure("noproc" if target is None else "calling_self", "call", server, request)
    ref = process.monitor(target, target.pid)
    process.add_alias(ref, "reply_demonitor")
    try:
        target.deliver(Call(Caller(process.pid, ref), request))
        answer = await receive(ref, after=timeout)
    except BaseException:
        _forget(process, ref)
        raise
    if type(answer) is Answer:
        return answer.value
    if type(answer) is Down:
        raise _failure(answer.reason, "call", server, request)
    _forget(process, ref)
    raise _failure("timeout", "call", server, request)


@enable_ki_protection
def cast(server: Pid | str, request: Any) -> None:
    """Send `request` to a server and wait for nothing; if there is none, nothing happens.

    Erlang's `gen_server:cast/2`.
    """
    target = _find(current_process(), server)
    if target is not None:
        target.deliver(Cast(request))


@enable_ki_protection
def reply(caller: Caller, value: Any) -> None:
    """Answer a call, from any process; a caller that waits no more is not disturbed.

    Erlang's `gen_server:reply/2`.
    """
    if not isinstance(caller, Caller):
        raise TypeError(f"caller: expected a Caller, as handle_call gets it, got {shown(caller)}")
    send_through(caller.ref, Answer(caller.ref, value))


@enable_ki_protection
def send_request(server: Pid | str, request: Any) -> Ref:
    """Send `request` and go on: one message with the returned ref comes later.

    It is `Answer(ref, value)`, or `Down(ref, server, reason)` if the server ends before. This
    is how a handler, which can't wait, calls. Erlang's `gen_server:send_request/2`.
    """
    process = current_process()
    target = _find(process, server)
    ref = process.monitor(target, server)
    if target is not None and target is not process:
        process.add_alias(ref, "reply_demonitor")
        target.deliver(Call(Caller(process.pid, ref), request))
    return ref


@enable_ki_protection
async def stop(server: Pid | str, reason: Any = "normal", timeout: float = inf) -> None:
    """Make a server `terminate` and end with `reason`; return when it has ended.

    Raises `ProcessExit`: with `"noproc"` when there is none, `"timeout"` when it takes longer,
    and with the server's exit reason if that is another one. Erlang's `gen_server:stop/1,3`.
    """
    check_seconds("timeout", timeout)
    process = current_process()
    target = _find(process, server)
    if target is None or target is process:
        raise _failure("noproc" if target is None else "calling_self", "stop", server, reason)
    ref = process.monitor(target, target.pid)
    try:
        target.deliver(StopRequest(reason))
        down = await receive(ref, after=timeout)
    finally:
        demonitor(ref, flush=True)
    if type(down) is not Down:
        raise _failure("timeout", "stop", server, reason)
    if down.reason is not reason and down.reason != reason:
        raise _failure(down.reason, "stop", server, reason)


def _find(process: Process, server: Any) -> Process | None:
    if isinstance(server, str):
        pid = process.node.names.get(server)
        return None if pid is None else alive.get(pid)
    if type(server) is not Pid:
        raise TypeError(f"server: expected a Pid or a registered name, got {shown(server)}")
    return alive.get(server)


def _failure(reason: Any, function: str, server: Pid | str, argument: Any) -> ProcessExit:
    exc = ProcessExit(reason)
    exc.add_note(f"in {function}({server!r}, {shown(argument)})")
    exc.__cause__ = reason if isinstance(reason, BaseException) else None
    return exc


def _forget(process: Process, ref: Ref) -> None:
    """Nobody waits for `ref` any more; what came while the caller was about to go is removed."""
    process.demonitor(ref)
    process.mailbox.discard(ref, anything)
