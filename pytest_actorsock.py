"""The pytest plugin: the fixtures `runtime` and `mailbox`, for tests run by pytest-trio.

pytest loads it wherever actorsock is installed, so it imports nothing of actorsock, trio or
pytest-trio until a test asks for a fixture, and stands outside of the package, whose import is
not free. What the fixtures are made of is in `actorsock.testing`.
"""

from collections.abc import AsyncIterator, Generator
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actorsock.testing import OwnMailbox, Runtime
    from actorsock.testing.unheard import UnheardExit

__all__ = ["mailbox", "runtime"]

_LEFT_BEHIND: pytest.StashKey[list[str]] = pytest.StashKey()
_UNHEARD: "pytest.StashKey[list[UnheardExit]]" = pytest.StashKey()


@pytest.fixture
def _run_by_pytest_trio(request: pytest.FixtureRequest) -> None:
    """Says what is missing before pytest says something about async generators."""
    if not request.config.pluginmanager.hasplugin("trio"):
        pytest.fail("the fixtures of actorsock need pytest-trio: pip install pytest-trio", False)
    if request.node.get_closest_marker("trio") is None:
        test = request.node.obj
        if hasattr(test, "hypothesis"):
            test = test.hypothesis.inner_test
        if not iscoroutinefunction(test):
            pytest.fail(
                "the fixtures of actorsock are for async tests: this test is not async", False
            )
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

    The test fails if it leaves a process or a socket behind; `runtime.allow(pid)` allows it. It
    fails too if an exit signal has ended its process, or a fixture's, and no call has told it.
    """
    from actorsock.testing import open_tested_runtime

    left_behind = request.node.stash[_LEFT_BEHIND] = []
    unheard = request.node.stash[_UNHEARD] = []
    async with open_tested_runtime() as opened:
        yield opened
        unheard += opened.unheard_exits()
        left_behind += await opened.left_behind()


@pytest.fixture
def mailbox(runtime: "Runtime") -> "OwnMailbox":
    """What the test's own process receives: assert_receive, refute_receive, expect, ..."""
    from actorsock.testing import OwnMailbox

    return OwnMailbox()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has left something behind, or has not heard of its end.

    One that fails anyway just shows it.
    """
    try:
        result = yield
    except BaseException as exc:
        idle = _not_run(item)
        if _LEFT_BEHIND not in item.stash and not idle:  # not a test of ours
            raise
        _show(item, "not run", [_NOT_RUN.format(name) for name in idle])
        unheard = item.stash.get(_UNHEARD, [])
        _show(item, "exit signals", [exit.text for exit in unheard])
        _show(item, "left behind", item.stash.get(_LEFT_BEHIND, []))
        plain = _plain(exc)
    else:
        for name in _not_run(item):
            pytest.fail(_NOT_RUN.format(name), pytrace=False)
        left = item.stash.get(_LEFT_BEHIND, [])
        if unheard := item.stash.get(_UNHEARD, []):
            _show(item, "left behind", left)
            text = "\n".join(exit.text for exit in unheard)
            reason = unheard[0].reason
            crash = reason if isinstance(reason, BaseException) else None
            __tracebackhide__ = True  # shown is the crash's own
            raise pytest.fail.Exception(text, pytrace=crash is not None) from crash
        if left:
            lines = "\n".join(f"  {line}" for line in left)
            pytest.fail(f"the test has left behind:\n{lines}", pytrace=False)
        return result
    # Out here it has no context but its own.
    raise plain


_NOT_RUN = (
    "the fixture {} has not run: pytest-trio runs what a test names among its arguments, and "
    "nothing that autouse or usefixtures asks for"
)


def _not_run(item: pytest.Item) -> list[str]:
    """Which fixtures of those that use `runtime` pytest has set up, and pytest-trio has not run."""
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    if _run_by_pytest_trio.__name__ not in fixtures:  # another fixture of that name, or none
        return []
    runtime = fixtures["runtime"]
    return [
        name
        for name, fixture in fixtures.items()
        if type(fixture) is type(runtime)
        and not fixture.setup_done.is_set()
        and runtime in fixture.register_and_collect_dependencies()
    ]


def _show(item: pytest.Item, heading: str, lines: list[str]) -> None:
    if lines:
        item.add_report_section("call", heading, "\n".join(lines))


def _plain(exc: BaseException) -> BaseException:
    """`exc` without the nursery that pytest-trio runs each test in, which is no part of it.

    pytest shows an exception, with the line of the test and what was compared, better than a
    group of one.
    """
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        return exc.exceptions[0]
    return exc
