"""Running pytest inside pytest, to see what a user of the plugin sees.

A story in which a test passes is an ordinary test with the plugin's fixtures. One in which a test
fails, or pytest itself is set up in another way, is a `Program`.
"""

import re
from collections.abc import Callable, Sequence

import attrs
import pytest

# Imported here so that the pytest inside takes this module, and a test can patch it.
import actorsock.testing.tested_runtime  # noqa: F401

# The plugin's fixture replaces that of this project's other tests.
from pytest_actorsock import runtime

__all__ = ["Program", "cases", "check", "light", "runtime", "tested"]

HEAD = """
from unittest.mock import ANY

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from actorsock import *

class Server(otp.GenServer):
    def handle_cast(self, request):
        raise ValueError(request)

async def stays():
    await receive("never".__eq__)

async def weird():
    exit("weird")

def listening():
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    return listener, port
"""

INI = """
[pytest]
trio_mode = {trio_mode}
filterwarnings = error
addopts = -p no:cacheprovider -p no:hypothesispytest --strict-markers
"""

Tested = Callable[..., pytest.RunResult]


@pytest.fixture(params=[False, True], ids=["task", "light"])
def light(request: pytest.FixtureRequest) -> bool:
    """For stories that hold for both bodies of a spawned process."""
    return bool(request.param)


@pytest.fixture
def tested(pytester: pytest.Pytester) -> Tested:
    """Run a test module of the given source, after some imports, with the plugin installed."""

    def run(source: str, *args: str, trio_mode: bool = True) -> pytest.RunResult:
        pytester.makeini(INI.format(trio_mode=trio_mode))
        lines = source.strip("\n").splitlines()
        margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        pytester.makepyfile(HEAD + "\n".join(line[margin:] for line in lines))
        return pytester.runpytest_inprocess(*args)

    return run


@attrs.frozen
class Program:
    """A test module, and what pytest reports about it.

    `LIGHT` and `BODY` in its texts stand for False and task, or for True and light.
    """

    source: str
    outcomes: dict[str, int]
    shown: Sequence[str] = ()
    """Lines of the report, in this order, as patterns of fnmatch."""
    hidden: Sequence[str] = ()
    """Patterns of lines that are not in the report."""
    left: str | None = None
    """The lines about what is left behind, as a regular expression."""
    args: Sequence[str] = ()
    trio_mode: bool = True

    def with_body(self, light: bool) -> "Program":
        """The same, of processes with that body."""

        def fill(text: str) -> str:
            return text.replace("LIGHT", str(light)).replace("BODY", ("task", "light")[light])

        return attrs.evolve(self, source=fill(self.source), left=self.left and fill(self.left))


def cases(programs: dict[str, Program]) -> list[object]:
    """The programs as parameters, by name; those about a body once for each."""
    found: list[object] = []
    for name, program in programs.items():
        if "LIGHT" in program.source:
            for light, body in [(False, "task"), (True, "light")]:
                found.append(pytest.param(program.with_body(light), id=f"{name}, {body}"))
        else:
            found.append(pytest.param(program, id=name))
    return found


def check(tested: Tested, program: Program) -> pytest.RunResult:
    """Run a program, and compare the report with what is expected."""
    result = tested(program.source, *program.args, trio_mode=program.trio_mode)
    result.assert_outcomes(**program.outcomes)
    result.stdout.fnmatch_lines(program.shown)
    for line in program.hidden:
        result.stdout.no_fnmatch_line(line)
    if program.left is not None:
        left = "\n".join(left_behind(result))
        assert re.fullmatch(program.left, left), left
    return result


def left_behind(result: pytest.RunResult) -> list[str]:
    """The lines of the report about what is left behind."""
    report = result.stdout.str().partition("the test has left behind:\n")[2]
    return re.findall(r"^  (\S.*)$", report.partition("\n=")[0].partition("\n_")[0], re.M)
