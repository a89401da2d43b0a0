"""The instruments: their names, kinds and units, and what they read.

All are observable: they read when a reader of the SDK collects. An instrument can't be taken out of
a meter again, so each provider gets the instruments once. They report the nodes that are
instrumented with that provider at the time: of several nodes the sum, or for a gauge the largest
value.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal
from weakref import WeakKeyDictionary

import attrs
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from ..runtime.core.node import Node
from .readings import Readings

__all__ = ["INSTRUMENTS", "METER", "Instrument", "observe"]

METER: Final = "actorsock"
"""The name of the meter and of the tracer: the instrumentation scope."""

Kind = Literal["counter", "up_down_counter", "gauge"]
Value = float | dict[str, int] | None


@attrs.frozen
class Instrument:
    """One row of the table `INSTRUMENTS`."""

    name: str
    kind: Kind
    unit: str
    """In the notation of UCUM."""
    description: str
    read: Callable[[Readings], Value]
    """Reads one node. A dict has a value for each value of `attribute`; None reports nothing."""
    attribute: str | None = None
    """If `read` returns a dict: the attribute whose values its keys are."""


INSTRUMENTS: Final = (
    Instrument(
        "actorsock.process.count",
        "up_down_counter",
        "{process}",
        "Living processes, by their kind: task, light or handler.",
        Readings.processes,
        "actorsock.process.kind",
    ),
    Instrument(
        "actorsock.process.crashes",
        "counter",
        "{crash}",
        "Crashes of processes and event handlers.",
        Readings.crashes,
    ),
    Instrument(
        "actorsock.supervisor.restarts",
        "counter",
        "{restart}",
        "Restarts of children by their supervisors.",
        Readings.restarts,
    ),
    Instrument(
        "actorsock.mailbox.messages",
        "up_down_counter",
        "{message}",
        "Messages that wait in mailboxes.",
        Readings.messages,
    ),
    Instrument(
        "actorsock.mailbox.longest",
        "gauge",
        "{message}",
        "Messages that wait in the longest mailbox.",
        Readings.longest,
    ),
    Instrument(
        "actorsock.mailbox.dropped",
        "counter",
        "{message}",
        "Messages that the limits of mailboxes have dropped.",
        Readings.dropped,
    ),
    Instrument(
        "actorsock.run_queue.delay",
        "gauge",
        "s",
        "Time that the runtime took to answer the last collection, or has taken so far.",
        Readings.delay,
    ),
    Instrument(
        "actorsock.timer.count",
        "up_down_counter",
        "{timer}",
        "Running timers of send_after and start_timer.",
        Readings.timers,
    ),
    Instrument(
        "actorsock.socket.count",
        "up_down_counter",
        "{socket}",
        "Open sockets.",
        Readings.sockets,
    ),
    Instrument(
        "actorsock.socket.io",
        "counter",
        "By",
        "Bytes that sockets have received and sent.",
        Readings.traffic,
        "network.io.direction",
    ),
    Instrument(
        "actorsock.node.connections",
        "up_down_counter",
        "{connection}",
        "Nodes of the cluster that this one is connected with.",
        Readings.connections,
    ),
)


@contextmanager
def observe(node: Node, provider: MeterProvider) -> Iterator[None]:
    """Report `node` to the readers of `provider`."""
    readings = Readings(node)
    observed = _observed_by(provider)
    readings.begin()
    observed.append(readings)
    try:
        yield
    finally:
        observed.remove(readings)
        readings.end()


_observed: Final[WeakKeyDictionary[MeterProvider, list[Readings]]] = WeakKeyDictionary()
"""The nodes that are instrumented with each provider that has got the instruments."""


def _observed_by(provider: MeterProvider) -> list[Readings]:
    observed = _observed.get(provider)
    if observed is None:
        observed = _observed[provider] = []
        meter = provider.get_meter(METER)
        for instrument in INSTRUMENTS:
            _create(meter, instrument, observed)
    return observed


def _create(meter: Meter, instrument: Instrument, observed: list[Readings]) -> None:
    create = {
        "counter": meter.create_observable_counter,
        "up_down_counter": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }[instrument.kind]

    def read(options: CallbackOptions) -> Iterable[Observation]:
        values = [instrument.read(readings) for readings in observed.copy()]
        return _observations(instrument, values)

    create(instrument.name, [read], unit=instrument.unit, description=instrument.description)


def _observations(instrument: Instrument, values: list[Value]) -> list[Observation]:
    by_key: dict[str | None, list[float]] = {}
    for value in values:
        for key, number in value.items() if isinstance(value, dict) else ((None, value),):
            if number is not None:
                by_key.setdefault(key, []).append(number)
    together = max if instrument.kind == "gauge" else sum
    return [
        Observation(
            together(numbers),
            None if key is None or instrument.attribute is None else {instrument.attribute: key},
        )
        for key, numbers in by_key.items()
    ]
