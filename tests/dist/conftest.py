"""Fixtures of the tests of distribution."""

import shutil

import pytest

HOW_TO_INSTALL = "there is no `erl`: install Erlang (Debian: apt-get install erlang-base)"


@pytest.fixture(scope="session")
def erl() -> str:
    """The command that starts Erlang; tests with this fixture are skipped without one."""
    found = shutil.which("erl")
    if found is None:
        pytest.skip(HOW_TO_INSTALL)
    return found
