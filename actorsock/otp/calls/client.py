"""Asking a server: requests, answers, and stopping it."""

from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds, shown
from ...results import Error, Ok
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref, check_ref
from ...runtime.core.messages import Down, Timeout
from ...runtime.core.process import Process, ProcessExit, alive
from ...runtime.core.reductions import MESSAGE, TIMER
from .forgetting import forget
from .protocol import (
    BY_ALIAS,
    OPEN,
    Answer,
    Call,
    Caller,
    Cast,
    StopRequest,
    SystemCall,
    send_answer,
    standing_by,
)

__all__ = [
    "ask",
    "call",
    "cast",
    "check_response",
    "receive_response",
    "reply",
    "send_request",
    "stop",
    "wait_response",
]


@enable_ki_protection
async def call(server: Pid | str, request: Any, timeout: float = 5.0) -> Any:
    """Send `request` to a server, a pid or a registered name, and wait for the answer.

    Raises `ProcessExit`, which ends the caller unless it is caught: with the server's exit
    reason when the server ends, `"noproc"` when there is none, `"timeout"` when there is no
    answer in time, `"calling_self"`. An answer that comes late is dropped.
    Erlang's `gen_server:call/2,3` and `gen_statem:call/2,3`.
    """
    if timeout != 5.0 and timeout is not inf:
        check_seconds("timeout", timeout)
    if type(server) is not Pid:
        _check_server(server)
    process = current_process()
    body = process.body
    toll = body.spend(MESSAGE)
    if toll is not None:
        await toll
    target = alive.get(server) if type(server) is Pid else _find(process, server)
    if target is None or target is process:
        raise _unreachable(target, "call", server, request)
    caller = standing_by(process.pid)
    target.deliver(Call(caller, request))
    answer = caller.answer
    if answer is OPEN or answer is BY_ALIAS:
        return await _wait(process, target, caller, timeout, ("call", server, request))
    # It was served in place: there was no moment in which to wait, or to need a monitor.
    if process.ending:
        current_process()
        await body.checkpoint()
    return answer


async def ask(function: str, server: Pid | str, request: Any, timeout: float) -> Any:
    """`call` with a request that the behaviour itself serves; `function` is who asks."""
    check_seconds("timeout", timeout)
    process = current_process()
    target = _find(process, _check_server(server))
    if target is None or target is process:
        raise _unreachable(target, function, server, request)
    caller = Caller(process.pid, Ref())
    _watch(process, target, caller)
    target.deliver(SystemCall(caller, request))
    return await _receive_answer(process, caller, timeout, (function, server, request))


@enable_ki_protection
def cast(server: Pid | str, request: Any) -> None:
    """Send `request` to a server and wait for nothing; if there is none, nothing happens.

    Erlang's `gen_server:cast/2`.
    """
    if type(server) is Pid:
        target = alive.get(server)
    else:
        target = _find(current_process(), _check_server(server))
    if target is not None:
        target.deliver(Cast(request))


@enable_ki_protection
def reply(caller: Caller, value: Any) -> None:
    """Answer a call, from any process; a caller that waits no more is not disturbed.

    Erlang's `gen_server:reply/2`.
    """
    if not isinstance(caller, Caller):
        raise TypeError(f"caller: expected a Caller, as handle_call gets it, got {shown(caller)}")
    send_answer(caller, value)


@enable_ki_protection
def send_request(server: Pid | str, request: Any) -> Ref:
    """Send `request` and go on: one message with the returned ref comes later.

    It is `Answer(ref, value)`, or `Down(ref, server, reason)` if the server ends before; either
    can be received as any message is, or by `receive_response` and its relatives. This is how a
    handler, which can't wait, calls. Erlang's `gen_server:send_request/2`.
    """
    process = current_process()
    # Paid, by letting others run, in the next call that can wait: a monitor and an alias are made.
    process.body.budget -= TIMER
    target = _find(process, _check_server(server))
    ref = process.monitor(target, server)
    if target is not None:
        # Of itself it gets the answer as well, though nobody monitors himself.
        process.add_alias(ref, "reply" if target is process else "reply_demonitor")
        target.deliver(Call(Caller(process.pid, ref), request))
    return ref


@enable_ki_protection
async def receive_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout:
    """The response to `send_request`: `Ok(answer)`, or `Error(reason, server)` if the server ended.

    `Timeout()` when there is none in time: the request is abandoned, and an answer that comes
    late is dropped. Once, by the process that made the request.
    Erlang's `gen_server:receive_response/2`.
    """
    check_ref(ref)
    process = current_process()
    try:
        response = await wait_response(ref, timeout)
    except BaseException:
        forget(process, ref)
        raise
    if type(response) is Timeout:
        forget(process, ref)
    return response


@enable_ki_protection
async def wait_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout:
    """`receive_response`, but after `Timeout()` the answer may still come, and be waited for.

    So with a cancelled wait. Erlang's `gen_server:wait_response/2`.
    """
    check_ref(ref)
    check_seconds("timeout", timeout)
    message = await receive(ref, after=timeout)
    return message if type(message) is Timeout else _response(message)


@enable_ki_protection
def check_response(message: Any, ref: Ref) -> Ok[Any] | Error | None:
    """What a message that was received says about the request `ref`; None: nothing.

    Otherwise as `receive_response`. Erlang's `gen_server:check_response/2`.
    """
    check_ref(ref)
    if type(message) in (Answer, Down) and message.ref is ref:
        return _response(message)
    return None


@enable_ki_protection
async def stop(server: Pid | str, reason: Any = "normal", timeout: float = inf) -> None:
    """Make a server `terminate` and end with `reason`; return when it has ended.

    Raises `ProcessExit`: with `"noproc"` when there is none, `"calling_self"`, `"timeout"` when
    it takes longer, and with the server's exit reason if that is another one.
    Erlang's `gen_server:stop/1,3`.
    """
    check_seconds("timeout", timeout)
    process = current_process()
    target = _find(process, _check_server(server))
    if target is None or target is process:
        raise _unreachable(target, "stop", server, reason)
    ref = process.monitor(target, target.pid)
    try:
        target.deliver(StopRequest(reason))
        down = await receive(ref, after=timeout)
    finally:
        forget(process, ref)
    if type(down) is not Down:
        raise _failure("timeout", "stop", server, reason)
    if not _is_same(down.reason, reason):
        raise _failure(down.reason, "stop", server, reason)


def _check_server(server: Any) -> Pid | str:
    if type(server) is not Pid and not isinstance(server, str):
        raise TypeError(f"server: expected a Pid or a registered name, got {shown(server)}")
    return server


def _find(process: Process, server: Pid | str) -> Process | None:
    pid = process.node.names.get(server) if isinstance(server, str) else server
    return None if pid is None else alive.get(pid)


async def _wait(
    process: Process, target: Process, caller: Caller, timeout: float, what: tuple[Any, ...]
) -> Any:
    """The answer was not there when the server had been sent the request."""
    # It may be on its way already, if somebody has asked for the ref and answered through it.
    came_first = caller.answer is BY_ALIAS and caller.ref not in (process.aliases or ())
    if target.pid in alive:
        _watch(process, target, caller)
    else:
        process.deliver(Down(caller.ref, target.pid, target.reason))
    try:
        return await _receive_answer(process, caller, timeout, what)
    finally:
        if came_first:
            forget(process, caller.ref)


def _watch(process: Process, target: Process, caller: Caller) -> None:
    """A monitor whose ref is there already, and an alias until the first answer."""
    process.monitor(target, target.pid, caller.ref)
    process.add_alias(caller.ref, "reply_demonitor")


async def _receive_answer(
    process: Process, caller: Caller, timeout: float, what: tuple[Any, ...]
) -> Any:
    try:
        answer = await receive(caller.ref, after=timeout)
    except BaseException:
        forget(process, caller.ref)
        raise
    if type(answer) is Answer:
        return answer.value
    if type(answer) is Down:
        raise _failure(answer.reason, *what)
    forget(process, caller.ref)
    raise _failure("timeout", *what)


def _response(message: Any) -> Ok[Any] | Error:
    if type(message) is Answer:
        return Ok(message.value)
    return Error(message.reason, message.pid)


def _is_same(reason: Any, other: Any) -> bool:
    if reason is other:
        return True
    try:
        return bool(reason == other)
    except Exception:  # reasons are any objects, and comparing them is the program's code
        return False


def _unreachable(target: Process | None, function: str, server: Any, argument: Any) -> ProcessExit:
    return _failure("noproc" if target is None else "calling_self", function, server, argument)


def _failure(reason: Any, function: str, server: Pid | str, argument: Any) -> ProcessExit:
    exc = ProcessExit(reason)
    exc.add_note(f"in {function}({server!r}, {shown(argument)})")
    return exc
