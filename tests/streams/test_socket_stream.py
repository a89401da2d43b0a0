"""Streams on sockets of processes: their owners, their ends, their exceptions."""

import struct
from functools import partial

import pytest
import trio
from trio.testing import (
    assert_checkpoints,
    check_half_closeable_stream,
    wait_all_tasks_blocked,
)

from actorsock import (
    Down,
    Error,
    ExitSignal,
    Ok,
    Pid,
    SocketStream,
    current_pid,
    exit,
    monitor,
    ok,
    open_runtime,
    receive,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)

from ..sockets import connection
from ..stories import in_runtime, until
from .support import (
    clog,
    clogged_pair,
    every_domain,
    every_poller,
    is_open,
    pair,
    raising,
    receive_all,
    waiting,
)


async def opener(parent: Pid) -> None:
    """A process that owns both ends of a connection until it receives a message."""
    send(parent, await pair())
    await receive()


@every_poller
@every_domain
@in_runtime
async def test_the_checks_of_trio(domain: str) -> None:
    await check_half_closeable_stream(partial(pair, domain), partial(clogged_pair, domain))


# --- the owner of the socket ----------------------------------------------------------------------


@in_runtime
async def test_the_end_of_the_owner_breaks_the_stream() -> None:
    owner, down = spawn_monitor(opener, current_pid())
    here, there = await receive(tuple)
    clog(here)
    broken: list[str] = []

    async def expect_broken(call: str, *args: object) -> None:
        with pytest.raises(trio.BrokenResourceError, match="with its owner") as caught:
            await getattr(here, call)(*args)
        assert isinstance(caught.value.__cause__, OSError)
        broken.append(call)

    async with waiting(
        partial(expect_broken, "send_all", b"more"), partial(expect_broken, "receive_some")
    ):
        exit(owner, "kill")
    assert sorted(broken) == ["receive_some", "send_all"]
    assert (await receive(down)).reason == "killed"
    for call, args in [("send_all", (b"",)), ("receive_some", (1,)), ("send_eof", ())]:
        with pytest.raises(trio.BrokenResourceError):
            await getattr(there, call)(*args)
    await here.aclose()
    with pytest.raises(trio.ClosedResourceError):  # now the stream itself is closed
        await here.receive_some()


@in_runtime
async def test_a_socket_given_away_ends_with_its_new_owner() -> None:
    async def keeper() -> None:
        await receive()

    async def hands_over(parent: Pid, heir: Pid) -> None:
        streams = await pair()
        for stream in streams:
            ok(socket.setopt(stream.socket, "otp", "controlling_process", heir))
        send(parent, streams)

    heir, heirs_end = spawn_monitor(keeper)
    _, down = spawn_monitor(hands_over, current_pid(), heir)
    here, there = await receive(tuple)
    assert (await receive(down)).reason == "normal"
    await here.send_all(b"still open")
    assert await there.receive_some() == b"still open"
    send(heir, "end")
    await receive(heirs_end)
    assert not is_open(here)
    assert not is_open(there)


@in_runtime
async def test_any_task_may_close_it() -> None:
    here, there = await pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.aclose)
    assert not is_open(here)
    assert await there.receive_some() == b""
    await there.aclose()


@every_poller
@in_runtime
async def test_closing_ends_the_waiting_calls() -> None:
    here, _there = await pair()
    clog(here)

    async with waiting(
        raising(trio.ClosedResourceError, here.receive_some),
        raising(trio.ClosedResourceError, here.wait_send_all_might_not_block),
    ):
        await here.aclose()


@in_runtime
async def test_a_socket_closed_directly_breaks_the_stream() -> None:
    here, _there = await pair()
    ok(await socket.close(here.socket))
    with pytest.raises(trio.BrokenResourceError, match="by another process"):
        await here.receive_some()


@in_runtime
async def test_closing_after_the_end_of_the_runtime() -> None:
    async with open_runtime():
        here, there = await pair()
    assert not is_open(here)
    with assert_checkpoints():
        await here.aclose()
    await there.aclose()


# --- cancellation and exit signals ----------------------------------------------------------------


@every_poller
@every_domain
@in_runtime
async def test_a_cancelled_receive_loses_nothing(domain: str) -> None:
    here, there = await pair(domain)
    got = bytearray()
    sent = bytes(range(256)) * 16

    async def receives(scope: trio.CancelScope) -> None:
        with scope:
            got.extend(await here.receive_some(7))

    for start in range(0, len(sent), 16):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(receives, scope)
            if start % 32:
                await wait_all_tasks_blocked()
            # The bytes come, and the cancellation with them, one before the other.
            await there.send_all(sent[start : start + 16])
            for _ in range(start // 16 % 4):
                await trio.lowlevel.checkpoint()
            scope.cancel()
    await there.send_eof()
    async for data in here:
        got += data
    assert got == sent


@in_runtime
async def test_a_receiver_killed_at_its_checkpoint_has_taken_nothing() -> None:
    here, there = await pair()
    await there.send_all(b"for the living")
    killer = spawn_handler(lambda pid: exit(pid, "kill"))
    asking = False

    async def reader() -> None:
        nonlocal asking
        asking = True
        await here.receive_some()

    class KillsIt(trio.abc.Instrument):
        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            if asking:
                send(killer, pid)

    pid, down = spawn_monitor(reader)
    instrument = KillsIt()
    trio.lowlevel.add_instrument(instrument)
    assert (await receive(down)).reason == "killed"
    trio.lowlevel.remove_instrument(instrument)
    assert await here.receive_some() == b"for the living"


@pytest.mark.parametrize("call", ["receive_some", "send_all", "wait_send_all_might_not_block"])
@in_runtime
async def test_an_exit_signal_ends_the_waiting_of_an_adopted_task_at_once(call: str) -> None:
    here, _there = await clogged_pair() if call != "receive_some" else await pair()
    pids: list[Pid] = []
    reasons: list[object] = []

    async def adopted() -> None:
        pids.append(current_pid())
        try:
            await getattr(here, call)(*[b"x"] * (call == "send_all"))
        except ExitSignal as exc:
            reasons.append(exc.reason)

    async with waiting(adopted):
        exit(pids[0], "enough")
    assert reasons == ["enough"]


@in_runtime
async def test_closing_while_cancelled_closes_forcefully_and_is_cancelled() -> None:
    here, there = await clogged_pair()
    # Without the cancellation it would linger for a minute: the peer does not read.
    ok(socket.setopt(here.socket, "socket", "linger", socket.Linger(True, 60)))
    with trio.CancelScope() as scope:
        scope.cancel()
        await here.aclose()
    assert scope.cancelled_caught
    assert not is_open(here)
    with pytest.raises(trio.BrokenResourceError) as caught:
        await receive_all(there)
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    with trio.CancelScope() as scope:
        scope.cancel()
        await here.aclose()  # closed already, but still a checkpoint
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    "call",
    [
        lambda stream: stream.send_all(b"x"),
        lambda stream: stream.send_all(b""),
        lambda stream: stream.receive_some(1),
        lambda stream: stream.wait_send_all_might_not_block(),
        lambda stream: stream.send_eof(),
    ],
    ids=["send_all", "send_all of nothing", "receive_some", "wait", "send_eof"],
)
@in_runtime
async def test_every_call_is_a_checkpoint_before_it_acts(call) -> None:  # type: ignore[no-untyped-def]
    here, there = await pair()
    await there.send_all(b"ab")
    with assert_checkpoints():
        await call(here)
    with trio.CancelScope() as scope:
        scope.cancel()
        await call(here)
    assert scope.cancelled_caught


@in_runtime
async def test_send_all_in_a_cancelled_scope_sends_nothing() -> None:
    here, there = await pair()
    with trio.CancelScope() as scope:
        scope.cancel()
        await here.send_all(b"never")
    await here.send_all(b"sent")
    assert await there.receive_some() == b"sent"


# --- sending --------------------------------------------------------------------------------------


@every_poller
@every_domain
@in_runtime
async def test_waiting_for_room_sends_nothing(domain: str) -> None:
    here, there = await clogged_pair(domain)
    sent = socket.info(here.socket).counters["write_byte"]
    done = False

    async def waits() -> None:
        nonlocal done
        await here.wait_send_all_might_not_block()
        done = True

    async with waiting(waits):
        assert not done
        received = 0
        while not done:
            received += len(await there.receive_some())
            await wait_all_tasks_blocked()
    assert socket.info(here.socket).counters["write_byte"] == sent
    await here.send_eof()
    async for data in there:
        received += len(data)
    assert received == sent


@every_domain
@in_runtime
async def test_much_data_for_a_slow_reader(domain: str) -> None:
    here, there = await pair(domain)
    much = bytes(range(256)) * 2**14

    async def sends() -> None:
        await here.send_all(memoryview(much))
        await here.send_eof()

    got = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sends)
        async for data in there:
            got += data
    assert got == much


@in_runtime
async def test_a_bytearray_can_be_resized_after_the_call() -> None:
    here, there = await pair()
    data = bytearray(b"abc")
    await here.send_all(data)
    data.clear()
    await there.aclose()
    data += b"x" * 2**20

    async def sends_on() -> None:
        while True:
            await here.send_all(data)

    with pytest.raises(trio.BrokenResourceError) as caught:
        await sends_on()
    data.clear()  # while the exception, and with it the frame of the call, is still there
    assert isinstance(caught.value.__cause__, BrokenPipeError | ConnectionResetError)


@in_runtime
async def test_a_memoryview_of_larger_items() -> None:
    here, there = await pair()
    await here.send_all(memoryview(struct.pack("=4I", 1, 2, 3, 4)).cast("I"))
    got = b""
    while len(got) < 16:
        got += await there.receive_some()
    assert struct.unpack("=4I", got) == (1, 2, 3, 4)


@in_runtime
async def test_receiving_goes_on_after_send_eof() -> None:
    here, there = await pair()
    await here.send_eof()
    await here.send_eof()
    for data in (b"x", b""):
        with pytest.raises(trio.ClosedResourceError):
            await here.send_all(data)
    assert await there.receive_some() == b""
    await there.send_all(b"still")
    assert await here.receive_some() == b"still"
    await here.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await here.send_eof()


# --- sharing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "sent", "answers"),
    [(3, b"onetwo", [Ok(b"one"), b"two"]), (0, None, [Error("closed"), b""])],
    ids=["data", "the end"],
)
@in_runtime
async def test_calls_of_the_socket_share_the_queue_of_the_stream(
    length: int, sent: bytes | None, answers: list[object]
) -> None:
    here, there = await pair()
    got: list[object] = []

    async def by_the_socket() -> None:
        got.append(await socket.recv(here.socket, length))

    async def by_the_stream() -> None:
        got.append(await here.receive_some())

    async with waiting(by_the_socket, by_the_stream):
        await (there.send_eof() if sent is None else there.send_all(sent))
    assert got == answers


@in_runtime
async def test_one_task_at_a_time_in_each_direction() -> None:
    here, _there = await clogged_pair()

    async with waiting(raising(trio.ClosedResourceError, here.send_all, b"x")):
        for call in (partial(here.send_all, b"y"), here.wait_send_all_might_not_block):
            with pytest.raises(trio.BusyResourceError):
                await call()
        await here.receive_some()  # the other direction is free
        await here.aclose()


@in_runtime
async def test_a_reset_is_the_cause_of_the_exception() -> None:
    here, there = await pair()
    ok(socket.setopt(there.socket, "socket", "linger", socket.Linger(True, 0)))
    await there.aclose()
    with pytest.raises(trio.BrokenResourceError, match="reset") as caught:
        await here.receive_some()
    assert isinstance(caught.value.__cause__, ConnectionResetError)


@in_runtime
async def test_a_socket_that_is_not_connected() -> None:
    stream = SocketStream(ok(socket.open("inet", "stream")))
    for call in (stream.receive_some, stream.send_eof, partial(stream.send_all, b"x")):
        with pytest.raises(trio.BrokenResourceError) as caught:
            await call()
        assert isinstance(caught.value.__cause__, OSError)


# --- arguments, options, processes of other kinds -------------------------------------------------


@in_runtime
async def test_wrong_arguments() -> None:
    here, _there = await pair()
    for wrong, raised in [(0, ValueError), (-1, ValueError), ("1", TypeError), (True, TypeError)]:
        with pytest.raises(raised, match="max_bytes"):
            await here.receive_some(wrong)  # type: ignore[arg-type]
    for data in ("text", [b"pieces"], None, 1):
        with pytest.raises(TypeError, match="data"):
            await here.send_all(data)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sock"):
        SocketStream(here)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stream socket"):
        SocketStream(ok(socket.open("inet", "dgram")))


@in_runtime
async def test_options_and_repr() -> None:
    here, _there = await pair()
    assert socket.getopt(here.socket, "tcp", "nodelay") == Ok(True)
    assert repr(here) == f"SocketStream({here.socket!r})"


@in_runtime
async def test_a_light_process_uses_streams() -> None:
    async def echoes(parent: Pid) -> None:
        here, there = await pair()
        send(parent, there)
        async with here:
            await here.wait_send_all_might_not_block()
            async for data in here:
                await here.send_all(data)
            await here.send_all(b"")
            await here.send_eof()
        send(parent, await receive())  # the other end is its own too

    light = spawn(echoes, current_pid(), light=True)
    down = monitor(light)
    there = await receive(SocketStream)
    await there.send_all(b"hello")
    assert await there.receive_some() == b"hello"
    await there.send_eof()
    assert await there.receive_some() == b""
    send(light, "end")
    assert await receive(str) == "end"
    match await receive(down):
        case Down(reason=reason):
            assert reason == "normal"


@in_runtime
async def test_a_busy_reader_lets_others_run() -> None:
    here, there = await pair()
    count = 0

    async def counts() -> None:
        nonlocal count
        while True:
            await trio.lowlevel.checkpoint()
            count += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counts)
        for _ in range(100):
            await there.send_all(b"x")
            await here.receive_some()
        nursery.cancel_scope.cancel()
    assert count >= 100


@in_runtime
async def test_hundreds_of_streams_leave_nothing_behind() -> None:
    async def uses() -> None:
        here, there = (SocketStream(sock) for sock in await connection("local"))
        await here.send_all(b"x")
        assert await there.receive_some() == b"x"

    for _ in range(300):
        _, down = spawn_monitor(uses)
        assert (await receive(down)).reason == "normal"
    await until(lambda: socket.number_of() == 0)
