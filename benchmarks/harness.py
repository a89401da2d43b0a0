"""Measuring contestants in turn: A B C A B C ..., and comparing them as medians of ratios.

A disturbance of the machine affects all measurements of the same round alike. So ratios are
computed within each round, and the median over the rounds is the result. This module does not
know the programs that are measured.
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
    "pure",
    "verdict",
]


@attrs.frozen
class Effort:
    """The amount of measuring."""

    rounds: int = 5
    seconds: float = 0.25
    """The length of each measurement that is limited by time."""
    scale: float = 1.0
    """The part of the processes, messages and bytes that are used: 1 is all of them."""

    def scaled(self, number: int) -> int:
        """Return `number` at this scale."""
        return max(min(number, 1), round(number * self.scale))


@attrs.frozen
class Figure:
    """One measurement."""

    value: float
    """The value, in the unit of the benchmark."""
    cpu: float | None = None
    """The server's processor time for each operation, in microseconds."""


class Skipped(Exception):
    """A contestant cannot be measured on this machine; the text is the reason."""


class Failed(Exception):
    """A contestant has failed; the text says what happened."""


Contestant = Callable[[], Figure]


@attrs.frozen
class Claim:
    """The target of a contestant, as a ratio to a baseline."""

    contestant: str
    kind: Literal["at least", "more than", "at most"] | None = None
    """None: the ratio is shown, without a target."""
    target: float = 0.0


def at_least(contestant: str, target: float) -> Claim:
    """Claim that the figure of `contestant` is at least `target` times the baseline's."""
    return Claim(contestant, "at least", target)


def ahead_of(contestant: str) -> Claim:
    """Claim that the figure of `contestant` is more than the baseline's."""
    return Claim(contestant, "more than", 1.0)


def at_most(contestant: str, target: float) -> Claim:
    """Claim that the figure of `contestant` is at most `target` times the baseline's."""
    return Claim(contestant, "at most", target)


def pure(contestant: str) -> str:
    """Return the name of the same contestant without the native core."""
    return f"{contestant}, pure Python"


@attrs.frozen
class Against:
    """A line of the table: the bodies of processes compared with one baseline."""

    what: str
    baseline: str
    task: Claim | None
    light: Claim | None
    lower_is_better: bool = False


@attrs.frozen
class Benchmark:
    """Contestants that perform the same operations."""

    part: str
    """The heading in the tables, with the unit."""
    label: str
    """The name of the benchmark within its part."""
    contestants: Mapping[str, Contestant]
    lines: tuple[Against, ...]
    most_rounds: int = 1000
    """The largest useful number of rounds; less for a benchmark that hardly varies."""
    size: int | None = None
    """How many things there are; the sizes of one part make a curve for each contestant."""


Part = Callable[[Effort], Generator[Benchmark, None, None]]
"""A part of the benchmarks. Its servers run until the generator is resumed."""


@attrs.frozen
class Result:
    """All figures of a benchmark, in the order of the rounds."""

    benchmark: Benchmark
    figures: dict[str, list[Figure]] = attrs.field(factory=dict)
    skipped: dict[str, str] = attrs.field(factory=dict)
    """Contestants that cannot be measured, with the reasons."""
    failed: dict[str, str] = attrs.field(factory=dict)
    """Contestants that have failed, with the reasons."""

    def median(self, contestant: str) -> float:
        """Return the median of the figures of one contestant."""
        return statistics.median(figure.value for figure in self.figures[contestant])

    def cpu(self, contestant: str) -> float | None:
        """Return the median of its processor times, if they were measured."""
        times = [figure.cpu for figure in self.figures[contestant] if figure.cpu is not None]
        return statistics.median(times) if times else None

    def ratio(self, contestant: str, baseline: str) -> float | None:
        """Return the median of the ratios of two contestants; None if one has no figures."""
        if contestant not in self.figures or baseline not in self.figures:
            return None
        pairs = zip(self.figures[contestant], self.figures[baseline], strict=True)
        return statistics.median(one.value / other.value for one, other in pairs)

    def native_ratio(self, claim: Claim | None) -> float | None:
        """Return the ratio of a contestant to itself without the native core; None if unknown."""
        return None if claim is None else self.ratio(claim.contestant, pure(claim.contestant))


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
    """A claim and the measured ratio."""

    claim: Claim
    ratio: float | None
    """Rounded to two decimals, as it is shown; None if it could not be measured."""

    @property
    def met(self) -> bool | None:
        """True if the target is reached; None without a target or a ratio."""
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
    """Compare `claim` of `line` with `result`; return None without a claim."""
    if claim is None:
        return None
    ratio = result.ratio(claim.contestant, line.baseline)
    return Verdict(claim, None if ratio is None else round(ratio, 2))
