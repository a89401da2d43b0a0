"""proc_lib: processes that tell their starter when they have begun. The cases are OTP's."""

import logging
from functools import partial
from operator import itemgetter
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    Error,
    Exit,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    ok,
    otp,
    process_info,
    receive,
    register,
    send,
    spawn,
    trap_exit,
    whereis,
)
from actorsock.otp import ChildSpec, proc_lib

from .conftest import Tables, messages

STARTS = (proc_lib.start, proc_lib.start_link, proc_lib.start_monitor)
LIGHT = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
_CRASH = ValueError("as you wish")


async def begin(value: Any, *then: Any) -> None:
    """Give `value` to the starter, or not; then wait, return or exit."""
    if value != "nothing":
        proc_lib.init_ack(value)
    match then:
        case ("wait",):
            await receive()
        case (Exception() as crash,):
            raise crash
        case ("exit", reason):
            exit(reason)


async def fail(reason: Any) -> None:
    register("failing", current_pid())
    proc_lib.init_fail(Error("no"), reason)


@LIGHT
@pytest.mark.parametrize(
    ("fn", "args", "result", "end"),
    [
        (begin, (Ok("begun"), "wait"), Ok("begun"), None),
        (begin, ("anything", "wait"), "anything", None),
        (begin, (Error("early"), "exit", "late"), Error("early"), "late"),
        (begin, ("nothing",), Error("normal"), "normal"),
        (begin, ("nothing", "exit", "why"), Error("why"), "why"),
        (begin, ("nothing", _CRASH), Error(_CRASH), _CRASH),
        (begin, ("nothing", "wait"), Error("timeout"), "killed"),
        (fail, ("normal",), Error("no"), "normal"),
        (fail, (_CRASH,), Error("no"), _CRASH),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
async def test_what_a_start_returns(
    runtime: None, autojump_clock: MockClock, fn: Any, args: Any, result: Any, end: Any, light: bool
) -> None:
    """And which messages the starter gets: those that OTP leaves in the mailbox."""
    trap_exit(True)
    failed = result in (Error("no"), Error(end), Error("timeout"))
    for start in STARTS:
        before = process_info(current_pid()).links
        got = await start(fn, *args, timeout=1, light=light)
        ref = None
        if start is proc_lib.start_monitor:
            got, ref = got
        assert got == result
        assert whereis("failing") is None
        came = await messages()
        if end is None:
            assert came == []
        elif ref is not None:
            [down] = came
            assert (down.ref, down.reason) == (ref, end)
        elif start is proc_lib.start_link and not failed:
            [signal] = came
            assert signal == Exit(signal.pid, end)
        else:
            assert came == []
        linked = [pid for pid in process_info(current_pid()).links if pid not in before]
        assert len(linked) == (start is proc_lib.start_link and end is None)


@LIGHT
async def test_a_start_that_is_cancelled(
    runtime: None, autojump_clock: MockClock, tables: Tables, light: bool
) -> None:
    current_pid()
    before = tables()
    for start in STARTS:
        with trio.move_on_after(1):
            await start(begin, "nothing", "wait", light=light)
        assert await messages() == []
    assert tables() == before


async def test_the_parent_may_be_named(runtime: None) -> None:
    async def child(parent: Pid) -> None:
        with pytest.raises(ValueError, match="parent: this process was started by"):
            proc_lib.init_ack(current_pid(), "wrong")
        with pytest.raises(TypeError, match="parent: expected a Pid, got 7"):
            proc_lib.init_ack(7, "wrong")
        proc_lib.init_ack(parent, Ok(current_pid()))
        proc_lib.init_ack(parent, "without effect")
        await receive()

    pid = ok(await proc_lib.start(child, current_pid()))
    assert is_alive(pid)
    assert await messages() == []


async def test_only_the_process_itself_may_tell(runtime: None) -> None:
    """Not one that it has spawned, which inherits its context variables."""

    async def stranger(test: Pid) -> None:
        with pytest.raises(RuntimeError, match="init_ack: this process was not started by"):
            proc_lib.init_ack("mine")
        with pytest.raises(RuntimeError, match="init_fail: this process was not started by"):
            proc_lib.init_fail("mine", "normal")
        send(test, "refused")

    async def child(test: Pid) -> None:
        spawn(stranger, test)
        await receive()

    spawn(stranger, current_pid())
    assert await receive() == "refused"
    assert await proc_lib.start(child, current_pid(), timeout=0.2) == Error("timeout")
    assert await messages() == ["refused"]


async def test_a_crash_names_the_function(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    await proc_lib.start(begin, "nothing", _CRASH)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.function.endswith(":begin")
    assert record.exc_info[1] is _CRASH


async def test_a_child_of_a_supervisor(runtime: None) -> None:
    async def child(name: str) -> None:
        register(name, current_pid())
        proc_lib.init_ack(Ok(current_pid()))
        await receive()

    spec = otp.ChildSpec("child", proc_lib.start_link, (child, "kid"))
    top = ok(await otp.start(otp.Supervisor, [spec]))
    [first] = await otp.which_children(top)
    exit(first.pid, "kill")
    await messages()
    [second] = await otp.which_children(top)
    assert whereis("kid") is second.pid is not first.pid
    await otp.stop(top)


class Descendant(otp.GenServer):
    """Starts another of its kind in its `init`, or a process of proc_lib; each reports."""

    def init(self, test: Pid, kind: str) -> None:
        send(test, (kind, proc_lib.ancestors()))
        self.test = test

    def handle_call(self, request: str, caller: otp.Caller) -> otp.Reply:
        spawn(self.report, "spawned")
        return otp.Reply(proc_lib.ancestors())

    async def report(self, kind: str) -> None:
        send(self.test, (kind, proc_lib.ancestors()))


class WaitingDescendant(Descendant):
    async def init(self, test: Pid, kind: str) -> None:  # type: ignore[override]
        super().init(test, kind)
        child = ok(await otp.start_link(Descendant, test, "child"))
        await otp.call(child, "which")
        await proc_lib.start(self.begun)

    async def begun(self) -> None:
        await self.report("begun")
        proc_lib.init_ack(Ok())


@LIGHT
async def test_the_processes_from_which_one_descends(runtime: None, light: bool) -> None:
    me = current_pid()
    spec = ChildSpec("one", partial(otp.start_link, light=light), (WaitingDescendant, me, "server"))
    tree = ok(await otp.start_link(otp.Supervisor, [spec], name="tree"))
    [child] = await otp.which_children(tree)
    server = child.pid
    assert await otp.call(server, "which") == ["tree", me]
    assert sorted(await messages(), key=itemgetter(0)) == [
        ("begun", [server, "tree", me]),
        ("child", [server, "tree", me]),
        ("server", ["tree", me]),
        ("spawned", []),
        ("spawned", []),
    ]
    assert proc_lib.ancestors() == []
    await otp.stop(tree)


async def test_wrong_arguments(runtime: None) -> None:
    for start in STARTS:
        with pytest.raises(TypeError, match="fn: expected an async function, got 7"):
            await start(7)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="timeout: expected"):
            await start(begin, "x", timeout=-1)
    assert await receive(after=0) == Timeout()
