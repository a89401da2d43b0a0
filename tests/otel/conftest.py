"""Providers of the SDK that keep what they are given."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actorsock import otel

from ..stories import nothing_is_left_behind

__all__ = ["Meters", "Tracers", "instrumented", "meters", "nothing_is_left_behind", "tracers"]


class Meters:
    """A provider of metrics, and what its instruments tell now."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def points(self) -> list[tuple[Any, Any]]:
        """Each metric with each of its data points."""
        data = self.reader.get_metrics_data()
        return [
            (metric, point)
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]

    def read(self) -> dict[str, Any]:
        """The values by the names of metrics, with that of the attribute if there is one."""
        return {
            " ".join([metric.name, *point.attributes.values()]): point.value
            for metric, point in self.points()
        }


class Tracers:
    """A provider of spans, and the spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self) -> dict[str, ReadableSpan]:
        """The spans by their kinds and names."""
        return {
            f"{span.kind.name.lower()} {span.name}": span
            for span in self.exporter.get_finished_spans()
        }


@pytest.fixture
def meters() -> Meters:
    return Meters()


@pytest.fixture
def tracers() -> Tracers:
    return Tracers()


@pytest.fixture
def instrumented(runtime: None, meters: Meters, tracers: Tracers) -> Iterator[None]:
    with otel.instrument(tracer_provider=tracers.provider, meter_provider=meters.provider):
        yield
