"""The pytest plugin: the fixtures `runtime` and `mailbox`, for tests run by pytest-trio.

pytest loads this module in every environment in which actorsock is installed. So that other test
suites do not pay for it, it imports actorsock, trio and pytest-trio only when a test uses a
fixture. For the same reason it is not in the package: importing a module of a package imports the
package. The implementation of the fixtures is `actorsock.testing`.
"""

from collections.abc import AsyncIterator, Generator
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actorsock.testing import OwnMailbox, Runtime
    from actorsock.testing.unheard_exits import UnheardExit

__all__ = ["mailbox", "runtime"]

_LEFT_BEHIND: pytest.StashKey[list[str]] = pytest.StashKey()
_UNHEARD: "pytest.StashKey[list[UnheardExit]]" = pytest.StashKey()


@pytest.fixture
def _run_by_pytest_trio(request: pytest.FixtureRequest) -> None:
    """Fail with the remedy if pytest-trio does not run this test.

    Otherwise pytest would report an async generator that is not awaited.
    """
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
    """Provide an actorsock runtime around the test.

    The test's own task is a process with a mailbox, and so is the task of every fixture that
    names `runtime` among its arguments. The test fails if it leaves a process or a socket behind,
    unless `runtime.allow(pid)` allows it. It also fails if an exit signal has ended its process,
    or the process of one of its fixtures, and no call has raised `ExitSignal` there.

    The test must be async and run by pytest-trio.

    Returns:
        An `actorsock.testing.Runtime`.

    Example::

        async def test_echo(runtime):
            pid = spawn(echo)
            send(pid, (current_pid(), "hello"))
            assert await receive() == "hello"
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
    """Provide assertions about the mailbox of the test's own process.

    Returns:
        An `actorsock.testing.OwnMailbox`, with `assert_receive`, `refute_receive`, `expect` and
        others.

    Example::

        async def test_echo(runtime, mailbox):
            send(spawn(echo), (current_pid(), "hello"))
            await mailbox.assert_receive("hello", timeout=5)
            mailbox.assert_empty()
    """
    from actorsock.testing import OwnMailbox

    return OwnMailbox()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has left something behind, or did not notice the end of its process.

    A test that fails for another reason keeps this reason; the rest is added to its report. The
    exceptions are raised here, outside of the fixtures, where they have no nursery around them.
    """
    try:
        result = yield
    except BaseException as exc:
        idle = _not_run(item)
        if _LEFT_BEHIND not in item.stash and not idle:  # does not use the fixture
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
            __tracebackhide__ = True  # the traceback of the crash is the one to show
            raise pytest.fail.Exception(text, pytrace=crash is not None) from crash
        if left:
            lines = "\n".join(f"  {line}" for line in left)
            pytest.fail(f"the test has left behind:\n{lines}", pytrace=False)
        return result
    # After the `except` block, so that Python does not add the nursery's group as its context.
    raise plain


_NOT_RUN = (
    "the fixture {} has not run: pytest-trio runs what a test names among its arguments, and "
    "nothing that autouse or usefixtures asks for"
)


def _not_run(item: pytest.Item) -> list[str]:
    """Return the fixtures that use `runtime` and that pytest set up but pytest-trio did not run."""
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    if _run_by_pytest_trio.__name__ not in fixtures:  # `runtime` is another fixture, or none
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
    """Return `exc` without the group that the nursery of pytest-trio puts around it.

    pytest shows an exception with the line of the test and the compared values, but a group only
    as a traceback.
    """
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        return exc.exceptions[0]
    return exc
