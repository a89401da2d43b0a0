"""A limit to a mailbox: what is dropped, what is not, and who is told."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Exit,
    Limit,
    Pid,
    current_pid,
    exit,
    is_alive,
    link,
    mailbox,
    monitor,
    ok,
    open_runtime,
    otp,
    process_info,
    receive,
    send,
    send_after,
    socket,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trace,
    trap_exit,
)
from actorsock.runtime.bodies import limited_process

BODIES = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


def is_end(message: Any) -> bool:
    """The pattern of a receive for the word."""
    return message == "end"


def is_now(message: Any) -> bool:
    """The same for another word."""
    return message == "now"


async def idle() -> None:
    """Take nothing out of the mailbox, until told to end."""
    await receive(is_end)


def held(pid: Pid) -> list[Any]:
    """The messages in the mailbox of a process."""
    items = process_info(pid, ["messages"])
    return [] if items is None else items["messages"]


async def end(pid: Pid) -> None:
    """End a process, and wait until it has."""
    ref = monitor(pid)
    exit(pid, "kill")
    await receive(ref)
    assert pid not in limited_process._states


@BODIES
@pytest.mark.parametrize("begun", [False, True], ids=["not begun", "waiting"])
@pytest.mark.parametrize(("action", "left"), [("drop_new", [0, 1, 2]), ("drop_old", [3, 4, 5])])
async def test_dropping(
    runtime: None, light: bool, begun: bool, action: Any, left: list[int]
) -> None:
    pid = spawn(idle, light=light, max_mailbox=Limit(3, action))
    if begun:
        await wait_all_tasks_blocked()
    for number in range(6):
        assert send(pid, number) == number
    await wait_all_tasks_blocked()
    assert held(pid) == left
    assert process_info(pid, ["max_mailbox", "dropped", "message_queue_len"]) == {
        "max_mailbox": Limit(3, action),
        "dropped": 3,
        "message_queue_len": 3,
    }
    await end(pid)


@BODIES
@pytest.mark.parametrize("trapping", [False, True])
async def test_killing(runtime: None, light: bool, trapping: bool) -> None:
    async def process() -> None:
        trap_exit(trapping)
        await idle()

    trap_exit(True)
    pid, ref = spawn_monitor(process, light=light, max_mailbox=Limit(3))
    link(pid)
    await wait_all_tasks_blocked()
    for number in range(3):
        send(pid, number)
    assert is_alive(pid)
    send(pid, 3)
    assert not is_alive(pid)
    assert held(pid) == []
    assert await receive(Exit) == Exit(pid, "max_mailbox")
    assert await receive(ref) == Down(ref, pid, "max_mailbox")
    assert pid not in limited_process._states
    trap_exit(False)


@BODIES
@pytest.mark.parametrize("action", ["kill", "drop_new", "drop_old"])
async def test_what_the_runtime_owes_is_never_dropped(
    runtime: None, light: bool, action: Any
) -> None:
    async def process(watched: Pid) -> None:
        trap_exit(True)
        monitor(watched)
        link(watched)
        sock = ok(socket.open("inet", "dgram"))
        ok(socket.bind(sock, {"family": "inet", "addr": "loopback", "port": 0}))
        socket.recvfrom_nowait(sock)
        otp.send_request(watched, "a question")
        send(main, "ready")
        await receive(is_end)

    main = current_pid()
    watched = spawn(answers_and_ends)
    pid = spawn(process, watched, light=light, max_mailbox=Limit(1, action))
    assert await receive() == "ready"
    send(pid, 1)
    send(watched, "now")
    await wait_all_tasks_blocked()
    kinds = {type(message).__name__ for message in held(pid)}
    assert kinds >= {"Answer", "Down", "Exit"}
    await end(pid)
    await wait_all_tasks_blocked()


async def answers_and_ends() -> None:
    call = await receive(otp.Call)
    await receive(is_now)
    otp.reply(call.caller, "an answer")


async def test_messages_of_a_timer_are_dropped(
    runtime: None, autojump_clock: trio.testing.MockClock
) -> None:
    pid = spawn(idle, max_mailbox=Limit(1, "drop_new"))
    send(pid, 1)
    send_after(1, pid, "by a timer")
    await trio.sleep(2)
    assert held(pid) == [1]
    await end(pid)


class Slow(otp.GenServer):
    """A server that answers nothing before it is let."""

    def init(self, may: trio.Event) -> None:
        self.may = may

    async def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        await self.may.wait()
        return otp.Reply(request)

    async def handle_cast(self, request: Any) -> None:
        pass


@pytest.mark.parametrize("action", ["kill", "drop_new", "drop_old"])
async def test_a_call_above_the_limit_is_refused_at_once(runtime: None, action: Any) -> None:
    may = trio.Event()
    server = ok(await otp.start(Slow, may, max_mailbox=Limit(2, action)))
    served = spawn(otp.call, server, "served")
    await wait_all_tasks_blocked()
    for request in (1, 2):
        otp.cast(server, request)
    with pytest.raises(otp.CallError) as failed:
        await otp.call(server, "too much", timeout=1000)
    assert (failed.value.reason, failed.value.server) == ("overloaded", server)
    ref = otp.send_request(server, "too much")
    assert await otp.receive_response(ref) == Error("overloaded", server)
    me = process_info(current_pid())
    assert (me.monitors, me.message_queue_len) == ([], 0)
    assert is_alive(server)
    may.set()
    await wait_all_tasks_blocked()
    assert await otp.call(server, "again") == "again"
    assert not is_alive(served)
    await otp.stop(server)


async def test_a_request_of_sys_and_a_stop_pass_a_full_mailbox(runtime: None) -> None:
    may = trio.Event()
    server = ok(await otp.start(Slow, may, max_mailbox=Limit(1, "drop_new")))
    spawn(otp.call, server, "served")
    await wait_all_tasks_blocked()
    otp.cast(server, 1)
    otp.cast(server, 2)
    stopper = spawn(otp.stop, server)
    await wait_all_tasks_blocked()
    assert len(held(server)) == 2
    may.set()
    await wait_all_tasks_blocked()
    assert not is_alive(server)
    assert not is_alive(stopper)


async def test_a_handler_has_a_limit_while_others_run(runtime: None) -> None:
    seen: list[int] = []

    def first(message: Any) -> None:
        for number in range(5):
            send(limited, number)

    limited = spawn_handler(seen.append, max_mailbox=Limit(2, "drop_new"))
    send(limited, "idle")
    flooding = spawn_handler(first)
    send(flooding, "go")
    assert seen == ["idle", 0, 1]
    for pid in (limited, flooding):
        exit(pid, "kill")


async def test_saved_messages_are_the_oldest(runtime: None) -> None:
    async def process() -> None:
        await receive(int)  # the texts are saved
        await idle()

    pid = spawn(process, max_mailbox=Limit(3, "drop_old"))
    for message in ("a", "b", 1):
        send(pid, message)
        await wait_all_tasks_blocked()
    for message in ("c", "d", "e"):
        send(pid, message)
    await wait_all_tasks_blocked()
    assert held(pid) == ["c", "d", "e"]
    await end(pid)


async def test_a_predicate_that_sends_to_its_own_process(runtime: None) -> None:
    taken: list[Any] = []

    def predicate(message: Any) -> bool:
        if message == "look":
            send(current_pid(), "one more")
        return message == "look"

    async def process() -> None:
        taken.append(await receive(predicate))
        await idle()

    pid = spawn(process, max_mailbox=Limit(2, "drop_old"))
    for message in ("look", "other"):
        send(pid, message)
    await wait_all_tasks_blocked()
    assert taken == ["look"]
    await end(pid)


async def test_one_record_when_it_begins_and_one_when_it_is_over(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def takes() -> None:
        async for message in mailbox():
            if message == "end":
                break
            await may.wait()

    may = trio.Event()
    pid = spawn(takes, max_mailbox=Limit(4, "drop_new"))
    await wait_all_tasks_blocked()
    for number in range(20):
        send(pid, number)
    assert [record.message.partition(" has ")[2] for record in caplog.records] == [
        "4 messages in its mailbox, and drops some"
    ]
    may.set()
    await wait_all_tasks_blocked()
    send(pid, "end")
    await wait_all_tasks_blocked()
    first, second = caplog.records
    assert (first.pid, second.pid) == (pid, pid)
    assert "drops messages no more: 16 by now" in second.message


async def test_a_traced_process_keeps_its_limit(runtime: None) -> None:
    pid = spawn(idle, max_mailbox=Limit(1, "drop_new"))
    kind = type(limited_process.alive[pid])
    with trace.session() as session:
        trace.process(session, pid, ["receive"])
        send(pid, 1)
        send(pid, 2)
    assert [event.what for event in session] == [1, 2]
    assert held(pid) == [1]
    assert type(limited_process.alive[pid]) is kind
    send(pid, 3)
    assert held(pid) == [1]
    await end(pid)


WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Limit(0), ValueError, "^length: expected a number of messages > 0, got 0"),
    (lambda: Limit("3"), TypeError, "^length: expected a number of messages > 0"),  # type: ignore[arg-type]
    (lambda: Limit(3, "block"), ValueError, "^action: expected one of 'kill', "),  # type: ignore[arg-type]
    (lambda: spawn(idle, max_mailbox=3), TypeError, "^max_mailbox: expected a Limit or None"),  # type: ignore[call-arg]
    (
        lambda: spawn_handler(print, max_mailbox=3),  # type: ignore[arg-type]
        TypeError,
        "^max_mailbox: expected a Limit or None",
    ),
]


@pytest.mark.parametrize(("function", "error", "text"), WRONG)
async def test_wrong_limits(
    runtime: None, function: Callable[[], object], error: type[Exception], text: str
) -> None:
    current_pid()
    with pytest.raises(error, match=text):
        function()


@given(
    st.integers(1, 4),
    st.sampled_from(["drop_new", "drop_old"]),
    st.lists(st.sampled_from(["text", "owed"]), max_size=12),
)
def test_the_limit_is_exact(length: int, action: Any, kinds: list[str]) -> None:
    """Compared with a list, message by message."""

    async def story() -> None:
        async with open_runtime():
            pid = spawn_link(idle, max_mailbox=Limit(length, action))
            process = limited_process.alive[pid]
            model: list[Any] = []
            for number, kind in enumerate(kinds):
                message = str(number) if kind == "text" else Exit(pid, number)
                process.deliver(message)
                if len(model) < length or kind == "owed":
                    model.append(message)
                elif action == "drop_old":
                    texts = [one for one in model if isinstance(one, str)]
                    if texts:
                        model.remove(texts[0])
                        model.append(message)
                assert held(pid) == model

    trio.run(story)
