"""OpenTelemetry: metrics of a running node, and spans of the requests to its servers.

A program uses `with otel.instrument():` inside a runtime. The extra `actorsock[otel]` installs the
API of OpenTelemetry alone; the program chooses an SDK and sets its providers. Without a meter
provider nothing is measured, and without a tracer provider no span is made.

- `instrumenting`: `instrument`, which turns both on and off
- `metrics`: the instruments, their names and units
- `readings`: what they read of a node
- `spans`: the spans of requests
"""

from .instrumenting import instrument

__all__ = ["instrument"]
