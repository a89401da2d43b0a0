"""The pytest plugin: the fixtures `runtime` and `mailbox`, for tests run by pytest-trio.

pytest loads it wherever actorsock is installed, so it imports nothing of actorsock, trio or
pytest-trio until a test asks for a fixture, and stands outside of the package, whose import is
not free. What the fixtures are made of is in `actorsock.testing`.
"""

from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from actorsock.testing import OwnMailbox, Runtime

__all__ = ["mailbox", "runtime"]

_LEFT_BEHIND: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture
def _run_by_pytest_trio(request: pytest.FixtureRequest) -> None:
    """Says what is missing before pytest says something about async generators."""
    if not request.config.pluginmanager.hasplugin("trio"):
        pytest.fail("the fixtures of actorsock need pytest-trio: pip install pytest-trio", False)
    if request.node.get_closest_marker("trio") is None:
        pytest.fail(
            "the fixtures of actorsock are for async tests that pytest-trio runs: mark this one "
            "with @pytest.mark.trio, or set trio_mode = true in the configuration of pytest",
            False,
        )


@pytest.fixture
async def runtime(
    request: pytest.FixtureRequest, _run_by_pytest_trio: None
) -> "AsyncIterator[Runtime]":
    """An actorsock runtime around the test, whose own task is a process with a mailbox.

    The test fails if it leaves a process or a socket behind; `runtime.allow(pid)` allows it.
    """
    from actorsock.testing import open_tested_runtime

    left_behind = request.node.stash[_LEFT_BEHIND] = []
    async with open_tested_runtime() as opened:
        yield opened
        left_behind += await opened.left_behind()


@pytest.fixture
def mailbox(runtime: "Runtime") -> "OwnMailbox":
    """What the test's own process receives: assert_receive, refute_receive, expect, ..."""
    from actorsock.testing import OwnMailbox

    return OwnMailbox()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has left something behind; one that fails anyway just shows it."""
    try:
        result = yield
    except BaseException as exc:
        left = item.stash.get(_LEFT_BEHIND, None)
        if left is None:  # not a test of ours
            raise
        if left:
            item.add_report_section("call", "left behind", "\n".join(left))
        plain = _plain(exc)
    else:
        if left := item.stash.get(_LEFT_BEHIND, None):
            lines = "\n".join(f"  {line}" for line in left)
            pytest.fail(f"the test has left behind:\n{lines}", pytrace=False)
        return result
    # Out here it has no context but its own.
    raise plain


def _plain(exc: BaseException) -> BaseException:
    """`exc` without the nursery that pytest-trio runs each test in, which is no part of it.

    pytest shows an exception, with the line of the test and what was compared, better than a
    group of one.
    """
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        return exc.exceptions[0]
    return exc
