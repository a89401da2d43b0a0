"""The pytest plugin: the fixtures `runtime` and `mailbox`, for tests run by pytest-trio.

pytest loads this module in every environment in which actorsock is installed. So that other test
suites do not pay for it, it imports actorsock, trio and pytest-trio only when a test uses a
fixture. For the same reason it is not in the package: importing a module of a package imports the
package. The implementation of the fixtures is `actorsock.testing`.
"""

from collections.abc import AsyncIterator, Generator, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actorsock.testing import OwnMailbox, Runtime
    from actorsock.testing.crashes import Crash
    from actorsock.testing.unheard_exits import UnheardExit

__all__ = ["mailbox", "runtime"]

_LEFT_BEHIND: pytest.StashKey[list[str]] = pytest.StashKey()
_CRASHES: "pytest.StashKey[list[Crash]]" = pytest.StashKey()
_CHART: pytest.StashKey[str] = pytest.StashKey()
_UNHEARD: "pytest.StashKey[list[UnheardExit]]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the plugin."""
    parser.getgroup("actorsock").addoption(
        "--actorsock-chart",
        action="store_true",
        help="add a sequence chart of the last messages to the report of a test that fails; the "
        "processes of every test are traced for that, which is slower",
    )


@pytest.fixture
def _run_in_trio(request: pytest.FixtureRequest) -> None:
    """Fail with the remedy if neither pytest-trio nor anyio, with trio, runs this test.

    Otherwise pytest would report an async generator that is not awaited, or the plugin that runs
    it would fail with a message about something else.
    """
    test, mark = request.node.obj, request.node.get_closest_marker
    if hasattr(test, "hypothesis"):
        test = test.hypothesis.inner_test
    if not iscoroutinefunction(test):
        pytest.fail("the fixtures of actorsock are for async tests: this test is not async", False)
    if mark("asyncio") is not None:
        pytest.fail(_WRONG_RUNNER.format("pytest-asyncio", "asyncio_mode"), False)
    if _is_run_by_anyio(request):
        if request.getfixturevalue("anyio_backend_name") != "trio":
            pytest.fail(_NOT_TRIO, False)
        if mark("trio") is not None:
            pytest.fail(_WRONG_RUNNER.format("anyio", "anyio_mode"), False)
        return
    if not request.config.pluginmanager.hasplugin("trio"):
        pytest.fail("the fixtures of actorsock need pytest-trio: pip install pytest-trio", False)
    if mark("trio") is None:
        pytest.fail(
            "the fixtures of actorsock are for async tests that pytest-trio runs: mark this one "
            "with @pytest.mark.trio, or set trio_mode = true in the configuration of pytest",
            False,
        )


_NOT_TRIO = (
    "actorsock runs on trio: let the fixture `anyio_backend` of this test return 'trio', as in "
    "@pytest.mark.parametrize('anyio_backend', ['trio'])"
)
_WRONG_RUNNER = (
    "this test is run by {0}, or is marked for two plugins: for the fixtures of actorsock, leave "
    "it to pytest-trio, and set {1} = strict in the configuration of pytest"
)


@pytest.fixture
async def runtime(request: pytest.FixtureRequest, _run_in_trio: None) -> "AsyncIterator[Runtime]":
    """Provide an actorsock runtime around the test.

    The test's own task is a process with a mailbox, and so is the task of every fixture that
    names `runtime` among its arguments. The test fails if it leaves a process or a socket behind,
    unless `runtime.allow(pid)` allows it. It also fails if an exit signal has ended its process,
    or the process of one of its fixtures, and no call has raised `ExitSignal` there; or if another
    process has crashed that is neither linked to the test nor monitored by it, unless
    `runtime.allow_crash(...)` allows it.

    The test must be async and run by pytest-trio.

    Returns:
        An `actorsock.testing.Runtime`.

    Example::

        async def test_echo(runtime):
            pid = spawn(echo)
            send(pid, (current_pid(), "hello"))
            assert await receive() == "hello"
    """
    from actorsock.testing.tested_runtime import open_in_another_task, open_tested_runtime

    by_anyio = _is_run_by_anyio(request)
    left_behind = request.node.stash[_LEFT_BEHIND] = []
    unheard = request.node.stash[_UNHEARD] = []
    crashes = request.node.stash[_CRASHES] = []
    async with open_in_another_task() if by_anyio else open_tested_runtime() as opened:
        if request.config.getoption("--actorsock-chart"):
            with opened.traced() as session:
                yield opened
            request.node.stash[_CHART] = opened.chart(session)
        else:
            yield opened
        unheard += opened.unheard_exits()
        left_behind += await opened.left_behind()
    crashes += opened.crashes()
    if by_anyio and (failure := _failure(request.node)) is not None:
        raise failure  # with anyio, fixtures end after `pytest_runtest_call`


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
    """Fail a test that has left something behind, or has not noticed an exit signal or a crash.

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
        _show(item, "crashes", [crash.text for crash in item.stash.get(_CRASHES, [])])
        _show(item, "left behind", item.stash.get(_LEFT_BEHIND, []))
        _show_chart(item)
        plain = _plain(exc)
    else:
        for name in _not_run(item):
            pytest.fail(_NOT_RUN.format(name), pytrace=False)
        if (failure := _failure(item)) is None:
            return result
        _show_chart(item)
        __tracebackhide__ = True  # the traceback of the crash is the one to show
        raise failure
    # After the `except` block, so that Python does not add the nursery's group as its context.
    raise plain


def _failure(item: pytest.Item) -> BaseException | None:
    """Return the exception that makes a test fail which has raised none, if it is to fail."""
    left = item.stash.get(_LEFT_BEHIND, [])
    crashes = item.stash.get(_CRASHES, [])
    cause: object = None
    if unheard := item.stash.get(_UNHEARD, []):
        _show(item, "crashes", [crash.text for crash in crashes])
        _show(item, "left behind", left)
        text, cause = "\n".join(exit.text for exit in unheard), unheard[0].reason
    elif crashes:
        _show(item, "left behind", left)
        text = _CRASHED.format(_lines(crash.text for crash in crashes))
        cause = crashes[0].shown_from_its_code()
    elif left:
        text = f"the test has left behind:\n{_lines(left)}"
    else:
        return None
    crash = cause if isinstance(cause, BaseException) else None
    failure = pytest.fail.Exception(text, pytrace=crash is not None)
    failure.__cause__ = crash
    return failure


def _is_run_by_anyio(request: pytest.FixtureRequest) -> bool:
    # anyio runs every async test and fixture of a test that uses its fixture `anyio_backend`, so
    # also of one with the mark `trio` if anyio_mode is auto.
    return "anyio_backend" in request.fixturenames


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Make pytest-trio run the fixtures again for each example of Hypothesis.

    pytest sets fixtures up once for a test. Those of pytest-trio are objects that are run inside of
    each call of the test; they note that they have been run, and would not be run again.
    """
    fixture = pyfuncitem.funcargs.get("runtime")
    inner = getattr(getattr(pyfuncitem.obj, "hypothesis", None), "inner_test", None)
    if inner is None or not hasattr(fixture, "setup_done"):
        return

    def renew(fixture: Any) -> None:
        fixture.__init__(fixture.name, fixture._func, fixture._pytest_kwargs)
        for value in fixture._pytest_kwargs.values():
            if type(value) is type(fixture):
                renew(value)

    @wraps(inner)
    def test(*args: Any, **kwargs: Any) -> Any:
        for value in kwargs.values():
            if type(value) is type(fixture):
                renew(value)
        inner(*args, **kwargs)
        if (failure := _failure(pyfuncitem)) is not None:
            raise failure

    # pytest-trio has put its own function here, which runs an example by `trio.run`.
    pyfuncitem.obj.hypothesis.inner_test = test


_NOT_RUN = (
    "the fixture {} has not run: pytest-trio runs what a test names among its arguments, and "
    "nothing that autouse or usefixtures asks for"
)


_CRASHED = (
    "a process has crashed that is neither linked to the test nor monitored by it:\n{}\n"
    "(a test that expects this allows it by runtime.allow_crash, or links or monitors the process)"
)


def _not_run(item: pytest.Item) -> list[str]:
    """Return the fixtures that use `runtime` and that pytest set up but pytest-trio did not run."""
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    if _run_in_trio.__name__ not in fixtures:  # `runtime` is another fixture, or none
        return []
    runtime = fixtures["runtime"]
    return [
        name
        for name, fixture in fixtures.items()
        if type(fixture) is type(runtime)
        and hasattr(fixture, "setup_done")  # otherwise anyio runs it, in its own way
        and not fixture.setup_done.is_set()
        and runtime in fixture.register_and_collect_dependencies()
    ]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(f"  {text}" for text in texts)


def _show(item: pytest.Item, heading: str, lines: list[str]) -> None:
    if lines:
        item.add_report_section("call", heading, "\n".join(lines))


def _show_chart(item: pytest.Item) -> None:
    if _CHART in item.stash:
        _show(item, "last messages", [item.stash[_CHART]])


def _plain(exc: BaseException) -> BaseException:
    """Return `exc` without the group that the nursery of pytest-trio puts around it.

    pytest shows an exception with the line of the test and the compared values, but a group only
    as a traceback.
    """
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        return exc.exceptions[0]
    return exc
