"""`instrument`: metrics and spans of one runtime, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from opentelemetry import metrics, trace

from ..arguments import shown
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

    The instruments read the tables of the runtime when a reader of the SDK collects metrics. Each
    `call`, `cast`, `send_request` and `notify` gets a span in the caller, and one around the
    callback that serves the request. The context of OpenTelemetry, also its baggage, goes with the
    request. The page "OpenTelemetry" has the names of all instruments and attributes. Erlang has
    no counterpart.

    After the block no span is made. The instruments remain in the meter, since OpenTelemetry can't
    remove them, and report nothing.

    Args:
        tracer_provider: the provider of spans; None (the default): the one that the program has set
            by `trace.set_tracer_provider`. If it has set none, no span is made, and requests cost
            what they do without this block.
        meter_provider: the provider of metrics; None (the default): the one that the program has
            set by `metrics.set_meter_provider`. If it has set none, nothing is measured.

    Raises:
        TypeError: an argument is neither a provider of its kind nor None.
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
        raise TypeError(f"{name}: expected a {expected.__name__} or None, got {shown(provider)}")


def _is_set(provider: object, api: str) -> bool:
    # The providers of the API itself do nothing, or wait until the program sets another one.
    return not type(provider).__module__.startswith(api)
