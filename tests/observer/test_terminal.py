"""The observer in a terminal."""

import asyncio
import inspect
import os
import stat
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

import pytest
import trio

from actorsock import receive, set_label, spawn
from actorsock.observer.terminal.asking import NoAnswer, Program, choose
from actorsock.observer.web import local_sockets

from ..stories import in_runtime
from .support import observed

rich_console = pytest.importorskip("rich.console")
textual = pytest.importorskip("textual")
from actorsock.observer.terminal.observe import Observe  # noqa: E402
from actorsock.observer.terminal.top import top  # noqa: E402


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def waiting(label: str) -> None:
    set_label(label)
    await receive()


@in_runtime
async def test_top_prints_one_look() -> None:
    spawn(waiting, "the busy one")
    screen = rich_console.Console(file=StringIO(), width=150)

    def look() -> None:
        top(Program(choose(None)), sort="name", count=50, once=True, seconds=0, console=screen)

    async with observed():
        await trio.to_thread.run_sync(look)
    text = screen.file.getvalue()
    assert f"{os.getpid()}: " in text
    assert "the busy one (waiting)" in text


Pilot = textual.pilot.Pilot if hasattr(textual, "pilot") else object


async def in_terminal(story: Callable[[Observe, "Pilot[str]"], Awaitable[None]]) -> None:
    """Run the program of `actorsock observe` on asyncio, in a thread; `story` presses its keys."""

    async def driven() -> None:
        app = Observe(Program(choose(None)), seconds=0.02)
        async with app.run_test(size=(160, 40)) as pilot:
            await story(app, pilot)

    await trio.to_thread.run_sync(lambda: asyncio.run(driven()))


def shown(app: Observe, widget: str) -> str:
    return str(app.query_one(widget).render())


@in_runtime
async def test_a_process_is_found_and_looked_at() -> None:
    for number in range(20):
        spawn(waiting, f"worker {number}", light=True)

    async def story(app: Observe, pilot: "Pilot[str]") -> None:
        await pilot.press("slash", *"worker 7", "enter")
        while "label: worker 7" not in shown(app, "#one"):
            await pilot.pause(0.01)
        assert "20 light" in shown(app, "#summary")
        await pilot.press("escape", "n")
        while app.query_one("#list").row_count < 20:
            await pilot.pause(0.01)
        await pilot.press("w")
        while "No process waits for another one." not in shown(app, "#one"):
            await pilot.pause(0.01)

    async with observed():
        await in_terminal(story)


@in_runtime
async def test_an_answer_that_comes_when_the_program_has_ended_is_left() -> None:
    async def driven() -> None:
        app = Observe(Program(choose(None)))
        async with app.run_test():
            pass
        await asyncio.to_thread(inspect.unwrap(Observe.look), app)

    async with observed():
        await trio.to_thread.run_sync(lambda: asyncio.run(driven()))


def test_without_a_program_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="no program is observed"):
        choose(None)
    with pytest.raises(NoAnswer, match="the program 5 is not observed"):
        choose(5)
    gone = local_sockets.folder() / "999999999.sock"
    gone.touch()
    assert local_sockets.listed() == []
    assert not gone.exists()


def test_one_of_several_has_to_be_chosen() -> None:
    for pid in (os.getpid(), os.getppid()):
        local_sockets.path_of(pid).touch()
    with pytest.raises(NoAnswer, match="there are several; choose one of"):
        choose(None)
    program = Program(choose(os.getpid()))
    with pytest.raises(NoAnswer, match="does not answer"):
        program.ask("system")


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    local_sockets.folder().chmod(0o755)
    with pytest.raises(PermissionError, match="0700"):
        local_sockets.folder()


@in_runtime
async def test_its_user_may_enter_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "actorsock"
    async with observed():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        [sock] = folder.iterdir()
        assert stat.S_IMODE(sock.stat().st_mode) == 0o600
    folder.chmod(0o600)
    assert stat.S_IMODE(local_sockets.folder().stat().st_mode) == 0o700


@in_runtime
async def test_a_folder_whose_path_is_too_long_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("a" * 120)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    async with observed() as client:
        assert client.at.path is None
        assert (await client.get("/api/system"))["now"]["processes"] > 0


@in_runtime
async def test_without_a_folder_the_program_is_observed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "actorsock").write_text("not a folder")
    async with observed() as client:
        assert client.at.path is None
        assert (await client.get("/api/system"))["now"]["processes"] > 0


@in_runtime
async def test_the_name_goes_with_the_program() -> None:
    async with observed() as client:
        assert [found.path for found in local_sockets.listed()] == [client.at.path]
    assert local_sockets.listed() == []
