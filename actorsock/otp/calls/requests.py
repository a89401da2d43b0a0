"""Requests whose response is waited for later: `send_request` and its relatives.

`call` sends and waits in one step, which a handler process can't do. Here the two steps are
separate. The ref of a request is its monitor and its alias at the same time, so one message
with that ref comes in any case: the answer, or the end of the server. In place of one ref there
may be a collection of them.
"""

from math import inf
from typing import Any, Final, TypeVar, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_seconds
from ...results import Error, Ok
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Ref, check_ref
from ...runtime.core.messages import Down, Timeout
from ...runtime.core.process import Process
from ...runtime.core.reductions import TIMER
from ...runtime.core.remote import Remote
from .protocol import Answer, Call, Caller, Request, RequestRef
from .registries import ServerRef, Via
from .request_collection import (
    NoRequest,
    RequestCollection,
    Response,
    check_collection,
    reqids_add,
)
from .travelling import Departure, TravellingCall, travellers
from .waiting import find_server, forget, watch

__all__ = ["check_response", "receive_response", "send_request", "wait_response"]


T = TypeVar("T")


@overload
def send_request(server: ServerRef, request: Request[T]) -> "RequestRef[T]": ...
@overload
def send_request(server: ServerRef, request: Any) -> Ref: ...
@overload
def send_request(
    server: ServerRef, request: Any, label: Any, collection: RequestCollection
) -> RequestCollection: ...
@enable_ki_protection
def send_request(
    server: ServerRef,
    request: Any,
    label: Any = None,
    collection: RequestCollection | None = None,
) -> Ref | RequestCollection:
    """Send a request to a server without waiting. Erlang's `gen_server:send_request/2,4`.

    Exactly one message with the returned ref comes to the caller later: `Answer(ref, value)`, or
    `Down(ref, server, reason)` if the server ends before it answers. Receive it with
    `receive_response` or `wait_response`, or like any other message and pass it to
    `check_response`. This is how a handler process, which can't wait, makes a call. A request to
    the calling process itself is answered too.

    Args:
        server: as for `call`. If there is no such process, the `Down` message with the reason
            `"noproc"` comes at once; if the connection with its node breaks, or can't be made, one
            with `"noconnection"`.
        request: any value; the server's `handle_call` gets it.
        label: with `collection`: any value that tells what the request is about.
        collection: a collection that the request is put into, with its label.

    Returns:
        The ref of the request; or `collection`, if that is given.

    Raises:
        TypeError: `server` is no pid, name, `Via` or pair, or `collection` no `RequestCollection`,
            or `request` can't be sent to another node.

    Example::

        refs = [otp.send_request(server, "size") for server in servers]
        sizes = [ok(await otp.receive_response(ref, timeout=1)) for ref in refs]
    """
    if collection is not None:
        check_collection(collection)
    process = current_process()
    # Paid, by letting others run, in the next call that can wait: a monitor and an alias are made.
    process.body.budget -= TIMER
    target = find_server(process, server)
    if isinstance(target, Remote):
        ref = Ref()
        watch(process, target, ref)
    else:
        # As in Erlang the end of a process that a registry has found is told with its pid.
        named: Any = target.pid if target is not None and type(server) is Via else server
        ref = process.monitor(target, named)
        if target is not None:
            # A process can't monitor itself, so for a request to itself there is nothing to remove.
            process.add_alias(ref, "reply" if target is process else "reply_demonitor")
    if target is not None:
        try:
            if travellers:
                _deliver_with_values(target, server, Caller(process.pid, ref), request)
            else:
                target.deliver(Call(Caller(process.pid, ref), request))
        except BaseException:
            forget(process, ref)  # the request can't be sent to another node
            raise
    return ref if collection is None else reqids_add(ref, label, collection)


@overload
async def receive_response(
    ref: "RequestRef[T]", timeout: float = inf
) -> Ok[T] | Error | Timeout: ...
@overload
async def receive_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout: ...
@overload
async def receive_response(
    ref: RequestCollection, timeout: float = inf, delete: bool = True
) -> Response | NoRequest | Timeout: ...
@enable_ki_protection
async def receive_response(
    ref: Ref | RequestCollection, timeout: float = inf, delete: bool = True
) -> Ok[Any] | Error[Any] | Response | NoRequest | Timeout:
    """Wait for the response to a request, and abandon the request if it does not come in time.

    Erlang's `gen_server:receive_response/2,3`. Call it once for a request, in the process that made
    it. If the wait is cancelled, the request is abandoned too.

    Args:
        ref: the ref that `send_request` returned; or a collection, to wait for the response to any
            request in it.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 polls.
        delete: with a collection: True (the default) removes the request from it.

    Returns:
        - `Ok(value)`: the answer
        - `Error(reason, server)`: the server ended with `reason` before it answered; `"noproc"`
          if there was none
        - `Timeout()`: no response in time; one that comes later is dropped

        For a collection:

        - `Response(result, label)`, where `result` is such an `Ok` or `Error`
        - `NoRequest()`: the collection is empty
        - `Timeout()`: as above; all requests in the collection are abandoned, and it is empty

    Raises:
        TypeError: `ref` is neither a `Ref` nor a collection, `timeout` is not a number, or `delete`
            not a bool.
        ValueError: `timeout` is negative or NaN.
    """
    _check(ref, timeout, delete)
    process = current_process()
    response: Ok[Any] | Error[Any] | Response | NoRequest | Timeout = Timeout()
    try:
        response = await _wait(ref, timeout, delete)
    finally:
        if type(response) is Timeout:
            _abandon(process, ref)
    return response


@overload
async def wait_response(ref: "RequestRef[T]", timeout: float = inf) -> Ok[T] | Error | Timeout: ...
@overload
async def wait_response(ref: Ref, timeout: float = inf) -> Ok[Any] | Error | Timeout: ...
@overload
async def wait_response(
    ref: RequestCollection, timeout: float = inf, delete: bool = True
) -> Response | NoRequest | Timeout: ...
@enable_ki_protection
async def wait_response(
    ref: Ref | RequestCollection, timeout: float = inf, delete: bool = True
) -> Ok[Any] | Error[Any] | Response | NoRequest | Timeout:
    """Wait for the response to a request, and keep the request if it does not come in time.

    Erlang's `gen_server:wait_response/2,3`. It differs from `receive_response` in one point: after
    `Timeout()`, or after a cancelled wait, the response may still come and be waited for again.

    Args:
        ref: the ref that `send_request` returned; or a collection, to wait for the response to any
            request in it.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 polls.
        delete: with a collection: True (the default) removes the request from it.

    Returns:
        The same as `receive_response`, except for the meaning of `Timeout()`: no response in time.

    Raises:
        TypeError: `ref` is neither a `Ref` nor a collection, `timeout` is not a number, or `delete`
            not a bool.
        ValueError: `timeout` is negative or NaN.
    """
    _check(ref, timeout, delete)
    return await _wait(ref, timeout, delete)


@overload
def check_response(message: Any, ref: "RequestRef[T]") -> Ok[T] | Error | None: ...
@overload
def check_response(message: Any, ref: Ref) -> Ok[Any] | Error | None: ...
@overload
def check_response(
    message: Any, ref: RequestCollection, delete: bool = True
) -> Response | NoRequest | None: ...
@enable_ki_protection
def check_response(
    message: Any, ref: Ref | RequestCollection, delete: bool = True
) -> Ok[Any] | Error[Any] | Response | NoRequest | None:
    """Interpret a received message as the response to a request.

    Erlang's `gen_server:check_response/2,3`.

    Args:
        message: any message that the process has received.
        ref: the ref that `send_request` returned; or a collection.
        delete: with a collection: True (the default) removes the request from it.

    Returns:
        - `Ok(value)`: `message` is the answer
        - `Error(reason, server)`: the server ended with `reason` before it answered
        - None: `message` does not belong to this request

        For a collection `Response(result, label)`, where `result` is such an `Ok` or `Error`;
        None; or `NoRequest()`, if it is empty.

    Raises:
        TypeError: `ref` is neither a `Ref` nor a collection, or `delete` is not a bool.

    Example::

        def handle_info(self, message):
            match otp.check_response(message, self.request):
                case Ok(value): ...
                case Error(reason): ...
                case None: ...  # another message
    """
    if isinstance(ref, RequestCollection):
        check_bool("delete", delete)
        if not ref.labels:
            return NoRequest()
        if _is_response(message, ref):
            return _taken(message, ref, delete)
        return None
    check_ref(ref)
    if type(message) in _RESPONSES and message.ref is ref:
        return _result(message)
    return None


def _deliver_with_values(
    target: Process | Remote, server: ServerRef, caller: Caller, request: Any
) -> None:
    with Departure("send_request", server, target, request) as values:
        if values and not isinstance(target, Remote):
            target.deliver(TravellingCall(caller, request, values))
        else:
            target.deliver(Call(caller, request))


_RESPONSES: Final = (Answer, Down)


def _check(ref: Ref | RequestCollection, timeout: float, delete: bool) -> None:
    if type(ref) is not RequestCollection:
        check_ref(ref)
    check_seconds("timeout", timeout)
    check_bool("delete", delete)


async def _wait(
    ref: Ref | RequestCollection, timeout: float, delete: bool
) -> Ok[Any] | Error[Any] | Response | NoRequest | Timeout:
    if not isinstance(ref, RequestCollection):
        message = await receive(ref, after=timeout)
        return message if type(message) is Timeout else _result(message)
    if not ref.labels:
        return NoRequest()
    message = await receive(lambda message: _is_response(message, ref), after=timeout)
    if type(message) is Timeout:
        return message
    return _taken(message, ref, delete)


def _is_response(message: Any, collection: RequestCollection) -> bool:
    return (
        type(message) in _RESPONSES
        and type(message.ref) is Ref  # a program can make an `Answer` of anything
        and message.ref in collection.labels
    )


def _taken(message: Any, collection: RequestCollection, delete: bool) -> Response:
    labels = collection.labels
    label = labels.pop(message.ref) if delete else labels[message.ref]
    return Response(_result(message), label)


def _abandon(process: Process, ref: Ref | RequestCollection) -> None:
    if not isinstance(ref, RequestCollection):
        forget(process, ref)
        return
    for each in ref.labels:
        forget(process, each)
    ref.labels.clear()


def _result(message: Any) -> Ok[Any] | Error[Any]:
    if type(message) is Answer:
        return Ok(message.value)
    return Error(message.reason, message.pid)
