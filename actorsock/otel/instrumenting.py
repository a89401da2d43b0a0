"""`instrument`: metrics and spans of one runtime, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from opentelemetry import metrics, trace

from ..otp.calls.travelling import travellers
from ..runtime.bodies.current import current_process
from .metrics import observe
from .spans import Spans

__all__ = ["instrument"]

_KEY: Final = "opentelemetry"


@contextmanager
def instrument(
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> Iterator[None]:
    """Give OpenTelemetry metrics and spans of this runtime, in a `with` block.

    Metrics are read from the tables of the runtime when a reader of the SDK collects them. Spans
    are made for `call`, `cast`, `send_request` and `notify`, in the caller and around the callback
    that serves the request, and the context of OpenTelemetry goes along with the request, baggage
    too. The page "OpenTelemetry" has the names of all instruments and attributes.

    The block ends both. What remains is what OpenTelemetry can't remove: the instruments of the
    meter, which report nothing any more.

    Args:
        tracer_provider: the provider of spans; None (the default): the one that the program has set
            by `trace.set_tracer_provider`. If it has set none, no span is made, and requests cost
            what they do without this block.
        meter_provider: likewise, for metrics.

    Raises:
        TypeError: one of them is no such provider.
        RuntimeError: no runtime is open here, or it is instrumented already.

    Example::

        async def main():
            with otel.instrument():
                ok(await otp.start_link(Shop))
                await trio.sleep_forever()
    """
    _check("tracer_provider", tracer_provider, trace.TracerProvider)
    _check("meter_provider", meter_provider, metrics.MeterProvider)
    tracers = tracer_provider or trace.get_tracer_provider()
    meters = meter_provider or metrics.get_meter_provider()
    node = current_process().node
    if _KEY in node.services:
        raise RuntimeError("this runtime is instrumented already")
    with ExitStack() as block:
        node.services[_KEY] = True
        block.callback(node.services.pop, _KEY)
        if _is_set(meters, "opentelemetry.metrics"):
            block.enter_context(observe(node, meters))
        if _is_set(tracers, "opentelemetry.trace"):
            spans = Spans(node, tracers)
            travellers.append(spans)
            block.callback(travellers.remove, spans)
        yield


def _check(name: str, provider: object, expected: type[Any]) -> None:
    if provider is not None and not isinstance(provider, expected):
        raise TypeError(f"{name}: expected a {expected.__name__} or None, got {provider!r}")


def _is_set(provider: object, api: str) -> bool:
    # The API has providers of its own, which do nothing, or wait for a later one.
    return not type(provider).__module__.startswith(api)
