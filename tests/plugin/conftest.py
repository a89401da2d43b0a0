"""Runs pytest inside pytest: what the plugin's user sees."""

from collections.abc import Callable

import pytest

# Kept by Python for all the runs, since it was there before them: then it can be patched.
import actorsock.testing.tested_runtime  # noqa: F401

# This project's other tests have a runtime fixture of their own; here it is the plugin's.
from pytest_actorsock import runtime

__all__ = ["runtime", "tested"]

HEAD = """
from unittest.mock import ANY

import pytest
import trio
from actorsock import *
"""

INI = """
[pytest]
trio_mode = {trio_mode}
filterwarnings = error
addopts = -p no:cacheprovider -p no:hypothesispytest --strict-markers
"""


Tested = Callable[..., pytest.RunResult]


@pytest.fixture
def tested(pytester: pytest.Pytester) -> Tested:
    """Runs a test module of the given source, after some imports, with the plugin installed."""

    def run(source: str, *args: str, trio_mode: bool = True) -> pytest.RunResult:
        pytester.makeini(INI.format(trio_mode=trio_mode))
        lines = source.strip("\n").splitlines()
        margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        pytester.makepyfile(HEAD + "\n".join(line[margin:] for line in lines))
        return pytester.runpytest_inprocess(*args)

    return run
