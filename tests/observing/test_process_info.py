"""`process_info`: what it tells of processes of each kind, without touching them."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    InCall,
    InLibrary,
    InMonitor,
    InReceive,
    InSleep,
    InSocket,
    InTrio,
    Pid,
    ProcessInfo,
    Ref,
    SocketStream,
    current_pid,
    exit,
    gen_tcp,
    in_trio,
    is_alive,
    link,
    mailbox,
    make_ref,
    monitor,
    ok,
    open_tcp_stream,
    otp,
    process_info,
    processes,
    receive,
    run,
    send,
    send_after,
    serve_tcp,
    sleep,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
    trap_exit,
)

# --- all of it ------------------------------------------------------------------------------------


async def test_all_of_a_waiting_process(runtime: None) -> None:
    async def process(observer: Pid) -> None:
        trap_exit(True)
        link(observer)
        monitor(observer)
        send(observer, "ready")
        await receive(int)

    me = current_pid()
    pid, _ = spawn_monitor(process, me, name="a name")
    assert await receive() == "ready"
    send(pid, "not what it waits for")
    await wait_all_tasks_blocked()
    info = process_info(pid)
    assert attrs.evolve(info, started=None, current_stacktrace=[], trio_task=None) == ProcessInfo(
        pid=pid,
        kind="task",
        function=f"{__name__}:{process.__qualname__}",
        registered_name="a name",
        label=None,
        status="waiting",
        waits_for=InReceive(int),
        message_queue_len=1,
        reductions=1,
        parent=me,
        started=None,
        links=[me],
        monitors=[me],
        monitored_by=[me],
        trap_exit=True,
        sockets=[],
        timers=[],
        current_stacktrace=[],
        trio_task=None,
        ended_by=None,
    )
    assert timedelta() <= datetime.now(UTC) - info.started < timedelta(minutes=5)
    assert info.trio_task.name.endswith(process.__qualname__)
    send(pid, 1)
    await wait_all_tasks_blocked()
    assert process_info(pid) is process_info(pid, ["links"]) is None


async def test_single_items_are_those_of_the_table(runtime: None) -> None:
    pid = spawn(receive, name="a name")
    send(pid, "first")
    send(pid, "second")
    assert process_info(pid, ["messages", "registered_name", "message_queue_len"]) == {
        "messages": ["first", "second"],
        "registered_name": "a name",
        "message_queue_len": 2,
    }
    assert process_info(pid, []) == {}
    info = process_info(current_pid())
    for field in attrs.fields(ProcessInfo):
        (value,) = process_info(current_pid(), [field.name]).values()
        if field.name not in ("current_stacktrace", "started", "reductions"):
            assert value == getattr(info, field.name)


@pytest.mark.parametrize(
    ("items", "error", "text"),
    [
        ("links", TypeError, "^items: expected a list of names, got 'links'"),
        ([1], TypeError, "^items: expected names, got 1"),
        (["heap_size"], ValueError, "^items: there is no item 'heap_size'; there are pid, kind, "),
    ],
)
async def test_wrong_items(runtime: None, items: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        process_info(current_pid(), items)


async def test_it_is_a_snapshot(runtime: None) -> None:
    pid = spawn(receive)
    info = process_info(pid)
    link(pid)
    send(pid, "a message")
    assert (info.links, info.message_queue_len) == ([], 0)
    trap_exit(True)
    await wait_all_tasks_blocked()


def test_the_function_of_the_first_process_is_main() -> None:
    async def main() -> str:
        return process_info(current_pid()).function

    assert run(main) == f"{__name__}:{main.__qualname__}"


# --- the status -----------------------------------------------------------------------------------


async def test_the_status_of_a_process(runtime: None) -> None:
    cleaning, may_end = trio.Event(), trio.Event()

    async def process() -> None:
        try:
            await sleep(1_000_000)
        finally:
            with trio.CancelScope(shield=True):
                cleaning.set()
                await may_end.wait()

    assert process_info(current_pid()).status == "running"
    pid, ref = spawn_monitor(process)
    await wait_all_tasks_blocked()
    assert process_info(pid).status == "waiting"
    exit(pid, "kill")
    await cleaning.wait()
    info = process_info(pid)
    assert info.status == "exiting"
    assert str(info.ended_by) == f"sent by {current_pid()!r}"
    assert not is_alive(pid)
    assert pid in processes()
    may_end.set()
    await receive(ref)
    assert process_info(pid) is None
    assert pid not in processes()


async def never_waits() -> None:
    while True:
        await trio.lowlevel.checkpoint()


async def always_gives_way(ready: Pid) -> None:
    for _ in range(1000):
        send(current_pid(), "to itself")
        await receive()
    send(ready, "ready")


@pytest.mark.parametrize("light", [False, True])
async def test_what_could_run_is_runnable(runtime: None, light: bool) -> None:
    pid = spawn(receive, light=light)
    assert process_info(pid).status == "runnable"  # it has not begun
    await wait_all_tasks_blocked()
    assert process_info(pid).status == "waiting"
    send(pid, "a message")
    if light:  # of a task trio's loop says so only when it runs: it waits until then
        assert process_info(pid).status == "runnable"
    await wait_all_tasks_blocked()


async def test_a_task_that_never_waits_is_runnable(runtime: None) -> None:
    pid = spawn(never_waits)
    for _ in range(5):
        await trio.lowlevel.checkpoint()
        assert process_info(pid).status == "runnable"


async def test_every_process_on_the_stack_is_running(runtime: None) -> None:
    """One sends to a handler, which sends to another one that asks for the status of all."""
    seen: dict[str, str] = {}

    def inner(message: Any) -> None:
        seen.update((name, process_info(pid).status) for name, pid in pids.items())

    async def sender() -> None:
        send(pids["inner"], "a message")

    for light in (False, True):
        pids = {
            "inner": spawn_handler(inner),
            "sender": spawn(sender, light=light),
            "other": spawn_handler(print),
        }
        await wait_all_tasks_blocked()
        assert seen == {"inner": "running", "sender": "running", "other": "waiting"}


async def test_a_handler_with_a_queued_step_is_runnable(runtime: None) -> None:
    seen = []

    def outer(message: Any) -> None:
        send(inner, message)  # queued behind this step
        seen.append(process_info(inner).status)

    inner, first = spawn_handler(print), spawn_handler(outer)
    send(first, "a message")
    assert seen == ["runnable"]
    assert process_info(inner).status == "waiting"


async def test_the_status_of_a_handler(runtime: None) -> None:
    seen: list[tuple[str, int]] = []

    def handler(message: object) -> None:
        info = process_info(current_pid())
        seen.append((info.status, info.message_queue_len))

    pid = spawn_handler(handler)
    assert process_info(pid).status == "waiting"
    send(pid, "a message")
    assert seen == [("running", 0)]


# --- what it waits for ----------------------------------------------------------------------------


async def never_answers() -> None:
    async for _ in mailbox():
        pass


class Idle(otp.GenServer):
    """Does nothing."""


async def serve_for_ever(handler: Callable[[SocketStream], Awaitable[None]]) -> None:
    await serve_tcp(handler, 0, host="127.0.0.1")


async def in_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)


async def in_an_async_generator() -> None:
    async def items() -> AsyncIterator[int]:
        await trio.Event().wait()
        yield 1

    async for _ in items():
        pass


IN_TRIO: dict[str, tuple[Callable[[], Awaitable[object]], str]] = {
    "sleep": (partial(trio.sleep, 1000), "sleep"),
    "an event": (lambda: trio.Event().wait(), "Event.wait"),
    "a nursery": (in_a_nursery, "nursery"),
    "an async generator": (in_an_async_generator, "Event.wait"),
}


@pytest.mark.parametrize("where", IN_TRIO)
async def test_a_task_that_waits_in_trio(runtime: None, where: str) -> None:
    function, word = IN_TRIO[where]

    async def process() -> None:
        await function()

    pid = spawn(process)
    await wait_all_tasks_blocked()
    info = process_info(pid)
    assert (info.status, type(info.waits_for)) == ("waiting", InTrio)
    assert info.waits_for.function == word
    assert info.waits_for.place.module == __name__
    assert str(info.waits_for) == f"trio: {word} {__name__}:{info.waits_for.place.line}"


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_what_a_process_waits_for(runtime: None, light: bool) -> None:
    a_server = spawn(never_answers)
    ref = make_ref()

    async def waits_for_the_end() -> None:
        await receive(monitor(a_server))

    async def asks() -> None:
        await otp.receive_response(otp.send_request(a_server, "a question"))

    expected: dict[Pid, Any] = {
        spawn(receive, light=light): InReceive(None),
        spawn(receive, int, light=light): InReceive(int),
        spawn(receive, ref, light=light): InReceive(ref),
        spawn(sleep, 1000, light=light): InSleep(),
        spawn(waits_for_the_end, light=light): InMonitor(a_server),
        spawn(asks, light=light): InCall(a_server),
        ok(await otp.start(otp.EventManager)): InReceive(None),
    }
    if light:
        expected[spawn(in_trio, trio.sleep, 1000, light=True)] = InLibrary("in_trio")
    caller = spawn(otp.call, a_server, "a question", 1000, light=light)
    await wait_all_tasks_blocked()
    assert {pid: process_info(pid).waits_for for pid in expected} == expected
    reason = process_info(caller).waits_for
    assert (type(reason), reason.server) == (InCall, a_server)
    assert 0 <= reason.seconds < 600
    assert {process_info(pid).status for pid in expected} == {"waiting"}
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_the_place_in_the_queue_of_a_socket(runtime: None, light: bool) -> None:
    async with ok(socket.open("inet", "stream")) as listener:
        ok(socket.bind(listener, {"family": "inet", "addr": "loopback", "port": 0}))
        ok(socket.listen(listener))
        pids = []
        for _ in range(3):
            pids.append(spawn(socket.accept, listener, light=light))
            await wait_all_tasks_blocked()
        assert [process_info(pid).waits_for for pid in pids] == [
            InSocket("accept", listener, behind) for behind in range(3)
        ]
        assert str(process_info(pids[2]).waits_for) == f"accept (behind 2) {listener!r}"
        (tie,) = process_info(pids[2]).sockets
        assert (tie.socket, tie.owned, tie.waiting) == (listener, False, ("accept",))
        (tie,) = process_info(current_pid()).sockets
        assert (tie.socket, tie.owned, tie.waiting) == (listener, True, ())
        for pid in pids:
            exit(pid, "kill")
        await wait_all_tasks_blocked()


async def test_the_place_in_the_queue_of_a_gen_tcp_listener(runtime: None) -> None:
    listener = ok(gen_tcp.listen(0))
    pids = []
    for _ in range(2):
        pids.append(spawn(gen_tcp.accept, listener))
        await wait_all_tasks_blocked()
    assert [process_info(pid).waits_for for pid in pids] == [
        InSocket("accept", listener, behind) for behind in range(2)
    ]
    await gen_tcp.close(listener)
    await wait_all_tasks_blocked()


async def test_a_wait_with_a_handle_is_seen_in_the_sockets(runtime: None) -> None:
    async def client(address: Any) -> None:
        async with ok(socket.open("inet", "dgram")) as sock:
            ok(socket.bind(sock, address))
            socket.recvfrom_nowait(sock)
            await receive()

    pid = spawn(client, {"family": "inet", "addr": "loopback", "port": 0})
    await wait_all_tasks_blocked()
    (tie,) = process_info(pid).sockets
    assert (tie.owned, tie.waiting) == (True, ("recvfrom",))
    send(pid, "end")
    await wait_all_tasks_blocked()


async def test_functions_of_the_streams(runtime: None) -> None:
    async def hold(stream: SocketStream) -> None:
        await receive()

    server = spawn(serve_for_ever, hold)
    await wait_all_tasks_blocked()
    assert process_info(server).waits_for == InLibrary("serve_listeners")
    exit(server, "kill")
    await wait_all_tasks_blocked()


async def test_open_tcp_stream_is_named(runtime: None) -> None:
    async def connect() -> None:
        with contextlib.suppress(OSError):
            await open_tcp_stream("192.0.2.1", 9)  # of documentation: nothing answers

    pid = spawn(connect)
    await wait_all_tasks_blocked()
    reason = process_info(pid) and process_info(pid).waits_for
    assert reason in (None, InLibrary("open_tcp_stream"))  # None: this network refuses at once
    exit(pid, "kill")
    await wait_all_tasks_blocked()


# --- the stack ------------------------------------------------------------------------------------


async def outer_call(inner: Callable[[], Awaitable[Any]]) -> None:
    await inner()


async def inner_call() -> None:
    async def items() -> AsyncIterator[int]:
        yield await receive(Ref)

    async for _ in items():
        pass


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_the_stack_leads_to_the_wait(runtime: None, light: bool) -> None:
    pid = spawn(outer_call, inner_call, light=light)
    assert process_info(pid).current_stacktrace == []
    await wait_all_tasks_blocked()
    info = process_info(pid)
    ours = [entry.function for entry in info.current_stacktrace if entry.module == __name__]
    assert ours == ["inner_call.<locals>.items", "inner_call", "outer_call"]
    more = process_info(pid, ["current_function", "current_location", "initial_call"])
    assert more["current_function"] == f"{__name__}:inner_call.<locals>.items"
    assert str(more["current_location"]).startswith(f"{__file__}:")
    assert more["initial_call"] == f"{__name__}:outer_call"


async def test_the_stack_of_the_caller_itself(runtime: None) -> None:
    def here() -> list[str]:
        return [entry.function for entry in process_info(current_pid()).current_stacktrace]

    name = "test_the_stack_of_the_caller_itself"
    assert [word for word in here() if name in word] == [f"{name}.<locals>.here", name]
    assert process_info(spawn_handler(print)).current_stacktrace == []


async def test_another_thread_sees_the_stack_of_what_runs(runtime: None) -> None:
    me = current_pid()
    pid = spawn(otp.call, spawn(never_answers), "a question", 1000)
    await wait_all_tasks_blocked()

    def sees_me_wait() -> None:
        # The thread may look before the process that has started it waits.
        while process_info(me).status != "waiting":
            time.sleep(0.001)

    await trio.to_thread.run_sync(sees_me_wait)
    info = await trio.to_thread.run_sync(process_info, pid)
    assert (info.status, info.waits_for.seconds) == ("waiting", None)


# --- the rest -------------------------------------------------------------------------------------


async def test_parents(runtime: None) -> None:
    me = current_pid()
    parents: list[Pid | None] = []

    async def adopted() -> None:
        parents.append(process_info(current_pid()).parent)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(adopted)
    assert parents == [me]
    server = ok(await otp.start(Idle))
    pids = [spawn(receive), spawn(receive, light=True), spawn_handler(print), server]
    assert [process_info(pid).parent for pid in pids] == [me] * 4
    await otp.stop(server)
    for pid in pids[:2]:
        send(pid, "end")
    exit(pids[2], "kill")
    await wait_all_tasks_blocked()


async def test_timers(runtime: None, autojump_clock: trio.testing.MockClock) -> None:
    ref = send_after(10, current_pid(), "late")
    await trio.sleep(4)
    (timer,) = process_info(current_pid()).timers
    assert (timer.ref, timer.left) == (ref, pytest.approx(6))
    await receive()
    assert process_info(current_pid()).timers == []


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_reductions_only_grow(runtime: None, light: bool) -> None:
    pid = spawn(always_gives_way, current_pid(), light=light)
    before = process_info(pid).reductions
    assert before == 0
    await trio.lowlevel.checkpoint()
    while (info := process_info(pid)) is not None:
        assert info.reductions >= before
        before = info.reductions
        await trio.lowlevel.checkpoint()
    assert await receive() == "ready"


async def test_memory_grows_with_the_mailbox_and_not_with_its_messages(runtime: None) -> None:
    def memory() -> int:
        return process_info(current_pid(), ["memory"])["memory"]

    before = memory()
    assert before > 200
    for _ in range(1000):
        send(current_pid(), b"x" * 10_000)
    assert 8_000 < memory() - before < 1_000_000
