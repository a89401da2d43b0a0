"""Light processes: the same rules as for every process, stepped by the runtime itself."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
from math import inf

import pytest
import trio
import trio.testing

from actorsock import (
    Down,
    Error,
    Exit,
    Ok,
    Timeout,
    current_pid,
    exit,
    in_trio,
    is_alive,
    link,
    make_ref,
    monitor,
    ok,
    open_runtime,
    process_info,
    processes,
    receive,
    register,
    send,
    send_after,
    sleep,
    socket,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    start_timer,
    trap_exit,
    whereis,
)


async def outcome_of(fn, *args, light=True):
    """The exit reason of a light process that runs `fn(*args)`."""
    _, ref = spawn_monitor(fn, *args, light=light)
    down = await receive(ref)
    return down.reason


async def echo():
    while True:
        sender, message = await receive()
        send(sender, message)


class TestMessages:
    async def test_it_answers_a_task_and_another_light_process(self, runtime):
        async def asks(server, parent):
            send(server, (current_pid(), "question"))
            send(parent, await receive())

        server = spawn(echo, light=True)
        send(server, (current_pid(), 1))
        assert await receive() == 1
        spawn(asks, server, current_pid(), light=True)
        assert await receive() == "question"

    async def test_selective_receive_leaves_the_rest_in_order(self, runtime):
        async def picks(parent):
            ref = make_ref()
            for message in ("a", 1, "b", 2):
                send(current_pid(), message)
            assert await receive(ref, after=0) == Timeout()
            send(parent, [await receive(int), await receive(int), await receive(), await receive()])

        spawn(picks, current_pid(), light=True)
        assert await receive() == [1, 2, "a", "b"]

    async def test_what_it_waits_for_may_come_from_a_timer(self, runtime, autojump_clock):
        async def waits():
            send_after(60, current_pid(), "tick")
            assert await receive(after=30) == Timeout()
            assert await receive(after=inf) == "tick"
            ref = start_timer(60, current_pid(), "again")
            assert (await receive(ref)).message == "again"
            await sleep(3600)

        assert await outcome_of(waits) == "normal"

    async def test_a_name_leads_to_it(self, runtime):
        async def named():
            register("clerk", current_pid())
            send(await receive(), "here")

        pid = spawn(named, light=True)
        send(pid, current_pid())
        assert await receive() == "here"
        pid = spawn(echo, light=True, name="other")
        assert whereis("other") is pid
        assert process_info(pid).kind == "light"

    async def test_it_may_run_a_handler_in_place(self, runtime):
        async def asks(parent):
            seen = []
            handler = spawn_handler(seen.append)
            send(handler, "now")
            send(parent, seen)

        spawn(asks, current_pid(), light=True)
        assert await receive() == ["now"]


class TestEnding:
    async def test_it_ends_by_returning_by_exit_and_by_a_crash(self, runtime, caplog):
        async def returns():
            return 1

        async def leaves():
            exit("done")

        async def crashes():
            raise ValueError("boom")

        assert await outcome_of(returns) == "normal"
        assert await outcome_of(leaves) == "done"
        assert not caplog.records
        reason = await outcome_of(crashes)
        assert isinstance(reason, ValueError)
        (record,) = caplog.records
        assert record.name == "actorsock"
        assert record.exc_info[1] is reason

    @pytest.mark.parametrize("where", ["receive", "sleep", "accept", "in_trio"])
    async def test_a_kill_ends_it_wherever_it_waits(self, runtime, where):
        cleaned = []

        async def waits(parent):
            send(parent, "waiting")
            try:
                match where:
                    case "receive":
                        await receive()
                    case "sleep":
                        await sleep(inf)
                    case "accept":
                        listener = ok(socket.open("inet", "stream"))
                        ok(socket.bind(listener, "loopback"))
                        ok(socket.listen(listener))
                        await socket.accept(listener)
                    case "in_trio":
                        await in_trio(trio.sleep_forever)
            finally:
                cleaned.append(True)

        pid, ref = spawn_monitor(waits, current_pid(), light=True)
        await receive("waiting".__eq__)
        await trio.testing.wait_all_tasks_blocked()
        exit(pid, "kill")
        assert not is_alive(pid)
        assert (await receive(ref)).reason == "killed"
        assert cleaned == [True]

    async def test_killed_before_its_first_step_it_never_runs(self, runtime):
        ran = []

        async def runs():
            ran.append(True)

        pid, ref = spawn_monitor(runs, light=True)
        exit(pid, "kill")
        assert (await receive(ref)).reason == "killed"
        assert ran == []

    async def test_links_and_traps(self, runtime):
        async def traps(parent):
            trap_exit(True)
            other = spawn_link(crash_quietly, light=True)
            send(parent, (other, await receive(Exit)))

        async def crash_quietly():
            exit("bad")

        async def dies_with(other):
            link(other)
            await receive()

        spawn(traps, current_pid(), light=True)
        other, message = await receive()
        assert message == Exit(other, "bad")
        victim = spawn(echo, light=True)
        pid, ref = spawn_monitor(dies_with, victim, light=True)
        await trio.testing.wait_all_tasks_blocked()
        exit(victim, "why")
        assert await receive(ref) == Down(ref, pid, "why")

    async def test_waiting_again_after_the_kill_only_raises_again(self, runtime):
        seen = []

        async def stubborn():
            try:
                await receive()
            finally:
                try:
                    await receive()
                finally:
                    seen.append("unwound")

        pid, ref = spawn_monitor(stubborn, light=True)
        await trio.testing.wait_all_tasks_blocked()
        exit(pid, "kill")
        assert (await receive(ref)).reason == "killed"
        assert seen == ["unwound"]

    async def test_leaving_the_runtime_ends_it(self):
        ended = []

        async def waits():
            try:
                await receive()
            finally:
                ended.append(current_pid())

        async with open_runtime():
            pids = [spawn(waits, light=True) for _ in range(3)]
            await trio.testing.wait_all_tasks_blocked()
        assert ended == pids

    async def test_ten_thousand_come_and_go(self, runtime):
        async def waits():
            await receive()

        before = len(processes())
        pids = [spawn(waits, light=True) for _ in range(10_000)]
        refs = [monitor(pid) for pid in pids]
        for pid in pids:
            send(pid, "go")
        for ref in refs:
            assert (await receive(ref)).reason == "normal"
        assert len(processes()) == before


class TestMisuse:
    async def sleeps_in_trio():
        await trio.sleep(1)

    async def holds_a_cancel_scope():
        with trio.CancelScope():
            await receive()

    async def times_out_with_trio():
        with trio.fail_after(1):
            await receive()

    async def holds_a_nursery():
        async with trio.open_nursery():
            await receive()

    async def waits_for_an_event():
        await trio.Event().wait()

    async def uses_a_thread():
        await trio.to_thread.run_sync(int)

    @pytest.mark.parametrize(
        "misuse",
        [
            sleeps_in_trio,
            holds_a_cancel_scope,
            times_out_with_trio,
            holds_a_nursery,
            waits_for_an_event,
            uses_a_thread,
        ],
    )
    async def test_trio_fails_at_once_and_the_remedy_is_named(self, runtime, caplog, misuse):
        neighbour = spawn(echo, light=True)
        reason = await outcome_of(misuse)
        assert isinstance(reason, RuntimeError)
        assert "in_trio" in "".join(reason.__notes__)
        assert "in_trio" in caplog.text or "in_trio" in "".join(reason.__notes__)
        send(neighbour, (current_pid(), "unharmed"))
        assert await receive() == "unharmed"

    async def test_a_foreign_coroutine_is_refused(self, runtime):
        class Foreign:
            def __await__(self):
                yield "a future of some other library"

        async def awaits():
            await Foreign()

        reason = await outcome_of(awaits)
        assert isinstance(reason, TypeError)
        assert "in_trio" in str(reason)

    async def test_a_plain_function_is_refused(self, runtime):
        reason = await outcome_of(lambda: 1)
        assert isinstance(reason, TypeError)


class TestInTrio:
    async def test_it_brings_back_values_and_exceptions(self, runtime, autojump_clock):
        async def works(value):
            await trio.sleep(1)
            return value

        async def fails():
            await trio.sleep(1)
            raise KeyError("x")

        async def asks(parent):
            send(parent, await in_trio(works, 5))
            try:
                await in_trio(fails)
            except KeyError as exc:
                send(parent, exc.args)

        spawn(asks, current_pid(), light=True)
        assert await receive() == 5
        assert await receive() == ("x",)

    async def test_a_kill_cancels_what_it_runs(self, runtime):
        seen = []

        async def works():
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                seen.append("cancelled")
                raise

        async def asks():
            await in_trio(works)

        pid, ref = spawn_monitor(asks, light=True)
        await trio.testing.wait_all_tasks_blocked()
        exit(pid, "kill")
        await receive(ref)
        await trio.testing.wait_all_tasks_blocked()
        assert seen == ["cancelled"]

    async def test_in_a_task_it_is_a_plain_call(self, runtime):
        async def same_task():
            return trio.lowlevel.current_task()

        assert await in_trio(same_task) is trio.lowlevel.current_task()


class TestFairness:
    async def test_one_that_never_waits_stops_nobody(self, runtime):
        async def spins():
            me = current_pid()
            while True:
                send(me, "more")
                await receive()

        spinner = spawn(spins, light=True)
        server = spawn(echo, light=True)
        task_server = spawn(echo)
        for number in range(20):
            for dest in (server, task_server):
                send(dest, (current_pid(), number))
                assert await receive() == number
            await trio.lowlevel.checkpoint()
        exit(spinner, "kill")

    async def test_two_that_keep_each_other_busy_stop_nobody(self, runtime):
        async def volleys():
            while True:
                send((await receive()), current_pid())

        first, second = spawn(volleys, light=True), spawn(volleys, light=True)
        send(first, second)
        for _ in range(20):
            await trio.lowlevel.checkpoint()
        assert is_alive(first)
        assert is_alive(second)
        exit(first, "kill")
        exit(second, "kill")


class TestSockets:
    async def test_a_server_and_its_clients_are_light(self, runtime):
        async def serves(sock):
            while True:
                match await socket.recv(sock):
                    case Ok(data):
                        ok(await socket.send(sock, data))
                    case Error("closed"):
                        ok(await socket.close(sock))
                        return

        async def accepts(parent):
            listener = ok(socket.open("inet", "stream"))
            send(parent, ok(socket.bind(listener, "loopback")))
            ok(socket.listen(listener, 64))
            while True:
                sock = ok(await socket.accept(listener))
                pid = spawn(serves, sock, light=True)
                ok(socket.setopt(sock, "otp", "controlling_process", pid))

        async def asks(port, parent):
            async with ok(socket.open("inet", "stream")) as sock:
                ok(await socket.connect(sock, ("127.0.0.1", port)))
                for number in range(50):
                    line = f"line {number}".encode()
                    ok(await socket.send(sock, line))
                    assert ok(await socket.recv(sock, len(line))) == line
                assert await socket.recv(sock, 1, timeout=0) == Error("timeout")
            send(parent, "done")

        spawn(accepts, current_pid(), light=True)
        port = await receive(int)
        for _ in range(20):
            spawn(asks, port, current_pid(), light=True)
        for _ in range(20):
            assert await receive() == "done"

    async def test_closing_with_linger_waits_without_stopping_others(self, runtime):
        async def closes(port, parent):
            sock = ok(socket.open("inet", "stream"))
            ok(await socket.connect(sock, ("127.0.0.1", port)))
            ok(socket.setopt(sock, "socket", "linger", {"onoff": True, "linger": 5}))
            ok(await socket.send(sock, b"x"))
            send(parent, await socket.close(sock))

        async with ok(socket.open("inet", "stream")) as listener:
            port = ok(socket.bind(listener, "loopback"))
            ok(socket.listen(listener))
            spawn(closes, port, current_pid(), light=True)
            assert await receive() == Ok()

    async def test_killed_while_it_collects_it_leaves_the_bytes_to_the_next(self, runtime):
        async def collects(sock):
            await socket.recv(sock, 10)

        listener = ok(socket.open("inet", "stream"))
        port = ok(socket.bind(listener, "loopback"))
        ok(socket.listen(listener))
        sender = ok(socket.open("inet", "stream"))
        ok(await socket.connect(sender, ("127.0.0.1", port)))
        sock = ok(await socket.accept(listener))
        pid, ref = spawn_monitor(collects, sock, light=True)
        ok(await socket.send(sender, b"abcd"))
        while process_info(pid).status != "waiting":
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        exit(pid, "kill")
        await receive(ref)
        assert await socket.recv(sock) == Ok(b"abcd")


def test_ctrl_c_in_a_light_process_ends_the_program():
    program = textwrap.dedent(
        """
        import actorsock

        async def spins():
            print("spinning", flush=True)
            while True:
                pass

        async def main():
            actorsock.spawn(spins, light=True)
            await actorsock.receive()

        try:
            actorsock.run(main)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        # A test run in the background may have been told to ignore it, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "spinning\n"
        os.kill(child.pid, signal.SIGINT)
        assert child.stdout.read() == "interrupted\n"
        assert child.wait() == 0


@pytest.fixture(autouse=True)
def _log(caplog):
    caplog.set_level(logging.ERROR, "actorsock")
