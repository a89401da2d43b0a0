"""Running scenarios on both sides and comparing them, for the command and for the tests."""

import logging
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import attrs
import trustme

from ..certificates import write_files
from .comparing import Mismatch, compare, erlang_transcript, our_transcript
from .differences import DIFFERENCES, Difference
from .notation import Act, Scenario, Step, read_file
from .sides import our_side
from .sides.erlang_side import Erlang

__all__ = ["Bench", "bench", "run_all", "unused", "with_room", "written"]

# All is quiet when nothing has happened for so many seconds. After a difference the scenario runs
# again with more patience: on a busy machine the kernel may report readiness late.
_CUSHION: Final = 0.001
_PATIENCE: Final = (0.02, 0.2)

# A message that passes through TLS takes some processes of Erlang more.
_OF_SSL: Final = 10

# A time-out that is not awaited must not pass while Erlang waits for quiet: three cushions or more.
_ROOM: Final = 20

# The number of scenarios that Erlang performs at the same time.
_AHEAD: Final = 16


@attrs.define
class Bench:
    """A running Erlang, a directory for files, and the explanations used so far."""

    erlang: Erlang
    scratch: Path
    light: bool = False
    used: set[Difference] = attrs.field(factory=set)
    count: int = 0

    def room(self) -> str:
        """Make a new directory."""
        self.count += 1
        room = self.scratch / f"p{self.count}"
        room.mkdir()
        return str(room)


@contextmanager
def bench(erl: str) -> Iterator[Bench]:
    """Start Erlang, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="conf") as scratch, chdir(scratch):
        certificates = Path(scratch) / "certificates"
        certificates.mkdir()
        write_files(certificates)
        trustme.CA().cert_pem.write_to_path(certificates / "strangers.pem")
        erlang = Erlang(erl, Path(scratch))
        # Processes crash in scenarios; their crash reports are not of interest.
        log = logging.getLogger("actorsock")
        level = log.level
        log.setLevel(logging.CRITICAL + 1)
        try:
            yield Bench(erlang, Path(scratch))
        finally:
            log.setLevel(level)
            erlang.close()


def written() -> list[Scenario]:
    """Return the scenarios of all files."""
    files = sorted(Path(__file__).parent.glob("scenarios/*.txt"))
    return [scenario for path in files for scenario in read_file(path)]


def run_all(bench: Bench, scenarios: Iterable[Scenario]) -> list[Mismatch]:
    """Perform scenarios on both sides; return the differences that two more runs confirm.

    Erlang performs the next scenarios while this side performs one.
    """
    left = iter([each for each in scenarios if bench.erlang.performs(each)])
    begun: deque[tuple[Scenario, int, str]] = deque()
    found: list[Mismatch] = []
    while True:
        for scenario in islice(left, _AHEAD - len(begun)):
            cushion = _cushion(scenario)
            begun.append((scenario, *bench.erlang.begin(with_room(scenario, cushion), cushion)))
        if not begun:
            return found
        scenario, number, tmp = begun.popleft()
        mismatch = _look(bench, scenario, number, tmp, _cushion(scenario))
        for cushion in _PATIENCE:
            if mismatch is not None:
                number, tmp = bench.erlang.begin(with_room(scenario, cushion), cushion)
                mismatch = _look(bench, scenario, number, tmp, cushion)
        found += [mismatch] if mismatch is not None else []


def _cushion(scenario: Scenario) -> float:
    return _CUSHION * (_OF_SSL if scenario.uses_ssl else 1)


def unused(bench: Bench) -> list[Difference]:
    """Return the entries of the table that this run should have needed, and has not."""
    release, has_ssl = bench.erlang.release, bench.erlang.has_ssl
    due = [each for each in DIFFERENCES if each.is_due(release) and (has_ssl or not each.of_ssl)]
    return [each for each in due if each not in bench.used]


def with_room(scenario: Scenario, cushion: float) -> Scenario:
    """Return the scenario with time-outs that are long enough for so much patience."""
    steps = tuple(_with_room(step, _ROOM * cushion) for step in scenario.steps)
    return attrs.evolve(scenario, steps=steps)


def _with_room(step: Step, least: float) -> Step:
    given = step.options.get("timeout") if isinstance(step, Act) else None
    if not isinstance(given, (int, float)) or not 0 < given < least:
        return step
    return attrs.evolve(step, options={**step.options, "timeout": least})


def _look(
    bench: Bench, scenario: Scenario, number: int, their_tmp: str, cushion: float
) -> Mismatch | None:
    our_tmp = bench.room()
    our_pids, our_seen = our_side.perform(
        with_room(scenario, cushion), our_tmp, cushion, bench.light
    )
    their_pids, their_seen = bench.erlang.outcome(number)
    mismatch, used = compare(
        scenario,
        erlang_transcript(scenario, their_pids, their_seen, their_tmp),
        our_transcript(scenario, our_pids, our_seen, our_tmp),
        bench.erlang.release,
    )
    bench.used |= used
    return mismatch
