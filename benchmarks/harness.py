"""Measuring contestants in turn: A B C A B C ..., and comparing them as medians of ratios.

Whatever disturbs the machine for a while disturbs neighbours in the same round alike, so a ratio
is taken within each round, and the median over the rounds is the result. What is measured, and
how, is no concern of this module.
"""

import statistics
from collections.abc import Callable, Generator, Mapping
from typing import Literal

import attrs

__all__ = [
    "Against",
    "Benchmark",
    "Claim",
    "Effort",
    "Failed",
    "Figure",
    "Part",
    "Result",
    "Skipped",
    "Verdict",
    "ahead_of",
    "at_least",
    "at_most",
    "measure",
    "verdict",
]


@attrs.frozen
class Effort:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 0.25
    """Of each measurement that goes by time."""
    scale: float = 1.0
    """Of what is counted: 1 is the full number of processes, messages and bytes."""

    def scaled(self, number: int) -> int:
        """`number` at this scale."""
        return max(min(number, 1), round(number * self.scale))


@attrs.frozen
class Figure:
    """One measurement."""

    value: float
    """In the unit of the benchmark."""
    cpu: float | None = None
    """Microseconds of processor time that the server took for each operation."""


class Skipped(Exception):
    """A contestant that is not here to be measured; the text says why."""


class Failed(Exception):
    """A contestant that did not do what it should; the text says what happened."""


Contestant = Callable[[], Figure]


@attrs.frozen
class Claim:
    """What a contestant is to reach, as a ratio to a baseline."""

    contestant: str
    kind: Literal["at least", "more than", "at most"] | None = None
    """None: it is shown, and nothing is asked of it."""
    target: float = 0.0


def at_least(contestant: str, target: float) -> Claim:
    """The figure of `contestant` is at least `target` times the baseline's."""
    return Claim(contestant, "at least", target)


def ahead_of(contestant: str) -> Claim:
    """The figure of `contestant` is more than the baseline's."""
    return Claim(contestant, "more than", 1.0)


def at_most(contestant: str, target: float) -> Claim:
    """The figure of `contestant` is at most `target` times the baseline's."""
    return Claim(contestant, "at most", target)


@attrs.frozen
class Against:
    """A line of the table: both kinds of process body against one baseline."""

    what: str
    baseline: str
    task: Claim | None
    light: Claim | None
    lower_is_better: bool = False


@attrs.frozen
class Benchmark:
    """Contestants that do the same thing."""

    part: str
    """The heading that it stands under, with the unit."""
    label: str
    """What tells it from others of that part."""
    contestants: Mapping[str, Contestant]
    lines: tuple[Against, ...]
    most_rounds: int = 1000
    """Enough for what hardly varies."""


Part = Callable[[Effort], Generator[Benchmark, None, None]]
"""A part of the benchmarks. Servers that it starts run until the next benchmark is asked for."""


@attrs.frozen
class Result:
    """All figures of a benchmark, in the order of the rounds."""

    benchmark: Benchmark
    figures: dict[str, list[Figure]] = attrs.field(factory=dict)
    skipped: dict[str, str] = attrs.field(factory=dict)
    """Contestants that are not here, and why."""
    failed: dict[str, str] = attrs.field(factory=dict)
    """Contestants that broke down, and how."""

    def median(self, contestant: str) -> float:
        """The median of the figures of one contestant."""
        return statistics.median(figure.value for figure in self.figures[contestant])

    def cpu(self, contestant: str) -> float | None:
        """The median of its processor times, if they were measured."""
        times = [figure.cpu for figure in self.figures[contestant] if figure.cpu is not None]
        return statistics.median(times) if times else None

    def ratio(self, contestant: str, baseline: str) -> float | None:
        """The median over the rounds of the ratio of two contestants; None if one was skipped."""
        if contestant not in self.figures or baseline not in self.figures:
            return None
        pairs = zip(self.figures[contestant], self.figures[baseline], strict=True)
        return statistics.median(one.value / other.value for one, other in pairs)


def measure(benchmark: Benchmark, effort: Effort) -> Result:
    """Measure every contestant once in each round."""
    result = Result(benchmark)
    for _ in range(min(effort.rounds, benchmark.most_rounds)):
        for name, contestant in benchmark.contestants.items():
            if name in result.skipped or name in result.failed:
                continue
            try:
                result.figures.setdefault(name, []).append(contestant())
            except Skipped as why:
                del result.figures[name]
                result.skipped[name] = str(why)
            except Failed as what:
                del result.figures[name]
                result.failed[name] = str(what)
    return result


@attrs.frozen
class Verdict:
    """How a claim came out."""

    claim: Claim
    ratio: float | None
    """To two decimals, as it is shown. None if it could not be measured."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None if there is none, or no ratio."""
        if self.ratio is None or self.claim.kind is None:
            return None
        match self.claim.kind:
            case "at least":
                return self.ratio >= self.claim.target
            case "more than":
                return self.ratio > self.claim.target
            case "at most":
                return self.ratio <= self.claim.target


def verdict(result: Result, line: Against, claim: Claim | None) -> Verdict | None:
    """How `claim` of `line` came out in `result`; None if there is none."""
    if claim is None:
        return None
    ratio = result.ratio(claim.contestant, line.baseline)
    return Verdict(claim, None if ratio is None else round(ratio, 2))
