"""Trying a mutant: the tests of its module run against it, in a process of their own.

The process is a fork that has imported pytest, trio and hypothesis and nothing of actorsock, so
it costs little to begin; the mutant takes the place of the module as that is imported. No file
is written. Of the tests only those run that pass through the line of the mistake, as seen in a
rehearsal with the original: first those that have found a mutant before, then the fast ones.
"""

import importlib.abc
import importlib.machinery
import json
import os
import re
import select
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
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

_LAST_LINE: Final = 10_000

_OUTPUT: Final = "output of the rehearsal"


@attrs.define
class _Test:
    """A test, as the rehearsal saw it."""

    seconds: float
    lines: frozenset[int]
    """The lines of the module that it runs."""


@attrs.define
class Trier:
    """Runs the suites of one module against its mutants."""

    module: str
    suites: tuple[Suite, ...]
    _known: list[dict[str, _Test]] = attrs.field(factory=list)
    """The tests of each suite."""
    _imported: frozenset[int] = frozenset()
    """The lines that run as the module is imported: their mutants are those of all tests."""
    _finders: Counter[str] = attrs.field(factory=Counter)

    current: ClassVar["Trier"]
    """That of a process of the pool."""

    def rehearse(self) -> None:
        """Run the tests with the original, and see how long they take, and what they run."""
        for suite in self.suites:
            known: dict[str, _Test] = {}
            outcome, test = self._run(_Rehearsal(self.module), suite.paths(Path()), suite, known)
            if outcome != "survived":
                print(Path(_OUTPUT).read_text())
                raise SystemExit(f"{self.module}: without a mutant: {test or 'pytest'} {outcome}")
            self._imported |= known.pop("").lines
            self._known.append(known)

    def become(self) -> None:
        """Be what `try_one` uses in this process."""
        Trier.current = self

    @staticmethod
    def try_one(mutant: Mutant) -> tuple[Mutant, Outcome]:
        """Run the tests against `mutant`, until one fails."""
        trier = Trier.current
        for suite, known in zip(trier.suites, trier._known, strict=True):
            concerned = {
                name: test
                for name, test in known.items()
                if mutant.lines & test.lines or mutant.lines & trier._imported
            }
            if not concerned:
                continue
            names = {name.partition("::")[0] for name in concerned}
            paths = [path for path in suite.paths(Path()) if str(path) in names]
            order = sorted(concerned, key=lambda n: (-trier._finders[n], concerned[n].seconds))
            outcome, test = trier._run(_Trial(mutant, order), paths, suite, concerned)
            if outcome != "survived":
                trier._finders[test] += 1
                return mutant, outcome
        return mutant, "survived"

    def _run(
        self,
        plugin: "_Rehearsal | _Trial",
        paths: list[Path],
        suite: Suite,
        known: dict[str, _Test],
    ) -> tuple[Outcome, str]:
        """One fork; its outcome, and the last test that it began. A rehearsal fills `known`."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                plugin.out = os.fdopen(writing, "w")
                _in_the_fork(plugin, paths, suite)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        os.close(writing)
        test, limit, rest = "", _UNKNOWN, b""
        try:
            while select.select([reading], [], [], limit * _crowding())[0]:
                data = os.read(reading, 2**16)
                if not data:
                    _, status = os.waitpid(child, 0)
                    return ("survived" if status == 0 else "found"), test
                *reports, rest = (rest + data).split(b"\n")
                for report in reports:
                    test, *measured = json.loads(report)
                    if measured:
                        lines = frozenset(measured[1])
                        if test in known:
                            lines |= known[test].lines
                        known[test] = _Test(measured[0], lines)
                    elif isinstance(plugin, _Trial):
                        limit = max(_AT_LEAST, 10 * known[test].seconds)
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hung", test
        finally:
            os.close(reading)


def _crowding() -> float:
    """How much longer than alone a program takes now: the programs that want each core."""
    return max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))


def _in_the_fork(plugin: "_Rehearsal | _Trial", paths: list[Path], suite: Suite) -> None:
    os.setpgid(0, 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(plugin.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(suite.environment)
    os.environ["ACTORSOCK_NATIVE"] = "0"  # the mutants are of the Python
    sys.path.insert(0, os.getcwd())
    plugin.prepare()
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
    os._exit(pytest.main([*options, *map(str, paths)], plugins=[plugin]))


@attrs.define(eq=False)
class _Rehearsal:
    """A plugin of pytest: reports how long each test takes, and which lines of a module it runs."""

    module: str
    out: IO[str] = attrs.field(init=False)
    _trace: Any = None
    _seen: set[int] = attrs.field(factory=set)
    _began: float = 0.0

    output: ClassVar[str] = _OUTPUT

    def prepare(self) -> None:
        file, seen = str(Path(self.module).absolute()), self._seen

        def line(frame: FrameType, event: str, arg: object) -> Any:
            seen.add(frame.f_lineno)
            return line

        self._trace = lambda frame, *_: line if frame.f_code.co_filename == file else None
        sys.settrace(self._trace)
        threading.settrace(self._trace)

    def pytest_collection_finish(self) -> None:
        self._report("", 0.0)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        print(json.dumps([_name(nodeid)]), file=self.out, flush=True)
        sys.settrace(self._trace)
        self._began = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._report(_name(nodeid), time.monotonic() - self._began)

    def _report(self, name: str, seconds: float) -> None:
        if sys.gettrace() is None:  # as after an exception at the end of the stack
            self._seen.update(range(_LAST_LINE))
        print(json.dumps([name, seconds, sorted(self._seen)]), file=self.out, flush=True)
        self._seen.clear()


@attrs.define(eq=False)
class _Trial:
    """A plugin of pytest: puts the mutant in place, and has tests run in a certain order."""

    mutant: Mutant
    order: list[str]
    out: IO[str] = attrs.field(init=False)

    output: ClassVar[str] = os.devnull

    def prepare(self) -> None:
        sys.meta_path.insert(0, _Instead(self.mutant))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        place = {name: n for n, name in enumerate(self.order)}
        items[:] = [item for item in items if _name(item.nodeid) in place]
        items.sort(key=lambda item: place[_name(item.nodeid)])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        print(json.dumps([_name(nodeid)]), file=self.out, flush=True)


def _name(nodeid: str) -> str:
    """The name of a test without addresses of objects, which are not the same each time."""
    return re.sub("0x[0-9a-f]+", "0x", nodeid)


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
