"""OpenTelemetry: metrics of a running node, and spans of the requests to its servers.

`with otel.instrument():` inside a runtime. It needs `actorsock[otel]`, the API of OpenTelemetry
alone; the program chooses and sets up an SDK. Where none is set, nothing is measured and no span is
made.

- `instrumenting`: `instrument`, which turns both on and off
- `metrics`: the instruments, their names and units
- `readings`: what they read of a node
- `spans`: the spans of requests
"""

from .instrumenting import instrument

__all__ = ["instrument"]
