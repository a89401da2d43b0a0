"""The spans of requests: one in the caller, and one around the callback that serves the request.

They follow the conventions of OpenTelemetry for RPC where the caller waits (`call`), and those for
messaging where it does not. The context of OpenTelemetry goes with the request as context variables
do, see `otp.travels`.
"""

import logging
from typing import Any, Final

import attrs
from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    set_span_in_context,
)

from ..log_text import text_of
from ..otp.behaviour.exit_reasons import is_orderly
from ..otp.calls.failures import CallError
from ..otp.calls.registries import ServerRef
from ..otp.calls.travelling import NOTHING, How, Traveller
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process, ProcessExit
from ..runtime.core.remote import Remote
from .metrics import METER

__all__ = ["Spans"]

_log: Final = logging.getLogger("actorsock.otel")

_LONGEST_WORD: Final = 64


@attrs.frozen
class _Sent:
    """What goes with a request."""

    span: Span
    """The span of the caller."""
    context: Context
    """The caller's context of OpenTelemetry, with that span."""
    how: How | None
    """The function that has made the request. None: these go with a time-out that the request has
    started, which gets the context and no span of its own."""
    service: str
    method: str


class Spans(Traveller):
    """Makes the spans of one node. What the SDK raises is logged, and the request goes on."""

    def __init__(self, node: Node, provider: TracerProvider) -> None:
        self._node = node
        self._tracer: Tracer = provider.get_tracer(METER)

    def departs(
        self, how: How, server: ServerRef, target: Process | Remote | None, request: Any
    ) -> Any:
        try:
            if not self._is_of_node(target):
                return NOTHING
            service, method = _service_of(server, target), _word_of(request)
            kind = SpanKind.CLIENT if how == "call" else SpanKind.PRODUCER
            span = self._start(contexts.get_current(), how, service, method, kind)
            return _Sent(span, set_span_in_context(span), how, service, method)
        except Exception:
            _note_failure()
            return NOTHING

    def sent(self, value: _Sent, failure: BaseException | None) -> None:
        _end(value.span, failure)

    def arrives(self, value: _Sent) -> Any:
        try:
            if value.how is None:
                return None, contexts.attach(value.context)
            kind = SpanKind.SERVER if value.how == "call" else SpanKind.CONSUMER
            span = self._start(value.context, value.how, value.service, value.method, kind)
            return span, contexts.attach(set_span_in_context(span, value.context))
        except Exception:
            _note_failure()
            return None

    def leaves(self, arrived: Any, failure: BaseException | None) -> None:
        if arrived is None:
            return
        span, token = arrived
        contexts.detach(token)
        if span is not None:
            _end(span, failure)

    def later(self, value: _Sent) -> _Sent:
        return attrs.evolve(value, how=None)

    def _is_of_node(self, target: Process | Remote | None) -> bool:
        process = target if isinstance(target, Process) else current_process()
        return process.node is self._node

    def _start(self, parent: Context, how: How, service: str, method: str, kind: SpanKind) -> Span:
        if how == "call":
            name = f"{service}/{method}"
            attributes = {
                "rpc.system": "actorsock",
                "rpc.system.name": "actorsock",
                "rpc.service": service,
                "rpc.method": method,
            }
        else:
            sends = kind is SpanKind.PRODUCER
            operation = how if sends else "process"
            name = f"{operation} {service}"
            attributes = {
                "messaging.system": "actorsock",
                "messaging.operation.name": operation,
                "messaging.operation.type": "send" if sends else "process",
                "messaging.destination.name": service,
                "actorsock.request.name": method,
            }
        return self._tracer.start_span(name, parent, kind, attributes)


def _end(span: Span, failure: BaseException | None) -> None:
    try:
        if failure is not None:
            _record(span, failure)
        span.end()
    except Exception:
        _note_failure()


def _record(span: Span, failure: BaseException) -> None:
    """Record why a request has failed.

    A caller that was cancelled or killed has not failed, nor has a server that stops in good order.
    """
    if isinstance(failure, ProcessExit):
        if is_orderly(failure.reason):
            return
    elif not isinstance(failure, Exception):
        return
    else:
        span.record_exception(failure)
    reason = failure.reason if isinstance(failure, ProcessExit | CallError) else failure
    span.set_attribute("error.type", _word_of(reason))
    span.set_status(Status(StatusCode.ERROR, text_of(reason)))


def _service_of(server: ServerRef, target: Process | Remote | None) -> str:
    """Return the name of a server, or that of the class or function that it runs; never its pid."""
    if isinstance(target, Process):
        if target.name is not None:
            return target.name
        if not isinstance(server, str):
            return target.body.describe().rpartition(":")[2].rpartition(".")[2]
    if isinstance(server, str):
        return server
    if isinstance(server, tuple):
        return server[0]
    return "elsewhere" if isinstance(server, Pid) and target is not None else "unknown"


def _word_of(value: Any) -> str:
    """Return the first word of a value, such as `("sell", 5)`, or the name of its class.

    Only what can be a name is taken for a word: other text is data, which belongs in no trace.
    """
    first = value[0] if type(value) is tuple and value else value
    if type(first) is str and first.isidentifier() and len(first) <= _LONGEST_WORD:
        return first
    return type(value).__qualname__


def _note_failure() -> None:
    _log.exception("OpenTelemetry has raised an exception; the request goes on without its span")
