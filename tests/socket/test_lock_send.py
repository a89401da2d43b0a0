"""Who may send: one process at a time, the others in the order in which they asked.

A send that must wait keeps its turn until all of it has gone, so what the peer gets is one send
after the other.
"""

from collections.abc import Callable
from tempfile import TemporaryFile
from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    Select,
    current_pid,
    exit,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import SelectInfo, SelectMessage, Socket

from ..stories import in_runtime, until
from .support import (
    NOWHERE_NEAR,
    Peer,
    Scoped,
    Worker,
    aborted,
    at_rest,
    connected,
    every_body,
    every_violent_ending,
    info_of,
    listening,
    reset,
    selected,
    tcp,
    workers,
    writers,
)

MUCH = b"0" * NOWHERE_NEAR


@attrs.frozen
class Line:
    """A connection that is full, on which processes wait to send, in this order.

    Worker n sends bytes that are the digit n; none of the sends blocks.
    """

    sock: Socket
    peer: Peer
    workers: list[Worker]
    infos: list[SelectInfo]
    sent: int
    """How many bytes of the first have gone."""

    async def drains(self, to: int = 0) -> bytes:
        """The peer reads, until the select has reached the one that is current."""
        return await self.peer.read_until(self.workers[to].mail)

    async def sends(self, number: int, size: int) -> Any:
        """One of the processes takes its select and sends."""
        worker = self.workers[number]
        assert await worker.ask(receive, SelectMessage) == self.select(number)
        return await worker.ask(socket.send_nowait, self.sock, b"%d" % number * size)

    async def are_served(self, *numbers: int) -> None:
        """These, in this order, are told and served; nobody else is."""
        for number in numbers:
            await self.drains(to=number)
            assert await self.sends(number, 1) == Ok()
        await at_rest()
        assert not any(self.mails())
        assert self.waiting() == 0

    def select(self, number: int) -> SelectMessage:
        return selected(self.sock, self.infos[number])

    def mails(self) -> list[list[Any]]:
        return [worker.mail() for worker in self.workers]

    def waiting(self) -> int:
        return socket.info(self.sock).num_writers


async def line(count: int) -> Line:
    """So many processes, the first of them current."""
    sock, peer = await connected()
    waiting = workers(count)
    infos = []
    sent = 0
    for number, worker in enumerate(waiting):
        answer = await worker.ask(socket.send_nowait, sock, MUCH if not number else b"%d" % number)
        infos.append(info_of(answer))
        if number:
            assert answer.data is None
        else:
            sent = len(MUCH) - len(answer.data)
    here = Line(sock, peer, waiting, infos, sent)
    assert here.waiting() == count
    return here


# --- one queue ------------------------------------------------------------------------------------


@in_runtime
async def test_each_is_told_in_its_turn() -> None:
    here = await line(3)
    came = await here.drains()
    await at_rest()
    assert here.mails() == [[here.select(0)], [], []]
    assert await here.sends(0, 10) == Ok()
    assert here.mails() == [[], [here.select(1)], []]
    assert await here.sends(1, 10) == Ok()
    assert here.mails() == [[], [], [here.select(2)]]
    assert await here.sends(2, 10) == Ok()
    assert here.waiting() == 0
    came += await here.peer.read_exactly(here.sent + 30 - len(came))
    assert came == b"0" * (here.sent + 10) + b"1" * 10 + b"2" * 10


@every_body
@in_runtime
async def test_who_asks_while_another_is_current_waits_though_there_is_room(body: str) -> None:
    here = await line(1)
    await here.drains()
    late, later = workers(2, body)
    info = info_of(await late.ask(socket.sendmsg_nowait, here.sock, {"iov": [b"late"]}))
    assert info.tag == "sendmsg"
    job = later.tell(socket.send, here.sock, b"later")
    await writers(here.sock, 3)
    await at_rest()
    assert here.mails() == [[here.select(0)]]
    assert late.mail() == []
    assert not job.done
    assert await here.sends(0, 1) == Ok()
    assert late.mail() == [selected(here.sock, info)]
    assert await late.ask(socket.sendmsg_nowait, here.sock, {"iov": [b"late"]}) == Ok()
    assert await job.answer() == Ok()
    assert (await here.peer.read_until(lambda: here.waiting() == 0)).endswith(b"0latelater")


@every_body
@in_runtime
async def test_what_blocked_processes_send_does_not_mix(body: str) -> None:
    sock, peer = await connected()
    jobs = []
    for number, worker in enumerate(workers(4, body)):
        jobs.append(worker.tell(socket.send, sock, b"%d" % number * NOWHERE_NEAR))
        await writers(sock, number + 1)
    data = await peer.read_exactly(4 * NOWHERE_NEAR)
    assert [await job.answer() for job in jobs] == [Ok()] * 4
    for number in range(4):
        part = data[number * NOWHERE_NEAR : (number + 1) * NOWHERE_NEAR]
        assert part.count(b"%d" % number) == NOWHERE_NEAR
    assert socket.info(sock).num_writers == 0


@in_runtime
async def test_all_ways_to_send_wait_in_one_queue() -> None:
    here = await line(1)
    workers_ = workers(4)
    with TemporaryFile() as file:
        file.write(b"file")
        file.flush()
        calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
            (socket.send_nowait, (b"send",)),
            (socket.sendmsg_nowait, ({"iov": [b"m", b"s", b"g"]},)),
            (socket.sendv_nowait, ([b"v"],)),
            (socket.sendfile_nowait, (file,)),
        ]
        infos = [
            info_of(await worker.ask(call, here.sock, *args))
            for worker, (call, args) in zip(workers_, calls, strict=True)
        ]
        assert [info.tag for info in infos] == ["send", "sendmsg", "sendv", "sendfile"]
        came = await here.drains()
        assert await here.sends(0, 1) == Ok()
        for worker, (call, args), info in zip(workers_, calls, infos, strict=True):
            assert await worker.ask(receive, SelectMessage) == selected(here.sock, info)
            ok(await worker.ask(call, here.sock, *args))
    came += await here.peer.read_exactly(here.sent + 1 + 12 - len(came))
    assert came.endswith(b"0sendmsgvfile")


@in_runtime
async def test_part_of_what_was_to_be_sent_keeps_the_turn() -> None:
    here = await line(2)
    came = await here.drains()
    [first, second] = here.workers
    assert await first.ask(receive, SelectMessage) == here.select(0)
    answer = await first.ask(socket.send_nowait, here.sock, MUCH, here.infos[0])
    info = info_of(answer)
    assert 0 < len(answer.data) < len(MUCH)
    await at_rest()
    assert second.mail() == []
    came += await here.drains()
    assert here.mails() == [[selected(here.sock, info)], []]
    assert came == b"0" * len(came)


# --- the current process leaves -------------------------------------------------------------------


@in_runtime
async def test_when_the_current_cancels_in_time_the_next_is_current() -> None:
    here = await line(3)
    assert await here.workers[0].ask(socket.cancel, here.sock, here.infos[0]) == Ok()
    await at_rest()
    assert here.mails() == [[], [], []]
    came = await here.drains(to=1)
    await at_rest()
    assert here.mails() == [[], [here.select(1)], []]
    # What has gone has gone, and what the next sends comes behind it.
    assert await here.sends(1, 3) == Ok()
    came += await here.peer.read_exactly(here.sent + 3 - len(came))
    assert came == b"0" * here.sent + b"111"


@every_body
@in_runtime
async def test_when_the_current_times_out_the_next_is_current(
    mock_clock: MockClock, body: str
) -> None:
    sock, peer = await connected()
    a, b, c = workers(3, body)
    first = a.tell(socket.send, sock, MUCH, timeout=1)
    await writers(sock, 1)
    second = b.tell(socket.send, sock, b"second")
    await writers(sock, 2)
    info = info_of(await c.ask(socket.send_nowait, sock, b"third"))
    mock_clock.jump(1)
    answer = await first.answer()
    assert answer == Error("timeout", answer.data)
    sent = len(MUCH) - len(answer.data)
    assert socket.info(sock).num_writers == 2
    assert await peer.read_exactly(sent + 6) == b"0" * sent + b"second"
    assert await second.answer() == Ok()
    await until(c.mail)
    assert c.mail() == [selected(sock, info)]


@every_violent_ending
@every_body
@in_runtime
async def test_when_the_current_dies_in_a_blocking_call_the_next_is_current(
    body: str, how: str
) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    a.tell(socket.send, sock, MUCH)
    await writers(sock, 1)
    job = b.tell(socket.send, sock, b"next")
    await writers(sock, 2)
    await a.dies(how)
    assert socket.info(sock).num_writers == 1
    came = await peer.read_until(lambda: job.done)
    assert await job.answer() == Ok()
    came += peer.read()
    assert came == b"0" * (len(came) - 4) + b"next"


@pytest.mark.parametrize("stage", ["current", "queued"])
@in_runtime
async def test_a_cancelled_sender_leaves_the_queue(stage: str) -> None:
    sock, peer = await connected()
    a, b, c = workers(3)
    scoped = Scoped()
    other: tuple[Callable[..., Any], ...] = (socket.send,)
    cancelled: tuple[Callable[..., Any], ...] = (scoped.call, socket.send)
    first = a.tell(*(cancelled if stage == "current" else other), sock, MUCH)
    await writers(sock, 1)
    second = b.tell(*(cancelled if stage == "queued" else other), sock, b"1" * 1000)
    await writers(sock, 2)
    third = c.tell(socket.send, sock, b"2" * 1000)
    await writers(sock, 3)
    scoped.cancel()
    if stage == "queued":
        assert await second.answer() == "cancelled"
        assert await peer.read_exactly(len(MUCH) + 1000) == MUCH + b"2" * 1000
        assert await first.answer() == Ok()
    else:
        assert await first.answer() == "cancelled"
        came = await peer.read_until(lambda: third.done)
        assert await second.answer() == Ok()
        ok(socket.shutdown(sock, "write"))
        while part := peer.recv(2**20):
            came += part
        assert came.lstrip(b"0") == b"1" * 1000 + b"2" * 1000
    assert await third.answer() == Ok()
    assert socket.info(sock).num_writers == 0


@every_violent_ending
@every_body
@in_runtime
async def test_who_is_killed_between_its_select_and_its_turn_sends_nothing(
    body: str, how: str
) -> None:
    sock, peer = await connected()
    mine = info_of(socket.send_nowait(sock, MUCH))
    [a] = workers(1, body)
    a.tell(socket.send, sock, b"never sent")
    await writers(sock, 2)
    me = Worker(current_pid())
    came = await peer.read_until(me.mail)
    await receive(SelectMessage)
    down = monitor(a.pid)
    # It is told that it is its turn, and has no time to act.
    assert socket.cancel(sock, mine) == Ok()
    exit(a.pid, how)
    await receive(down)
    assert socket.info(sock).num_writers == 0
    assert await socket.send(sock, b"end") == Ok()
    ok(socket.shutdown(sock, "write"))
    while part := peer.recv(2**20):
        came += part
    assert came == b"0" * (len(came) - 3) + b"end"


# --- the same process asks again ------------------------------------------------------------------


@every_body
@in_runtime
async def test_who_is_queued_may_not_ask_again(body: str) -> None:
    here = await line(1)
    [queued] = workers(1, body)
    info = info_of(await queued.ask(socket.send_nowait, here.sock, b"1"))
    assert await queued.ask(socket.send_nowait, here.sock, b"1") == Error("state")
    assert await queued.ask(socket.send_nowait, here.sock, b"1", info) == Error("state")
    assert await queued.ask(socket.sendv_nowait, here.sock, [b"1"]) == Error("state")
    assert await queued.ask(socket.send, here.sock, b"1") == Error("state")
    assert await queued.ask(socket.send, here.sock, b"1", timeout=0) == Error("state")
    await here.drains()
    assert await here.sends(0, 1) == Ok()
    assert queued.mail() == [selected(here.sock, info)]
    assert await queued.ask(socket.send, here.sock, b"1") == Ok()


@in_runtime
async def test_the_current_replaces_its_handle_in_silence() -> None:
    here = await line(2)
    first, second = here.workers
    new = info_of(await first.ask(socket.send_nowait, here.sock, MUCH))
    assert first.mail() == []
    assert await first.ask(socket.cancel, here.sock, here.infos[0]) == Error("select_info")
    await here.drains()
    await at_rest()
    assert first.mail() == [selected(here.sock, new)]
    assert second.mail() == []
    assert await first.ask(socket.cancel, here.sock, new) == Ok()
    assert here.mails() == [[], [here.select(1)]]


@in_runtime
async def test_close_aborts_the_new_handle_of_the_current_only() -> None:
    here = await line(1)
    new = info_of(await here.workers[0].ask(socket.send_nowait, here.sock, MUCH))
    ok(await socket.close(here.sock))
    assert here.mails() == [[aborted(here.sock, new, "closed")]]


@every_body
@in_runtime
async def test_a_blocking_call_takes_over_from_a_pending_one(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    rest = (await a.ask(socket.send_nowait, sock, MUCH)).data
    behind = info_of(await b.ask(socket.send_nowait, sock, b"1"))
    job = a.tell(socket.send, sock, rest)
    await at_rest()
    assert socket.info(sock).num_writers == 2
    assert await peer.read_exactly(len(MUCH)) == MUCH
    assert await job.answer() == Ok()
    assert a.mail() == []
    await until(b.mail)
    assert b.mail() == [selected(sock, behind)]


@every_body
@in_runtime
async def test_when_the_call_that_took_over_times_out_nothing_is_pending(
    mock_clock: MockClock, body: str
) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    answer = await a.ask(socket.send_nowait, sock, MUCH)
    job = a.tell(socket.send, sock, answer.data, timeout=1)
    await at_rest()
    mock_clock.jump(1)
    assert (await job.answer()).reason == "timeout"
    assert socket.info(sock).num_writers == 0
    peer.read()
    await at_rest()
    assert a.mail() == []
    assert await a.ask(socket.cancel, sock, answer.info) == Error("select_info")


@in_runtime
async def test_a_wrong_argument_disturbs_nobody() -> None:
    here = await line(2)
    for worker in here.workers:
        with pytest.raises(ValueError, match="flag"):
            await worker.ask(socket.send_nowait, here.sock, b"1", ["no such flag"])
        with pytest.raises(TypeError):
            await worker.ask(socket.send, here.sock, 1)
    await here.are_served(0, 1)


# --- a poll ---------------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_a_poll_does_not_pass_the_current(body: str) -> None:
    here = await line(2)
    [stranger] = workers(1, body)
    assert await stranger.ask(socket.send, here.sock, b"2", timeout=0) == Error("timeout")
    came = await here.drains()
    assert await stranger.ask(socket.send, here.sock, b"2", timeout=0) == Error("timeout")
    assert here.waiting() == 2
    assert here.mails() == [[here.select(0)], []]
    assert await here.sends(0, 1) == Ok()
    assert await here.sends(1, 1) == Ok()
    came += await here.peer.read_exactly(here.sent + 2 - len(came))
    assert came.endswith(b"01")


@every_body
@in_runtime
async def test_a_poll_sends_what_there_is_room_for(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    answer = await a.ask(socket.send, sock, MUCH, timeout=0)
    assert answer == Error("timeout", answer.data)
    sent = len(MUCH) - len(answer.data)
    assert sent > 0
    assert socket.info(sock).num_writers == 0
    assert await b.ask(socket.send, sock, b"1", timeout=0) == Error("timeout")
    assert await peer.read_exactly(sent) == b"0" * sent


# --- send and connect exclude each other ----------------------------------------------------------


@pytest.mark.parametrize("who", ["the current", "a queued process", "another process"])
@in_runtime
async def test_nobody_connects_while_a_sender_waits(who: str) -> None:
    here = await line(2)
    [other] = workers(1)
    asks = {"the current": here.workers[0], "a queued process": here.workers[1]}.get(who, other)
    _, address = listening()
    assert await asks.ask(socket.connect_nowait, here.sock, address) == Error("state")
    assert await asks.ask(socket.connect_nowait, here.sock) == Error("state")
    assert await asks.ask(socket.connect, here.sock, address) == Error("state")
    assert await asks.ask(socket.connect, here.sock, address, 0) == Error("state")
    await here.are_served(0, 1)
    # From here on it is the system that answers: once as to who has connected before.
    assert await asks.ask(socket.connect_nowait, here.sock, address) == Ok()
    assert await asks.ask(socket.connect_nowait, here.sock, address) == Error("eisconn")


# --- what ends it for everybody -------------------------------------------------------------------


@every_body
@in_runtime
async def test_a_reset_is_told_to_everybody_who_waits(body: str) -> None:
    here = await line(2)
    [blocked] = workers(1, body)
    job = blocked.tell(socket.send, here.sock, b"2")
    await writers(here.sock, 3)
    reset(here.peer)
    await until(here.workers[0].mail)
    answer = await here.sends(0, 1)
    assert answer in (Error("econnreset"), Error("epipe"))
    assert here.mails()[1] == [aborted(here.sock, here.infos[1], answer.reason)]
    assert await job.answer() == answer
    assert here.waiting() == 0
    assert await here.workers[1].ask(socket.send_nowait, here.sock, b"1") == Error("epipe")


@every_body
@in_runtime
async def test_a_blocked_sender_that_meets_a_reset_has_it_told_to_the_others(body: str) -> None:
    sock, peer = await connected()
    a, b, c = workers(3, body)
    first = a.tell(socket.send, sock, MUCH)
    await writers(sock, 1)
    second = b.tell(socket.send, sock, b"1")
    await writers(sock, 2)
    info = info_of(await c.ask(socket.send_nowait, sock, b"2"))
    reset(peer)
    answer = await first.answer()
    assert answer == Error(answer.reason, answer.data)
    assert 0 < len(answer.data) < len(MUCH)
    assert await second.answer() == Error(answer.reason)
    assert c.mail() == [aborted(sock, info, answer.reason)]


@every_body
@in_runtime
async def test_shutting_down_the_write_side_is_told_to_everybody_who_waits(body: str) -> None:
    here = await line(2)
    [blocked] = workers(1, body)
    job = blocked.tell(socket.send, here.sock, b"2")
    await writers(here.sock, 3)
    assert socket.shutdown(here.sock, "write") == Ok()
    await until(here.workers[0].mail)
    await at_rest()
    assert here.mails() == [[here.select(0)], []]
    assert not job.done
    assert await here.sends(0, 1) == Error("epipe")
    assert here.mails()[1] == [aborted(here.sock, here.infos[1], "epipe")]
    assert await job.answer() == Error("epipe")


@every_body
@in_runtime
async def test_a_blocked_sender_is_told_what_was_left_when_its_side_is_shut_down(
    body: str,
) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    first = a.tell(socket.send, sock, MUCH)
    await writers(sock, 1)
    second = b.tell(socket.send, sock, b"1")
    await writers(sock, 2)
    assert socket.shutdown(sock, "write") == Ok()
    answer = await first.answer()
    assert answer == Error("epipe", answer.data)
    assert await second.answer() == Error("epipe")
    sent = len(MUCH) - len(answer.data)
    assert await peer.read_exactly(sent) == b"0" * sent


@in_runtime
async def test_a_socket_that_is_not_connected_makes_nobody_wait() -> None:
    sock = tcp()
    [a] = workers(1)
    for call in (socket.send_nowait, socket.send):
        assert await a.ask(call, sock, b"0") == Error("epipe")
    assert socket.info(sock).num_writers == 0


# --- handlers -------------------------------------------------------------------------------------


@in_runtime
async def test_handlers_send_in_turn() -> None:
    sock, peer = await connected()
    done: list[str] = []

    def sender(name: str) -> Callable[[object], None]:
        left = [name.encode() * NOWHERE_NEAR]

        def handle(message: object) -> None:
            answer = socket.send_nowait(sock, left[0])
            if isinstance(answer, Select):
                left[0] = left[0] if answer.data is None else answer.data
            else:
                assert answer == Ok()
                done.append(name)

        return handle

    for name in "ABC":
        send(spawn_handler(sender(name)), "begin")
    data = await peer.read_exactly(3 * NOWHERE_NEAR)
    assert done == ["A", "B", "C"]
    assert data == b"".join(name.encode() * NOWHERE_NEAR for name in "ABC")
