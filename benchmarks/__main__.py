"""The program behind `make bench`: it measures, prints the tables, and draws the picture.

A run of all parts writes the picture, and a page that the documents include.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import trio

from actorsock import native

from .drawing import picture
from .harness import Effort, Part, Result, measure
from .parts import (
    active,
    bulk,
    burst,
    cores,
    distribution,
    echo,
    mailbox_drain,
    memory,
    messages,
    observed,
    receive_by_ref,
    request_reply,
    ring,
    scale,
    spawning,
    tls,
    under_load,
)
from .programs import HERE, allow_many_files
from .report import figures, page, ratios, summary

__all__ = ["PARTS", "main"]

PARTS: Final[dict[str, Part]] = {
    "echo": echo.benchmarks,
    "bulk": bulk.benchmarks,
    "udp": under_load.udp,
    "accept": under_load.accept,
    "burst": burst.benchmarks,
    "active": active.active,
    "active_udp": active.active_udp,
    "tls": tls.benchmarks,
    "messages": messages.benchmarks,
    "ring": ring.benchmarks,
    "mailbox_drain": mailbox_drain.benchmarks,
    "spawning": spawning.benchmarks,
    "request_reply": request_reply.benchmarks,
    "receive_by_ref": receive_by_ref.benchmarks,
    "observed": observed.benchmarks,
    "distribution": distribution.benchmarks,
    "cores": cores.benchmarks,
    "memory": memory.benchmarks,
    "scale": scale.benchmarks,
}


def main() -> int:
    """Run the benchmarks; return 1 if a contestant has failed, else 0, whatever the figures."""
    arguments = _arguments()
    effort = Effort(arguments.rounds, arguments.seconds, arguments.scale)
    parts = arguments.only or list(PARTS)
    allow_many_files()
    results = [result for part in parts for result in _results(part, effort)]
    print(ratios(results), figures(results), summary(results), sep="\n\n")
    if len(parts) == len(PARTS):
        folder: Path = arguments.results
        (folder / "results.svg").write_text(picture(results), encoding="utf-8")
        (folder / "results.md").write_text(page(results, _conditions(effort)), encoding="utf-8")
        print(f"\nresults.svg and results.md are written to {folder}")
    return 1 if any(result.failed for result in results) else 0


def _conditions(effort: Effort) -> str:
    """Return a sentence about the machine, the programs and the effort."""
    core = "with" if native else "without"
    return (
        f"{platform.python_implementation()} {platform.python_version()} {core} the native core, "
        f"trio {trio.__version__}, {platform.system()} {platform.release()} on "
        f"{os.cpu_count()} cores; {effort.rounds} rounds of {effort.seconds:g} s."
    )


def _results(part: str, effort: Effort) -> Iterator[Result]:
    with closing(PARTS[part](effort)) as benchmarks:
        for benchmark in benchmarks:
            begin = time.monotonic()
            yield measure(benchmark, effort)
            took = time.monotonic() - begin
            print(f"{part}, {benchmark.label}: {took:.0f} s", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    usual = Effort()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument(
        "--seconds",
        type=float,
        default=usual.seconds,
        help="length of a measurement that is limited by time",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=usual.scale,
        help="part of the number of operations: 1 is all of them",
    )
    parser.add_argument("--results", type=Path, default=HERE, help="the folder of the picture")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
