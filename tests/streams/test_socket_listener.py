"""Listeners on sockets of processes: accepting, and the errors that an accept may meet."""

import errno

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from actorsock import (
    Error,
    ExitSignal,
    Pid,
    SocketListener,
    SocketStream,
    current_pid,
    exit,
    ok,
    receive,
    send,
    socket,
    spawn_monitor,
)
from actorsock.socket.operations.accept_connect import Accept

from ..stories import in_runtime, no_more_descriptors
from .support import (
    dial,
    every_domain,
    every_poller,
    is_open,
    listening,
    runtime_with,
)


@every_poller
@every_domain
async def test_it_accepts_connections_that_wait_and_connections_that_come(
    domain: str, poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with runtime_with(poller, monkeypatch):
        listener = SocketListener(listening(domain))
        accepted: list[SocketStream] = []

        async def accepts(times: int) -> None:
            for _ in range(times):
                with assert_checkpoints():
                    accepted.append(await listener.accept())

        here = [await dial(listener), await dial(listener)]
        await accepts(2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(accepts, 1)
            await wait_all_tasks_blocked()
            here.append(await dial(listener))
            # Whoever accepts owns: the task has ended, and the connection with it.
        assert [is_open(stream) for stream in accepted] == [True, True, False]
        await accepted[0].send_all(b"you are the first")
        assert await here[0].receive_some() == b"you are the first"


@in_runtime
async def test_closing_it_ends_the_waiting_and_no_connection() -> None:
    listener = SocketListener(listening())
    here = await dial(listener)
    there = await listener.accept()

    async def waits() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await listener.accept()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await listener.accept()
        nursery.start_soon(listener.aclose)
    with pytest.raises(trio.ClosedResourceError), assert_checkpoints():
        await listener.accept()
    with assert_checkpoints():
        await listener.aclose()
    await here.send_all(b"x")
    assert await there.receive_some() == b"x"


@in_runtime
async def test_it_closes_with_its_owner() -> None:
    async def opener(parent: Pid) -> None:
        send(parent, SocketListener(listening()))
        await receive()

    owner, down = spawn_monitor(opener, current_pid())
    listener = await receive(SocketListener)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _waits() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await listener.accept()

        await wait_all_tasks_blocked()
        exit(owner, "shutdown")
        await receive(down)


@in_runtime
async def test_a_cancelled_accept_loses_no_connection() -> None:
    listener = SocketListener(listening())
    accepted = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await listener.accept()
    for _ in range(20):
        here = await dial(listener)
        with trio.CancelScope() as scope:
            scope.cancel()
            await listener.accept()
        with trio.fail_after(30):
            accepted.append(await listener.accept())
        await here.aclose()
    assert all(is_open(stream) for stream in accepted)


@in_runtime
async def test_several_accept_by_a_listener_each() -> None:
    sock = listening()
    served: list[int] = []

    async def serves(number: int) -> None:
        await SocketListener(sock).accept()
        served.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(serves, number)
            await wait_all_tasks_blocked()
        for _ in range(3):
            await dial(SocketListener(sock))
    assert served == [0, 1, 2]  # in the order in which they asked


@in_runtime
async def test_an_exit_signal_ends_the_waiting_of_an_adopted_task() -> None:
    listener = SocketListener(listening())
    ended: list[object] = []

    async def accepts() -> None:
        send(parent, current_pid())
        try:
            await listener.accept()
        except ExitSignal as exc:
            ended.append(exc.reason)

    parent = current_pid()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accepts)
        pid = await receive(Pid)
        await wait_all_tasks_blocked()
        exit(pid, "enough")
    assert ended == ["enough"]


@in_runtime
async def test_that_nothing_more_can_be_opened_is_for_the_caller_to_hear() -> None:
    listener = SocketListener(listening())
    await dial(listener)
    with no_more_descriptors():
        with pytest.raises(OSError, match="Too many open files") as caught:
            await listener.accept()
        assert caught.value.errno == errno.EMFILE
    async with await listener.accept():
        pass


@pytest.mark.parametrize("reason", ["econnaborted", "eperm", "eproto", "enotsup", "etimedout"])
@in_runtime
async def test_a_connection_that_failed_before_it_was_accepted_is_passed_over(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = SocketListener(listening())
    here = await dial(listener)
    failures = [reason, reason]
    attempt = Accept.attempt

    def fails_first(self, actor, pid, patient):  # type: ignore[no-untyped-def]
        if failures:
            return Error(failures.pop())
        return attempt(self, actor, pid, patient)

    monkeypatch.setattr(Accept, "attempt", fails_first)
    there = await listener.accept()
    assert failures == []
    await there.send_all(b"well")
    assert await here.receive_some() == b"well"


@in_runtime
async def test_wrong_sockets_are_refused() -> None:
    with pytest.raises(TypeError, match="sock"):
        SocketListener("sock")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stream socket"):
        SocketListener(ok(socket.open("inet", "dgram")))
    with pytest.raises(ValueError, match="listens"):
        SocketListener(ok(socket.open("inet", "stream")))
    listener = SocketListener(listening())
    assert repr(listener) == f"SocketListener({listener.socket!r})"


@in_runtime
async def test_light_processes_accept_too() -> None:
    async def light(parent: Pid) -> None:
        async with SocketListener(listening()) as listener:
            here = await dial(listener)
            there = await listener.accept()
            await here.send_all(b"in a light process")
            send(parent, await there.receive_some())

    _, down = spawn_monitor(light, current_pid(), light=True)
    assert await receive(bytes) == b"in a light process"
    assert (await receive(down)).reason == "normal"
