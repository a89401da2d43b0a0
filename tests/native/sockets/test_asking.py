"""recv and send are coroutine functions, also where their native twins stand for them."""

import copy
import pickle
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from actorsock import Down, Ok, exit, ok, receive, socket, spawn_monitor
from actorsock.runtime.bodies.stacks import stack_of
from actorsock.runtime.core.process import alive
from actorsock.socket import Socket

from ...stories import until
from ..bodies import asked_in, each_body
from ..test_twins import connected


@asynccontextmanager
async def a_pair() -> AsyncIterator[tuple[Socket, Any]]:
    sock, peer = connected("inet")
    with peer:
        yield sock, peer
    await socket.close(sock)


@each_body
async def test_nothing_is_asked_before_it_is_awaited(light: bool, runtime: None) -> None:
    async def story() -> None:
        async with a_pair() as (sock, peer):
            peer.sendall(b"data")
            receiving: Any = socket.recv(sock)
            sending: Any = socket.send(sock, b"answer")
            while type(result := socket.recv_nowait(sock)) is not Ok:
                await receive(result.info.ref)  # type: ignore[union-attr]
            assert result == Ok(b"data")
            peer.sendall(b"more")
            assert await receiving == Ok(b"more")
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(10)
            assert await sending == Ok()
            assert peer.recv(10) == b"answer"
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                await sending

    await asked_in(light, story)


async def test_a_call_that_nobody_awaits_is_warned_of(runtime: None) -> None:
    async with a_pair() as (sock, _):
        for call, name in ((socket.recv, "recv"), (partial(socket.send, data=b""), "send")):
            for _ in range(2):
                with pytest.warns(RuntimeWarning, match=f"coroutine '{name}' was never awaited"):
                    call(sock)
        with pytest.warns(RuntimeWarning, match="coroutine 'send' was never awaited"):
            socket.send(sock, b"")
        socket.recv(sock).close()  # type: ignore[attr-defined]
        thrown: Any = socket.recv(sock)
        with pytest.raises(KeyError):
            thrown.throw(KeyError("thrown"))


@each_body
async def test_the_stack_shows_the_call(light: bool, runtime: None) -> None:
    async with a_pair() as (sock, peer):
        pid, ref = spawn_monitor(socket.recv, sock, light=light)
        process = alive[pid]
        await until(lambda: process.body.parked is sock._actor)
        calls = [(entry.module, entry.function) for entry in stack_of(process)]
        assert ("actorsock.socket.api.receiving", "recv") in calls
        peer.sendall(b"data")
        assert (await receive(ref)).reason == "normal"


@each_body
async def test_one_caller_awaits_it(light: bool, runtime: None) -> None:
    async with a_pair() as (sock, peer):
        receiving: Any = socket.recv(sock)

        async def awaits() -> None:
            assert await receiving == Ok(b"data")

        pid, ref = spawn_monitor(awaits, light=light)
        await until(lambda: alive[pid].body.parked is sock._actor)
        with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
            await receiving
        peer.sendall(b"data")
        assert (await receive(ref)).reason == "normal"


@each_body
async def test_the_traceback_of_a_signal_shows_the_call(light: bool, runtime: None) -> None:
    seen: list[str] = []

    async def reader(sock: Socket) -> None:
        try:
            await socket.recv(sock)
        except BaseException as exc:
            seen.extend(frame.name for frame in traceback.extract_tb(exc.__traceback__))
            raise

    async with a_pair() as (sock, peer):
        pid, ref = spawn_monitor(reader, sock, light=light)
        await until(lambda: alive[pid].body.parked is sock._actor)
        exit(pid, "the end")
        match await receive(ref):
            case Down(reason="the end"):
                assert seen[:2] == ["reader", "recv"]
        # It has left the lane.
        peer.sendall(b"data")
        assert await socket.recv(sock) == Ok(b"data")


async def test_trio_starts_it_like_any_function(runtime: None) -> None:
    async with a_pair() as (sock, peer), trio.open_nursery() as nursery:
        nursery.start_soon(socket.send, sock, b"sent")
        with trio.fail_after(5):
            assert await trio.to_thread.run_sync(peer.recv, 10) == b"sent"


@each_body
@pytest.mark.parametrize("size", [0, 1, 2**16, 2**16 + 1, 2**22])
@pytest.mark.parametrize("rcvbuf", [100, 8192, 2**17, (3, 100)])
async def test_what_is_not_plain_is_served_too(
    light: bool, size: int, rcvbuf: Any, runtime: None
) -> None:
    async def story() -> None:
        async with a_pair() as (sock, peer):
            ok(socket.setopt(sock, "otp", "rcvbuf", rcvbuf))
            other = ok(socket.open_fd(peer.fileno()))
            got = bytearray()

            async def reads() -> None:
                while len(got) < size:
                    got.extend(ok(await socket.recv(sock)))

            _, ref = spawn_monitor(reads, light=light)
            data = bytes(range(256)) * (size // 256) + bytes(size % 256)
            assert await socket.send(other, data) == Ok()
            assert (await receive(ref)).reason == "normal"
            assert got == data
            await socket.close(other)

    await asked_in(light, story)


@pytest.mark.parametrize("function", [socket.recv, socket.send, socket.recv_nowait])
def test_a_function_is_pickled_and_copied_by_its_name(function: Any) -> None:
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function
