"""Trying a mutant: the tests of its module run against it, in a process of their own.

The process is a fork that has imported pytest, trio and hypothesis and nothing of actorsock, so
it costs little to begin; the mutant takes the place of the module as that is imported. No file
is written. The tests that have found a mutant of the module before run first, then the fast
ones.
"""

import importlib.abc
import importlib.machinery
import os
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Literal

import attrs
import hypothesis.stateful
import pytest
import trio.testing  # noqa: F401  # here, and not in each fork

from .chosen import Suite
from .mutants import Mutant

__all__ = ["Outcome", "Trier"]

Outcome = Literal["found", "hung", "survived"]

_UNKNOWN: Final = 180.0
"""Seconds for what has not been measured: the way to the first test, and the rehearsal."""

_AT_LEAST: Final = 6.0
"""Seconds that a test has at least, on a machine that has other things to do."""


_OUTPUT: Final = "output of the rehearsal"


@attrs.define
class Trier:
    """Runs the suites of one module against its mutants."""

    module: str
    suites: tuple[Suite, ...]
    _seconds: dict[str, float] = attrs.field(factory=dict)
    """How long each test takes with the original."""
    _finders: Counter[str] = attrs.field(factory=Counter)

    current: ClassVar["Trier"]
    """That of a process of the pool."""

    def rehearse(self) -> None:
        """Run the tests with the original, and see how long they take."""
        for suite in self.suites:
            outcome, test = self._run(None, suite)
            if outcome != "survived":
                print(Path(_OUTPUT).read_text())
                raise SystemExit(f"{self.module}: {test or 'pytest'} fails without a mutant")

    def become(self) -> None:
        """Be what `try_one` uses in this process."""
        Trier.current = self

    @staticmethod
    def try_one(mutant: Mutant) -> tuple[Mutant, Outcome]:
        """Run the tests against `mutant`, until one fails."""
        trier = Trier.current
        for suite in trier.suites:
            outcome, test = trier._run(mutant, suite)
            if outcome != "survived":
                trier._finders[test] += 1
                return mutant, outcome
        return mutant, "survived"

    def _run(self, mutant: Mutant | None, suite: Suite) -> tuple[Outcome, str]:
        """One fork; its outcome, and the last test that it began."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                _in_the_fork(mutant, suite, _Reporter(os.fdopen(writing, "w"), self._order))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as reports:
            test = ""
            began, limit = time.monotonic(), _UNKNOWN
            while select.select([reports], [], [], limit)[0]:
                said = reports.readline().decode().strip()
                now = time.monotonic()
                if mutant is None and test:
                    self._seconds[test] = now - began
                if not said:
                    _, status = os.waitpid(child, 0)
                    return ("survived" if status == 0 else "found"), test
                test, began = said, now
                limit = max(_AT_LEAST, 10 * self._seconds.get(test, _UNKNOWN / 10))
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hung", test

    def _order(self, test: str) -> tuple[int, float]:
        return -self._finders[test], self._seconds.get(test, 0.0)


@attrs.define(eq=False)
class _Reporter:
    """A plugin of pytest: brings the tests into order, and says which one begins."""

    out: IO[str]
    order: Any

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.order(item.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        print(nodeid, file=self.out, flush=True)


def _in_the_fork(mutant: Mutant | None, suite: Suite, reporter: _Reporter) -> None:
    os.setpgid(0, 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(os.devnull if mutant else _OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(suite.environment)
    sys.path.insert(0, os.getcwd())
    if mutant is not None:
        sys.meta_path.insert(0, _Instead(mutant))
    # The same examples each time, and none left in a file for the next mutant; no failure because
    # the machine is slow. A failing example is enough: nobody reads a shorter one.
    hypothesis.settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    # hypothesis is here before pytest, which takes that for a mistake.
    ignored = "ignore::pytest.PytestAssertRewriteWarning"
    options = ("-x", "-q", "-p", "no:cacheprovider", "-W", ignored)
    code = pytest.main([*options, *map(str, suite.paths(Path()))], plugins=[reporter])
    os._exit(code)


@attrs.define
class _Instead(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the mutant where its module is asked for."""

    mutant: Mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module.removesuffix(".py").replace("/", "."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self.mutant.module)

    def get_source(self, fullname: str) -> str:
        return Path(self.mutant.module).read_text()

    def get_code(self, fullname: str) -> Any:
        return self.mutant.code(self.get_source(fullname))
