"""Fixtures of the tests of distribution: real nodes where Erlang is installed."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import dist, open_runtime

from ..stories import LIMIT, nothing_is_left_behind
from .nodes import Beam, Release, otp28, start_epmd

__all__ = ["nothing_is_left_behind"]

HOW_TO_INSTALL = "there is no `erl`: install Erlang (Debian: apt-get install erlang-base)"

_numbers = count(1)


@pytest.fixture(scope="session")
def erl() -> str:
    """The command that starts Erlang; tests with this fixture are skipped without one."""
    found = shutil.which("erl")
    if found is None:
        pytest.skip(HOW_TO_INSTALL)
    return found


@pytest.fixture(scope="session")
def epmd(erl: str) -> Iterator[int]:
    """The port of an epmd that all nodes of this worker use."""
    program, port = start_epmd()
    yield port
    program.kill()
    program.wait()


@pytest.fixture(scope="session")
def helper(erl: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled modules of the Erlang side, which every release can load."""
    folder = tmp_path_factory.mktemp("helper")
    sources = list((Path(__file__).parent / "erlang").glob("*.erl"))
    sources.append(Path(__file__).parents[1] / "conformance" / "sides" / "interpreter.erl")
    command = ["erlc", "+export_all", "+nowarn_export_all", "-o", folder]
    subprocess.run([*command, *map(str, sources)], check=True, timeout=120)
    return folder


@pytest.fixture(scope="session", params=["system", "28"])
def release(request: pytest.FixtureRequest, erl: str) -> Release:
    """Each release of Erlang that is installed: the system's, and the one of the wheel."""
    if request.param == "system":
        return Release("system", (erl,))
    found = otp28()
    if found is None:
        pytest.skip("OTP 28 is not installed: pip install 'actorsock[otp28]'")
    return found


@pytest.fixture(scope="session")
def beams(release: Release, epmd: int, helper: Path) -> Iterator[Callable[..., Beam]]:
    """Starts nodes, which are ended when the tests are over."""
    started: list[Beam] = []

    def start(name: str | None = None, *options: str, **more: Any) -> Beam:
        name = name or f"beam{next(_numbers)}@127.0.0.1"
        started.append(Beam(release, name, epmd, helper, options=options, **more))
        return started[-1].start()

    yield start
    for beam in started:
        beam.stop()


@pytest.fixture(scope="session")
def beam(beams: Callable[..., Beam]) -> Beam:
    """One Erlang node, which the tests share."""
    return beams()


Join = Callable[..., Any]


@pytest.fixture
def join(epmd: int) -> Join:
    """Opens a node: `async with join() as node`; of a name of its own, unless one is given."""

    @asynccontextmanager
    async def join(name: str | None = None, **options: Any) -> AsyncIterator[dist.LocalNode]:
        options = {"cookie": "secret", "epmd_port": epmd, **options}
        async with dist.start(name or f"py{next(_numbers)}@127.0.0.1", **options) as node:
            yield node

    return join


@pytest.fixture
async def joined(runtime: None, join: Join) -> AsyncIterator[dist.LocalNode]:
    """This node, a member of the cluster for the time of the test, which must not take long."""

    async def stuck() -> None:
        await trio.sleep(LIMIT)
        pytest.fail(f"the test is stuck: {LIMIT} seconds are over")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stuck)
        async with join() as node:
            yield node
        nursery.cancel_scope.cancel()


@pytest.fixture
async def second(join: Join, nursery: trio.Nursery) -> Any:
    """Starts a second node of ours, in a runtime of its own; `ask` runs a function in it."""
    asks, told = trio.open_memory_channel[Any](0)

    async def node(task_status: Any, **options: Any) -> None:
        async with open_runtime(), join(**options) as other:
            task_status.started(other)
            async for fn, args, done in told:
                done.send_nowait(await fn(*args))

    class Second:
        async def start(self, **options: Any) -> "Second":
            async def run(task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
                await node(task_status, **options)

            self.name = (await nursery.start(run)).name
            return self

        async def ask(self, fn: Callable[..., Any], *args: Any) -> Any:
            done, result = trio.open_memory_channel[Any](1)
            await asks.send((fn, args, done))
            return await result.receive()

    yield Second()
    await asks.aclose()
