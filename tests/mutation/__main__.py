"""Count the mistakes that the tests would find: `python -m tests.mutation`, or `make mutants`.

Small mistakes are put, one at a time, into the modules that have rules; the tests chosen for the
module must fail. With words as arguments, only the modules whose paths have one of them. The
environment may say SAMPLE (how many mutants of a module, 20), ALL (all of them), SEED (which
ones), JOBS (how many at a time) and AGAIN (a file with the output of an earlier run: only the
mutants that survived it).

Mutants of `equivalent.txt` are not run: each stands there with the reason why no test can tell it
from the original. A mutant that makes a test hang counts as found.
"""

import os
import shutil
import sys
import tempfile
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from .chosen import CHOSEN
from .mutants import Mutant, mutants_of
from .trying import Trier

SAMPLE: Final = 20

_TOP: Final = Path(__file__).parents[2]
_COPIED: Final = ("actorsock", "docs", "examples", "tests", "pyproject.toml", "pytest_actorsock.py")
_SURVIVED: Final = "  survived: "


def main() -> int:
    """Run it and say what has come out; 0 if every mutant was found."""
    words = sys.argv[1:]
    equivalent, stale = _equivalent(), set[str]()
    total = Counter[str]()
    with tempfile.TemporaryDirectory() as copy:
        _copy_to(Path(copy))
        os.chdir(copy)
        for module in CHOSEN:
            if words and not any(word in module.removeprefix("actorsock/") for word in words):
                continue
            mutants = mutants_of(module, Path(module).read_text())
            stale |= {each for each in equivalent if each.startswith(f"{module} |")}
            stale -= {str(mutant) for mutant in mutants}
            total += _count(module, _sample(mutants), equivalent)
    print(f"all: {_told(total)}")
    for each in sorted(stale):
        print(f"equivalent.txt has what is no mutant any more: {each}")
    return 1 if total["survived"] or stale else 0


def _sample(mutants: list[Mutant]) -> list[Mutant]:
    again = os.environ.get("AGAIN")
    if again:
        lines = set((_TOP / again).read_text().splitlines())
        return [mutant for mutant in mutants if f"{_SURVIVED}{mutant}" in lines]
    seed = int(os.environ.get("SEED") or 0)
    sample = None if os.environ.get("ALL") else int(os.environ.get("SAMPLE") or SAMPLE)
    return sorted(mutants, key=lambda mutant: mutant.rank(seed))[:sample]


def _count(module: str, mutants: list[Mutant], equivalent: set[str]) -> Counter[str]:
    """Try the mutants of one module; print the survivors, and return how many did what."""
    tried = [mutant for mutant in mutants if str(mutant) not in equivalent]
    count = Counter(made=len(mutants), equivalent=len(mutants) - len(tried))
    if tried:
        trier = Trier(module, CHOSEN[module])
        trier.rehearse()
        # From processes without threads: each mutant is tried in a fork.
        jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
        with get_context("fork").Pool(jobs, initializer=trier.become) as pool:
            for mutant, outcome in pool.imap_unordered(Trier.try_one, tried):
                count[outcome] += 1
                if outcome == "survived":
                    print(f"{_SURVIVED}{mutant}", flush=True)
    print(f"{module}: {_told(count)}", flush=True)
    return count


def _told(count: Counter[str]) -> str:
    return (
        f"{count['made']} made, {count['found']} found, {count['hung']} found by a test that hung, "
        f"{count['survived']} survived, {count['equivalent']} equivalent"
    )


def _copy_to(copy: Path) -> None:
    """The tests work on a copy, so that the files may be edited meanwhile."""
    for name in _COPIED:
        if (_TOP / name).is_dir():
            shutil.copytree(_TOP / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_TOP / name, copy / name)


def _equivalent() -> set[str]:
    """The lines of `equivalent.txt` that are mutants; the others are reasons."""
    text = (Path(__file__).parent / "equivalent.txt").read_text()
    return {line for line in text.splitlines() if " => " in line and not line.startswith("#")}


if __name__ == "__main__":
    sys.exit(main())
