"""Calling a server and waiting for it: `call`, `cast`, `reply`, `stop`."""

from contextlib import suppress
from math import inf
from typing import Any, TypeVar, overload

import trio
from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_seconds, shown
from ...runtime.api.messaging import receive
from ...runtime.bodies.crash_report import crash_observers
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import Process, alive
from ...runtime.core.reductions import MESSAGE
from ...runtime.core.remote import Remote
from .failures import CallError
from .protocol import (
    BY_ALIAS,
    PENDING,
    Answer,
    Call,
    Caller,
    Cast,
    Request,
    StopRequest,
    SystemCall,
    deliver_call,
    send_answer,
)
from .registries import ServerRef, Via
from .travelling import Departure, cast_message, deliver_travelling_call, travellers
from .waiting import find_server, forget, watch

__all__ = ["call", "cast", "is_same", "reply", "stop", "system_call"]


T = TypeVar("T")


@overload
async def call(server: ServerRef, request: Request[T], timeout: float = 5.0) -> T: ...
@overload
async def call(server: ServerRef, request: Any, timeout: float = 5.0) -> Any: ...
@twin
@enable_ki_protection
async def call(server: ServerRef, request: Any, timeout: float = 5.0) -> Any:
    """Send a request to a server and wait for the answer.

    Erlang's `gen_server:call/2,3` and `gen_statem:call/2,3`. The server is a `GenServer` or a
    `StateMachine`, or any process that receives `Call` messages and uses `reply`.

    Args:
        server: the pid of the server, its registered name, a `Via`, or `(name, node)` in a cluster.
        request: any value; the server's `handle_call` gets it.
        timeout: seconds to wait for the answer (default: 5); `math.inf` waits for ever. An answer
            that comes later is dropped.

    Returns:
        The value that the server answered with. For type checkers it is of the type `T` if the
        request derives from `Request[T]`.

    Raises:
        CallError: there will be no answer. If it is not caught, it ends the calling process with
            the same reason, as in Erlang. The reason is

            - the exit reason of the server, if it ended before it answered
            - `"noproc"`: there is no such process
            - `"noconnection"`: the connection with its node broke, or could not be made
            - `"timeout"`: no answer in time
            - `"overloaded"`: the mailbox of the server has reached its `Limit`
            - `"calling_self"`: the server is the calling process
        TypeError: `server` is no pid, name, `Via` or pair, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.

    Example::

        total = await otp.call("till", ("sell", 5), timeout=1)
    """
    if timeout != 5.0 and timeout is not inf:
        check_seconds("timeout", timeout)
    process = current_process()
    body = process.body
    pause = body.spend(MESSAGE)
    if pause is not None:
        await pause
    target: Process | None
    if type(server) is Pid:
        target = alive.get(server)
    else:
        found = find_server(process, server)
        if isinstance(found, Remote):
            if travellers:
                return await _call_with_values(process, found, server, request, timeout)
            return await _ask(process, found, Call, timeout, ("call", server, request))
        target = found
    if travellers:
        return await _call_with_values(process, target, server, request, timeout)
    if target is None or target is process:
        raise _unreachable(target, "call", server, request)
    caller = deliver_call(target, process.pid, request)
    answer = caller.answer
    if answer is PENDING or answer is BY_ALIAS or process.ending:
        return await _wait_after_delivery(
            process, target, caller, timeout, ("call", server, request)
        )
    return answer  # in place, during `deliver`


async def _call_with_values(
    process: Process,
    target: Process | Remote | None,
    server: ServerRef,
    request: Any,
    timeout: float,
) -> Any:
    """Do the rest of `call`, once the process of `server` is known, with what travels."""
    context = ("call", server, request)
    with Departure("call", server, target, request) as values:
        if target is None or target is process:
            raise _unreachable(target, *context)
        if isinstance(target, Remote):
            return await _ask(process, target, Call, timeout, context)
        caller = deliver_travelling_call(target, process.pid, request, values)
        return await _wait_after_delivery(process, target, caller, timeout, context)


async def system_call(function: str, server: ServerRef, request: Any, timeout: float) -> Any:
    """Send a request that the behaviour itself serves, for `sys`, and wait for the answer.

    `function` is the name of the calling function, for `CallError`. There is no answer in place
    here: system calls are rare.
    """
    check_seconds("timeout", timeout)
    process = current_process()
    target = find_server(process, server)
    if target is None or target is process:
        raise _unreachable(target, function, server, request)
    return await _ask(process, target, SystemCall, timeout, (function, server, request))


@enable_ki_protection
def cast(server: ServerRef, request: Any) -> None:
    """Send a request that expects no answer. Erlang's `gen_server:cast/2`.

    Args:
        server: as for `call`. If there is no such process, the request is dropped silently.
        request: any value; the server's `handle_cast` gets it.

    Raises:
        TypeError: `server` is no pid, name, `Via` or pair.
    """
    target: Process | Remote | None
    if type(server) is Pid:
        target = alive.get(server)
    elif isinstance(server, Via):
        # As in Erlang: the registry may know other ways than `deliver`.
        with suppress(ValueError):  # there is no process of that name
            if travellers:
                with Departure("cast", server, None, request) as values:
                    server.send(cast_message(request, values))
            else:
                server.send(Cast(request))
        return
    else:
        target = find_server(current_process(), server)
    if target is None:
        return
    if travellers:
        with Departure("cast", server, target, request) as values:
            target.deliver(cast_message(request, () if isinstance(target, Remote) else values))
    else:
        target.deliver(Cast(request))


@enable_ki_protection
def reply(caller: Caller, value: Any) -> None:
    """Answer a call, from any process. Erlang's `gen_server:reply/2`.

    Use it when the answer is not known yet when `handle_call` returns, and in the callbacks of a
    `StateMachine`. If the caller has stopped waiting, or has an answer already, nothing happens.

    Args:
        caller: the return address: the second argument of `handle_call`, or `Call.caller`.
        value: the answer, any value.

    Raises:
        TypeError: `caller` is not a `Caller`.

    Example::

        def handle_call(self, request, caller):
            self.waiting.append(caller)
            return NoReply()

        def handle_cast(self, item):
            for caller in self.waiting:
                otp.reply(caller, item)
    """
    if not isinstance(caller, Caller):
        raise TypeError(f"caller: expected a Caller, as handle_call gets it, got {shown(caller)}")
    send_answer(caller, value)


@enable_ki_protection
async def stop(server: ServerRef, reason: Any = "normal", timeout: float = inf) -> None:
    """Stop a server and wait until it has ended. Erlang's `gen_server:stop/1,3`.

    The server calls `terminate(reason)` and ends, also while it is suspended by `sys.suspend`.
    Messages that are in its mailbox before this request are handled first.

    Args:
        server: the pid of the server, its registered name, a `Via`, or `(name, node)` in a cluster.
        reason: the exit reason (default: `"normal"`).
        timeout: seconds to wait; `math.inf` (the default) waits for ever. After a time-out the
            request remains, and the server still stops.

    Raises:
        CallError: with the reason

            - `"noproc"`: there is no such process
            - `"timeout"`: the server has not ended in time
            - `"calling_self"`: the server is the calling process; return `Stop(reason)` instead
            - another one: the server ended with this and not with `reason`, for example because
              `terminate` crashed
        TypeError: `server` is no pid, name, `Via` or pair, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.
    """
    check_seconds("timeout", timeout)
    process = current_process()
    target = find_server(process, server)
    if target is None or target is process:
        raise _unreachable(target, "stop", server, reason)
    if isinstance(target, Remote):
        ref = process.monitor_elsewhere(target)
    else:
        ref = process.monitor(target, target.pid)
    try:
        target.deliver(StopRequest(reason))
        down = await receive(ref, after=timeout)
    finally:
        forget(process, ref)
    if type(down) is not Down:
        raise CallError("timeout", server, reason, "stop")
    if not is_same(down.reason, reason):
        raise CallError(down.reason, server, reason, "stop")


@enable_ki_protection
async def _wait_after_delivery(
    process: Process,
    target: Process,
    caller: Caller,
    timeout: float,
    context: tuple[str, ServerRef, Any],
) -> Any:
    """Wait for the answer of a request that was delivered, unless it was answered in place.

    Monitor and alias are made only now, so that a call that is answered in place costs neither.
    That is safe: no other process can have run, except those that `deliver` ran in place.
    """
    answer = caller.answer
    if answer is not PENDING and answer is not BY_ALIAS:
        # If the delivery has ended the caller itself (the server may have sent it an exit signal),
        # it must not run on.
        if process.ending:
            current_process()
            await process.body.checkpoint()
        return answer
    # One of those may have used `caller.ref`, which made it an alias, and answered through it. Then
    # that alias is gone and the `Answer` is in the mailbox. No further message will come to remove
    # the monitor and the new alias that `watch` makes, so they are removed at the end.
    answered_already = answer is BY_ALIAS and caller.ref not in (process.aliases or ())
    if target.pid in alive:
        watch(process, target, caller.ref)
    else:
        for observer in crash_observers:
            observer.call_failed(process, target)
        process.deliver(Down(caller.ref, target.pid, target.reason))
    try:
        return await _receive_answer(process, caller, timeout, context)
    finally:
        if answered_already:
            forget(process, caller.ref)


async def _ask(
    process: Process,
    target: Process | Remote,
    kind: type[Call] | type[SystemCall],
    timeout: float,
    context: tuple[str, ServerRef, Any],
) -> Any:
    """Send a request whose answer can only come as a message, and wait for it.

    The monitor is made before the request is sent, on the same way: if there is no way to another
    node, the `Down` says so.
    """
    caller = Caller(process.pid, Ref())
    watch(process, target, caller.ref)
    try:
        target.deliver(kind(caller, context[2]))
    except BaseException:
        forget(process, caller.ref)
        raise
    try:
        return await _receive_answer(process, caller, timeout, context)
    finally:
        if isinstance(target, Remote):
            # It may have answered past the alias, as old parts of Erlang do: the monitor is left.
            forget(process, caller.ref)


async def _receive_answer(
    process: Process, caller: Caller, timeout: float, context: tuple[str, ServerRef, Any]
) -> Any:
    process.calling = (caller.ref, trio.current_time())
    try:
        answer = await receive(caller.ref, after=timeout)
    except BaseException:
        forget(process, caller.ref)
        raise
    if type(answer) is Answer:
        return answer.value
    if type(answer) is Down:
        raise _failure(answer.reason, context)
    forget(process, caller.ref)
    raise _failure("timeout", context)


def is_same(value: Any, other: Any) -> bool:
    """Return True if two values of the program are equal: reasons, or ids."""
    if value is other:
        return True
    try:
        return bool(value == other)
    except Exception:  # `__eq__` is the program's code, and may fail
        return False


def _unreachable(
    target: Process | Remote | None, function: str, server: ServerRef, argument: Any
) -> CallError:
    reason = "noproc" if target is None else "calling_self"
    return CallError(reason, server, argument, function)


def _failure(reason: Any, context: tuple[str, ServerRef, Any]) -> CallError:
    # Erlang wraps the reason, `{Reason, {gen_server, call, Args}}`. Here the reason stays what the
    # server ended with, so that it can be matched directly; the rest are attributes.
    function, server, request = context
    return CallError(reason, server, request, function)
