"""Listeners on sockets of processes: accepting, closing, and errors of accept."""

import errno
from functools import partial

import pytest
import trio
from trio.testing import assert_checkpoints

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

from ..sockets import listener as listening_socket
from ..stories import in_runtime, no_more_descriptors
from .support import dial, every_domain, every_poller, is_open, listen, raising, waiting


@every_poller
@every_domain
@in_runtime
async def test_accepting_connections_that_wait_and_that_come_later(domain: str) -> None:
    listener = listen(domain)
    accepted: list[SocketStream] = []

    async def accepts(times: int) -> None:
        for _ in range(times):
            with assert_checkpoints():
                accepted.append(await listener.accept())

    here = [await dial(listener), await dial(listener)]
    await accepts(2)
    async with waiting(partial(accepts, 1)):
        here.append(await dial(listener))
        # The task that accepted the third one owned it, and has ended.
    assert [is_open(stream) for stream in accepted] == [True, True, False]
    await accepted[0].send_all(b"you are the first")
    assert await here[0].receive_some() == b"you are the first"


@in_runtime
async def test_closing_ends_the_waiting_but_no_connection() -> None:
    listener = listen()
    here = await dial(listener)
    there = await listener.accept()

    async with waiting(raising(trio.ClosedResourceError, listener.accept)) as nursery:
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
async def test_a_listener_closes_with_its_owner() -> None:
    async def opener(parent: Pid) -> None:
        send(parent, listen())
        await receive()

    owner, down = spawn_monitor(opener, current_pid())
    listener = await receive(SocketListener)
    async with waiting(raising(trio.ClosedResourceError, listener.accept)):
        exit(owner, "shutdown")
        await receive(down)


@in_runtime
async def test_a_cancelled_accept_loses_no_connection() -> None:
    listener = listen()
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
async def test_several_listeners_on_one_socket() -> None:
    sock = listening_socket()
    served: list[int] = []

    async def serves(number: int) -> None:
        await SocketListener(sock).accept()
        served.append(number)

    async with waiting(*(partial(serves, number) for number in range(3))):
        for _ in range(3):
            await dial(SocketListener(sock))
    assert served == [0, 1, 2]  # in the order in which they asked


@in_runtime
async def test_an_exit_signal_ends_the_waiting_of_an_adopted_task() -> None:
    listener = listen()
    ended: list[object] = []

    async def accepts() -> None:
        send(parent, current_pid())
        try:
            await listener.accept()
        except ExitSignal as exc:
            ended.append(exc.reason)

    parent = current_pid()
    async with waiting(accepts):
        exit(await receive(Pid), "enough")
    assert ended == ["enough"]


@in_runtime
async def test_no_more_descriptors() -> None:
    listener = listen()
    await dial(listener)
    with no_more_descriptors():
        with pytest.raises(OSError, match="Too many open files") as caught:
            await listener.accept()
        assert caught.value.errno == errno.EMFILE
    async with await listener.accept():
        pass


@pytest.mark.parametrize("reason", ["econnaborted", "eperm", "eproto", "enotsup", "etimedout"])
@in_runtime
async def test_a_connection_that_fails_before_it_is_accepted_is_skipped(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen()
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
async def test_wrong_sockets() -> None:
    with pytest.raises(TypeError, match="sock"):
        SocketListener("sock")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stream socket"):
        SocketListener(ok(socket.open("inet", "dgram")))
    with pytest.raises(ValueError, match="listens"):
        SocketListener(ok(socket.open("inet", "stream")))
    listener = listen()
    assert repr(listener) == f"SocketListener({listener.socket!r})"


@in_runtime
async def test_a_light_process_accepts() -> None:
    async def light(parent: Pid) -> None:
        async with listen() as listener:
            here = await dial(listener)
            there = await listener.accept()
            await here.send_all(b"in a light process")
            send(parent, await there.receive_some())

    _, down = spawn_monitor(light, current_pid(), light=True)
    assert await receive(bytes) == b"in a light process"
    assert (await receive(down)).reason == "normal"
