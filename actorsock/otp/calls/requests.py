"""Requests whose response is waited for later: `send_request` and its relatives.

`call` sends and waits in one step, which a handler process can't do. Here the two steps are
separate. The ref of a request is its monitor and its alias at the same time, so one message
with that ref comes in any case: the answer, or the end of the server.
"""

from math import inf
from typing import Any, TypeVar, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ...results import Error, Ok
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Ref, check_ref
from ...runtime.core.messages import Down, Timeout
from ...runtime.core.reductions import TIMER
from ...runtime.core.remote import Remote
from .protocol import Answer, Call, Caller, Request, RequestRef
from .waiting import Server, find_server, forget, watch

__all__ = ["check_response", "receive_response", "send_request", "wait_response"]


T = TypeVar("T")


@overload
def send_request(server: Server, request: Request[T]) -> "RequestRef[T]": ...
@overload
def send_request(server: Server, request: Any) -> Ref: ...
@enable_ki_protection
def send_request(server: Server, request: Any) -> Ref:
    """Send a request to a server without waiting. Erlang's `gen_server:send_request/2`.

    Exactly one message with the returned ref comes to the caller later: `Answer(ref, value)`, or
    `Down(ref, server, reason)` if the server ends before it answers. Receive it with
    `receive_response` or `wait_response`, or like any other message and pass it to
    `check_response`. This is how a handler process, which can't wait, makes a call. A request to
    the calling process itself is answered too.

    Args:
        server: the pid of the server, its registered name, or `(name, node)` in a cluster. If there
            is no such process, the `Down` message with the reason `"noproc"` comes at once.
        request: any value; the server's `handle_call` gets it.

    Returns:
        The ref of the request.

    Raises:
        TypeError: `server` is neither a pid nor a `str`.

    Example::

        refs = [otp.send_request(server, "size") for server in servers]
        sizes = [ok(await otp.receive_response(ref, timeout=1)) for ref in refs]
    """
    process = current_process()
    # Paid, by letting others run, in the next call that can wait: a monitor and an alias are made.
    process.body.budget -= TIMER
    target = find_server(process, server)
    if isinstance(target, Remote):
        ref = Ref()
        watch(process, target, ref)
        target.deliver(Call(Caller(process.pid, ref), request))
        return ref
    ref = process.monitor(target, server)
    if target is not None:
        # A process can't monitor itself, so for a request to itself there is nothing to remove.
        process.add_alias(ref, "reply" if target is process else "reply_demonitor")
        target.deliver(Call(Caller(process.pid, ref), request))
    return ref


@overload
async def receive_response(
    ref: "RequestRef[T]", timeout: float = inf
) -> Ok[T] | Error | Timeout: ...
@overload
async def receive_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout: ...
@enable_ki_protection
async def receive_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error[Any] | Timeout:
    """Wait for the response to a request, and abandon the request if it does not come in time.

    Erlang's `gen_server:receive_response/2`. Call it once for a request, in the process that made
    it. If the wait is cancelled, the request is abandoned too.

    Args:
        ref: the ref that `send_request` returned.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 polls.

    Returns:
        - `Ok(value)`: the answer
        - `Error(reason, server)`: the server ended with `reason` before it answered; `"noproc"`
          if there was none
        - `Timeout()`: no response in time; one that comes later is dropped

    Raises:
        TypeError: `ref` is not a `Ref`, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.
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


@overload
async def wait_response(ref: "RequestRef[T]", timeout: float = inf) -> Ok[T] | Error | Timeout: ...
@overload
async def wait_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout: ...
@enable_ki_protection
async def wait_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error[Any] | Timeout:
    """Wait for the response to a request, and keep the request if it does not come in time.

    Erlang's `gen_server:wait_response/2`. It differs from `receive_response` in one point: after
    `Timeout()`, or after a cancelled wait, the response may still come and be waited for again.

    Args:
        ref: the ref that `send_request` returned.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 polls.

    Returns:
        - `Ok(value)`: the answer
        - `Error(reason, server)`: the server ended with `reason` before it answered; `"noproc"`
          if there was none
        - `Timeout()`: no response in time

    Raises:
        TypeError: `ref` is not a `Ref`, or `timeout` is not a number.
        ValueError: `timeout` is negative or NaN.
    """
    check_ref(ref)
    check_seconds("timeout", timeout)
    message = await receive(ref, after=timeout)
    return message if type(message) is Timeout else _response(message)


@overload
def check_response(message: Any, ref: "RequestRef[T]") -> Ok[T] | Error | None: ...
@overload
def check_response(message: Any, ref: Ref) -> Ok[Any] | Error | None: ...
@enable_ki_protection
def check_response(message: Any, ref: Ref) -> Ok[Any] | Error[Any] | None:
    """Interpret a received message as the response to a request.

    Erlang's `gen_server:check_response/2`.

    Args:
        message: any message that the process has received.
        ref: the ref that `send_request` returned.

    Returns:
        - `Ok(value)`: `message` is the answer
        - `Error(reason, server)`: the server ended with `reason` before it answered
        - None: `message` does not belong to this request

    Raises:
        TypeError: `ref` is not a `Ref`.

    Example::

        def handle_info(self, message):
            match otp.check_response(message, self.request):
                case Ok(value): ...
                case Error(reason): ...
                case None: ...  # another message
    """
    check_ref(ref)
    if type(message) in (Answer, Down) and message.ref is ref:
        return _response(message)
    return None


def _response(message: Any) -> Ok[Any] | Error[Any]:
    if type(message) is Answer:
        return Ok(message.value)
    return Error(message.reason, message.pid)
