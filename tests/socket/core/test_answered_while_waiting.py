"""A blocked caller whose operation is continued by the socket's actor: the caller gets the result.

If the caller is killed or cancelled in between, it is as if nothing had been read: every byte
is there for the next reader, in its place, and counted once.
"""

from collections.abc import Callable

import attrs
import pytest
from trio.testing import MockClock

from actorsock import (
    Down,
    Error,
    Ok,
    current_pid,
    exit,
    receive,
    send,
    socket,
    spawn_handler,
    spawn_monitor,
)
from actorsock.socket import Socket
from actorsock.socket.core.actor import actor_of

from ...stories import in_runtime, until
from ..support import (
    NOWHERE_NEAR,
    Job,
    Peer,
    Scoped,
    Worker,
    arrives,
    connected,
    every_body,
    every_violent_ending,
    info_of,
    readers,
    selected,
    workers,
    writers,
)

PATTERN = bytes(range(256)) * 40


@attrs.frozen
class Reading:
    """A process that waits to receive."""

    sock: Socket
    peer: Peer
    worker: Worker
    job: Job

    def is_served(self, data: bytes) -> None:
        """Let `data` arrive and be read for the process, which has not run again afterwards."""
        self.peer.sendall(data)
        arrives(self.sock)
        actor_of(self.sock).on_ready(True, False, False)
        assert not self.job.done


async def reading(body: str, *args: object, **keywords: object) -> Reading:
    """Make a process that waits in `recv` with these arguments."""
    sock, peer = await connected()
    [worker] = workers(1, body)
    job = worker.tell(socket.recv, sock, *args, **keywords)
    await readers(sock, 1)
    return Reading(sock, peer, worker, job)


async def reading_in_a_scope() -> tuple[Reading, Scoped]:
    """Make a process that waits in `recv` in a cancel scope."""
    sock, peer = await connected()
    [worker] = workers(1)
    scoped = Scoped()
    it = Reading(sock, peer, worker, worker.tell(scoped.call, socket.recv, sock))
    await readers(sock, 1)
    return it, scoped


LENGTHS = pytest.mark.parametrize("length", [0, 6], ids=["what is there", "a length"])


# --- the caller gets the result -------------------------------------------------------------------


@every_body
@LENGTHS
@in_runtime
async def test_the_caller_gets_the_bytes(body: str, length: int) -> None:
    it = await reading(body, length)
    it.is_served(b"abcdef")
    assert await it.job.answer() == Ok(b"abcdef")
    assert socket.info(it.sock).num_readers == 0


@every_body
@in_runtime
async def test_other_readers_queue_until_the_caller_has_run(body: str) -> None:
    it = await reading(body)
    it.is_served(b"abc")
    info = info_of(socket.recv_nowait(it.sock))
    it.peer.sendall(b"def")
    assert await it.job.answer() == Ok(b"abc")
    assert await receive(info.ref) == selected(it.sock, info)
    assert await socket.recv(it.sock) == Ok(b"def")


@in_runtime
async def test_a_cancel_after_the_read_is_too_late() -> None:
    it, scoped = await reading_in_a_scope()
    it.is_served(b"abc")
    scoped.cancel()
    assert await it.job.answer() == Ok(b"abc")


@every_body
async def test_a_time_out_after_the_read_is_too_late(body: str, mock_clock: MockClock) -> None:
    @in_runtime
    async def story() -> None:
        it = await reading(body, timeout=5)
        it.is_served(b"abc")
        mock_clock.jump(10)
        assert await it.job.answer() == Ok(b"abc")

    await story()


@every_body
@in_runtime
async def test_a_close_after_the_read_is_too_late(body: str) -> None:
    it = await reading(body)
    it.is_served(b"abc")
    assert await socket.close(it.sock) == Ok()
    assert await it.job.answer() == Ok(b"abc")


@every_body
@in_runtime
async def test_a_reader_is_woken_also_after_another_call_failed(body: str) -> None:
    sock, peer = await connected()
    assert await socket.recv(sock, timeout=0.01) == Error("timeout")
    info = info_of(socket.recv_nowait(sock))
    peer.sendall(b"a")
    assert await receive(info.ref) == selected(sock, info)
    assert socket.recv_nowait(sock, 1, ["oob"]) == Error("einval")
    [worker] = workers(1, body)
    for data in (b"a", b"b", b"c"):
        job = worker.tell(socket.recv, sock)
        if data != b"a":
            await readers(sock, 1)
            peer.sendall(data)
        assert await job.answer() == Ok(data)


# --- the caller is gone ---------------------------------------------------------------------------


@every_body
@every_violent_ending
@LENGTHS
@in_runtime
async def test_a_kill_after_the_read_gives_the_bytes_back(body: str, how: str, length: int) -> None:
    it = await reading(body, length)
    it.is_served(b"abcdef")
    it.peer.sendall(b"ghi")
    await it.worker.dies(how)
    assert await socket.recv(it.sock, 9) == Ok(b"abcdefghi")


@every_body
@every_violent_ending
@in_runtime
async def test_the_bytes_go_to_the_next_in_the_queue(body: str, how: str) -> None:
    it = await reading(body)
    [second] = workers(1, body)
    job = second.tell(socket.recv, it.sock)
    await readers(it.sock, 2)
    it.is_served(b"abc")
    await it.worker.dies(how)
    assert await job.answer() == Ok(b"abc")


@every_body
@in_runtime
async def test_the_next_in_the_queue_is_selected_also_without_blocking(body: str) -> None:
    it = await reading(body)
    info = info_of(socket.recv_nowait(it.sock))
    it.is_served(b"abc")
    await it.worker.dies("kill")
    assert await receive(info.ref) == selected(it.sock, info)
    assert socket.recv_nowait(it.sock) == Ok(b"abc")


@every_body
@in_runtime
async def test_a_part_of_a_length_wakes_no_process_and_comes_back(body: str) -> None:
    it = await reading(body, 6)
    it.is_served(b"abc")
    await until(lambda: socket.info(it.sock).counters["read_byte"] == 3)
    assert not it.job.done
    await it.worker.dies("kill")
    it.peer.sendall(b"def")
    assert await socket.recv(it.sock, 6) == Ok(b"abcdef")


@in_runtime
async def test_a_cancel_before_the_read_leaves_the_bytes() -> None:
    it, scoped = await reading_in_a_scope()
    scoped.cancel()
    it.is_served(b"abc")
    assert await it.job.answer() == "cancelled"
    assert await socket.recv(it.sock) == Ok(b"abc")


@every_body
@in_runtime
async def test_a_kill_before_the_read_leaves_the_bytes(body: str) -> None:
    it = await reading(body)
    exit(it.worker.pid, "kill")
    it.is_served(b"abc")
    assert await socket.recv(it.sock) == Ok(b"abc")


@every_body
@in_runtime
async def test_bytes_that_were_returned_do_not_come_back_as_the_process_ends(body: str) -> None:
    sock, peer = await connected()
    main = current_pid()
    killer = spawn_handler(lambda pid: exit(pid, "kill"))

    async def reader() -> None:
        send(main, await socket.recv(sock))
        send(killer, current_pid())
        await socket.recv(sock)  # which raises at once, since the process is killed

    pid, ref = spawn_monitor(reader, light=body == "light")
    await readers(sock, 1)
    peer.sendall(b"seen")
    assert await receive(Ok) == Ok(b"seen")
    assert await receive(ref) == Down(ref, pid, "killed")
    peer.sendall(b"new")
    assert await socket.recv(sock, 3) == Ok(b"new")


@every_body
@in_runtime
async def test_bytes_and_messages_are_counted_once(body: str) -> None:
    it = await reading(body)
    it.is_served(b"abc")
    await it.worker.dies("kill")
    assert await socket.recv(it.sock) == Ok(b"abc")
    counters = socket.info(it.sock).counters
    assert (counters["read_byte"], counters["read_pkg"], counters["read_pkg_max"]) == (3, 1, 3)


@every_body
@in_runtime
async def test_the_next_reader_gets_the_end_of_the_stream_too(body: str) -> None:
    it = await reading(body, 6)
    it.peer.sendall(b"abc")
    it.peer.close()
    arrives(it.sock)
    actor_of(it.sock).on_ready(True, False, True)
    await it.worker.dies("kill")
    assert await socket.recv(it.sock, 6) == Error("closed", b"abc")


# --- sending --------------------------------------------------------------------------------------


@every_body
@pytest.mark.parametrize(
    "send", [socket.send, lambda sock, data: socket.sendmsg(sock, {"iov": [data]})]
)
@in_runtime
async def test_a_long_send_is_continued(body: str, send: Callable[[Socket, bytes], object]) -> None:
    sock, peer = await connected()
    [worker] = workers(1, body)
    data = PATTERN * (NOWHERE_NEAR // len(PATTERN))
    job = worker.tell(send, sock, data)
    await writers(sock, 1)
    assert await peer.read_exactly(len(data)) == data
    assert await job.answer() == Ok()
    counters = socket.info(sock).counters
    assert (counters["write_byte"], counters["write_pkg"]) == (len(data), 1)


@every_body
@every_violent_ending
@in_runtime
async def test_a_killed_sender_sends_no_more(body: str, how: str) -> None:
    sock, peer = await connected()
    [worker] = workers(1, body)
    worker.tell(socket.send, sock, bytes(NOWHERE_NEAR))
    await writers(sock, 1)
    await worker.dies(how)
    sent = socket.info(sock).counters["write_byte"]
    assert sent < NOWHERE_NEAR
    [after] = workers(1, body)
    job = after.tell(socket.send, sock, b"end")
    assert await peer.read_exactly(sent + 3) == bytes(sent) + b"end"
    assert await job.answer() == Ok()
