"""Application: a tree that starts and stops as a whole, also by a signal."""

import signal
import subprocess
import sys
from typing import Any

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    ProcessExit,
    current_pid,
    exit,
    monitor,
    ok,
    otp,
    process_info,
    processes,
    receive,
    send,
    spawn,
    trap_exit,
    whereis,
)
from actorsock.otp import ChildSpec, Supervisor

from .conftest import Awkward, failure

PROGRAM = """
import sys
from actorsock import otp, process_info, processes, receive, sleep, spawn_link, trap_exit

class Worker(otp.GenServer):
    def init(self, name):
        trap_exit(True)
        self.name = name

    async def terminate(self, reason):
        print(self.name, "ends:", reason, flush=True)
        await sleep(float(sys.argv[1]))

class Shop(otp.Application):
    async def start(self):
        return await otp.start_link(otp.Supervisor, [
            otp.ChildSpec(name, otp.start_link, (Worker, name), shutdown=100) for name in "ab"
        ] + [otp.ChildSpec("c", spawn_link, (ready,))])

    def prep_stop(self):
        print("the shop closes", flush=True)

    def stop(self):
        print("the shop is closed", flush=True)

async def ready():
    [shop] = [pid for pid in processes() if process_info(pid).function.endswith("Shop")]
    await otp.sys.get_state(shop)  # which answers when it has started
    print("ready", flush=True)
    await receive()

otp.run_application(Shop)
print("back in the program", flush=True)
"""


def run_program(takes: float, *signals: signal.Signals) -> tuple[int, list[str], str]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(takes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        lines = []
        for number in signals:
            process.send_signal(number)
            lines.append(process.stdout.readline())
        # Not `communicate`, which does not know of what `readline` has read ahead.
        rest, err = process.stdout.read(), process.stderr.read()
        return process.wait(30), [line.strip() for line in lines] + rest.splitlines(), err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_tree_in_order(number: signal.Signals) -> None:
    assert run_program(0, number) == (
        0,
        [
            "the shop closes",
            "b ends: shutdown",
            "a ends: shutdown",
            "the shop is closed",
            "back in the program",
        ],
        "",
    )


def test_a_second_signal_does_not_wait() -> None:
    code, lines, _ = run_program(100, signal.SIGTERM, signal.SIGTERM)
    assert code == 0
    assert lines[0] == "the shop closes"
    assert "the shop is closed" not in lines
    assert lines[-1] == "back in the program"


AT_ONCE = """
import os, signal
from actorsock import otp, receive, spawn_link

async def child():
    os.kill(os.getpid(), signal.SIGTERM)
    await receive()

class Shop(otp.Application):
    async def start(self):
        child_spec = otp.ChildSpec("c", spawn_link, (child,))
        return await otp.start_link(otp.Supervisor, [child_spec])

otp.run_application(Shop)
"""


def test_a_signal_while_it_starts_is_not_lost() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", AT_ONCE], check=True, timeout=30)


class Shop(otp.Application):
    async def start(self, log: Pid, children: Any = ()) -> Any:
        Shop.log = log
        return await otp.start_link(Supervisor, list(children), name="top")

    def stop(self) -> None:
        send(Shop.log, "closed")


async def test_starting_and_stopping(runtime: None) -> None:
    pid = ok(await otp.start(Shop, current_pid(), name="shop"))
    assert process_info(pid).function.endswith("Shop")
    top = whereis("top")
    ref = monitor(top)
    await otp.stop("shop")
    assert await receive() == Down(ref, top, "shutdown")
    assert await receive() == "closed"


async def test_a_crash_of_prep_stop_does_not_prevent_the_stop(runtime: None) -> None:
    class Clumsy(Shop):
        def prep_stop(self) -> None:
            send(Shop.log, "closes")
            raise ValueError("clumsy")

    pid = ok(await otp.start(Clumsy, current_pid()))
    ref = monitor("top")
    assert isinstance(await failure(otp.stop(pid)), ValueError)
    assert [await receive() for _ in range(3)] == ["closes", Down(ref, "top", "shutdown"), "closed"]


async def test_a_tree_is_stopped_in_order_when_the_master_is_killed(
    runtime: None, autojump_clock: MockClock
) -> None:
    class Open(Shop):
        def prep_stop(self) -> None:
            send(Shop.log, ("closes", whereis("top") is not None))

    children = [ChildSpec(name, otp.start_link, (Reporting, current_pid(), name)) for name in "ab"]
    pid = ok(await otp.start(Open, current_pid(), children))
    ref = monitor(pid)
    exit(pid, "kill")
    assert await receive(ref) == Down(ref, pid, "killed")
    story = [await receive(after=1) for _ in range(4)]
    assert story == [("closes", True), ("b", "shutdown"), ("a", "shutdown"), "closed"]
    assert whereis("top") is None


class Reporting(otp.GenServer):
    def init(self, log: Pid, name: str) -> None:
        trap_exit(True)
        self.log, self.name = log, name

    def terminate(self, reason: Any) -> None:
        send(self.log, (self.name, reason))


async def test_a_start_that_times_out_leaves_no_process(
    runtime: None, autojump_clock: MockClock
) -> None:
    class Slow(otp.Application):
        async def start(self) -> Any:
            await otp.start_link(Supervisor, [], name="top")
            return await receive()

    before = processes()
    assert await otp.start(Slow, timeout=1) == Error("timeout")
    await wait_all_tasks_blocked()
    assert whereis("top") is None
    assert processes() == before


async def test_a_tree_whose_process_is_killed_while_it_starts(runtime: None) -> None:
    class Killed(otp.Application):
        async def start(self) -> Any:
            exit(current_pid(), "kill")
            await receive()

    assert await otp.start(Killed) == Error("killed")


async def test_an_application_ends_with_its_tree(runtime: None) -> None:
    child = ChildSpec("c", otp.start_link, (Crashing,))
    pid = ok(await otp.start(Shop, current_pid(), [child]))
    ref = monitor(pid)
    for _ in range(2):
        otp.cast("crashing", "crash")
        await wait_all_tasks_blocked()
    assert await receive() == "closed"
    assert await receive(ref) == Down(ref, pid, "shutdown")


class Crashing(otp.GenServer):
    def init(self) -> None:
        from actorsock import register

        register("crashing", current_pid())

    def handle_cast(self, request: Any) -> None:
        exit(request)


async def test_a_tree_that_does_not_start(runtime: None) -> None:
    child = ChildSpec("c", lambda: Error("no"))
    expected = Error(("shutdown", ("failed_to_start_child", "c", "no")))
    assert await otp.start(Shop, current_pid(), [child]) == expected
    assert whereis("top") is None


def test_a_program_whose_tree_ends_by_itself() -> None:
    def program(reason: Any) -> Any:
        async def start() -> Any:
            return Ok(spawn(ends))

        async def ends() -> None:
            exit(reason)

        return start

    otp.run_application(program("normal"))
    for reason in ["because", Awkward()]:
        with pytest.raises(ProcessExit) as failed:
            otp.run_application(program(reason))
        assert failed.value.reason is reason


def test_a_program_that_does_not_start() -> None:
    async def start(reason: Any) -> Any:
        return Error(reason)

    with pytest.raises(ProcessExit) as failed:
        otp.run_application(start, "because")
    assert failed.value.reason == "because"
