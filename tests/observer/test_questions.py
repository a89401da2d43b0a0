"""What the observer tells about a program."""

import math
import re
from typing import Any

import pytest
import trio

from actorsock import (
    current_pid,
    gen_tcp,
    gen_udp,
    inet,
    observer,
    ok,
    otp,
    receive,
    register,
    send,
    send_after,
    set_label,
    socket,
    spawn,
    start_timer,
)
from actorsock.observer.questions.sockets import sockets
from actorsock.observer.web.parameters import Parameters
from actorsock.runtime.bodies.current import current_process

from ..stories import in_runtime
from .support import observed


async def waiting(label: object) -> None:
    set_label(label)
    await receive()


def rows_of(answer: Any) -> list[str]:
    return [row["label"] or row["name"] or row["function"] for row in answer["rows"]]


@in_runtime
async def test_the_list_is_sorted_filtered_and_cut() -> None:
    workers = [spawn(waiting, f"worker {number}") for number in range(5)]
    async with observed() as client:
        found = await client.get("/api/processes?word=worker&sort=name&down=0")
        assert rows_of(found) == [f"worker {number}" for number in range(5)]
        assert found["found"] == 5 < found["all"]
        cut = await client.get("/api/processes?word=worker&sort=name&first=1&count=2")
        assert rows_of(cut) == ["worker 3", "worker 2"]
        assert cut["first"] == 1
        one = await client.get("/api/processes?only=<0.99999999.0>," + repr(workers[2]))
        assert rows_of(one) == ["worker 2"]


@in_runtime
async def test_the_observer_and_sockets_are_left_out_unless_asked_for() -> None:
    async with observed() as client:
        plain = rows_of(await client.get("/api/processes?count=500"))
        own = rows_of(await client.get("/api/processes?count=500&own=1"))
        actors = rows_of(await client.get("/api/processes?count=500&sockets=1&own=1"))
    assert "observer" not in plain
    assert "observer" in own
    assert len(plain) < len(own) < len(actors)


class Till(otp.GenServer):
    def init(self) -> None:
        self.total = 3

    def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(self.total)


@in_runtime
async def test_one_process_and_what_may_not_be_told() -> None:
    till = ok(await otp.start(Till, name="till"))
    sleeper = spawn(waiting, ("the", "label"))
    async with observed() as client:
        one = await client.get(f"/api/process?pid={sleeper!r}")
        assert one["label"] == "('the', 'label')"
        assert one["waits"] == "receive"
        assert one["parent"] == repr(current_pid())
        assert any(entry["function"] == "waiting" for entry in one["stack"])
        server = await client.get(f"/api/process?pid={till!r}")
        assert server["name"] == "till"
        assert "state" not in server
        assert "messages" not in server
        ended = await client.get("/api/process?pid=<0.0.0>")
        assert ended == {"pid": "<0.0.0>", "ended": True}


@in_runtime
async def test_messages_and_states_are_told_where_that_is_allowed() -> None:
    till = ok(await otp.start(Till))
    deaf = spawn(receiving_only_refs)
    send(deaf, "a message")
    async with observed(messages=True) as client:
        assert (await client.get(f"/api/process?pid={till!r}"))["state"] == "{'total': 3}"
        assert (await client.get(f"/api/process?pid={deaf!r}"))["messages"] == ["'a message'"]


async def receiving_only_refs() -> None:
    await receive(lambda message: message == "the end")


@in_runtime
async def test_trees_sockets_timers_and_names() -> None:
    register("main", current_pid())
    child = spawn(waiting, "child")
    ref = start_timer(100, current_pid(), "later")
    send_after(50, "main", "sooner")
    listener = ok(socket.open("inet", "stream", "tcp"))
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    async with observed() as client:
        (root,) = (await client.get(f"/api/tree?root={current_pid()!r}"))["roots"]
        assert root["name"] == "main"
        assert repr(child) in [each["pid"] for each in root["children"]]
        found = await client.get("/api/sockets?word=127.0.0.1")
        row = next(row for row in found["rows"] if row["socket"] == repr(listener))
        assert row["owner"] == repr(current_pid())
        assert re.fullmatch(r"127\.0\.0\.1:\d+", row["local"])
        assert (row["module"], row["state"]) == ("socket", "bound, listening")
        timers = (await client.get("/api/timers"))["rows"]
        assert [timer["to"] for timer in timers] == ["main", repr(current_pid())]
        assert timers[1]["ref"] == repr(ref)
        assert (await client.get("/api/names?word=MAI"))["rows"][0]["pid"] == repr(current_pid())


@in_runtime
async def test_sockets_of_every_module_are_told() -> None:
    listener = ok(gen_tcp.listen(0, {"ip": "loopback", "active": False}))
    sock = ok(await gen_tcp.connect("127.0.0.1", ok(inet.port(listener)), {"active": "once"}))
    ok(await gen_tcp.send(sock, b"some bytes"))
    ok(gen_udp.open(0, {"ip": "loopback", "active": False}))
    async with observed() as client:
        rows = (await client.get("/api/sockets?word=gen_&sort=written"))["rows"]
    assert [(row["module"], row["state"], row["written"]) for row in rows] == [
        ("gen_tcp", "listening", 0),
        ("gen_udp", "active: False", 0),
        ("gen_tcp", "active: once", 10),
    ]


@in_runtime
async def test_others_run_while_many_sockets_are_looked_at() -> None:
    socks = [ok(gen_udp.open(0)) for _ in range(50)]

    async def closer() -> None:
        for sock in socks:
            gen_udp.close_nowait(sock)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(closer)
        told: Any = await sockets(current_process().node, Parameters("word=gen_udp"))
    assert 0 < told["found"] < told["all"] == len(socks)
    assert told["rows"] == []


@pytest.mark.parametrize(
    ("host", "error", "says"),
    [
        (5, TypeError, "host: expected an address as a str, got 5"),
        ("0.0.0.0", ValueError, "host: .* needs token_file"),
    ],
)
@in_runtime
async def test_hosts_that_are_refused(host: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        async with observer.serve(0, host=host):
            pass


class Asker(otp.GenServer):
    async def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call(request, caller.pid, math.inf))


@in_runtime
async def test_a_circle_of_calls_is_found() -> None:
    orders = ok(await otp.start(Asker, name="orders"))
    billing = ok(await otp.start(Asker, name="billing"))
    otp.send_request(orders, billing)
    otp.send_request(billing, orders)
    async with observed() as client:
        found = await client.get("/api/waits")
        while not found["circles"]:
            found = await client.get("/api/waits")
    assert found["circles"] == [[repr(orders), repr(billing)]]
    assert [edge["name"] for edge in found["edges"] if edge["stuck"]] == ["orders", "billing"]


@in_runtime
async def test_the_numbers_of_the_whole_program() -> None:
    async with observed() as client:
        first = await client.get("/api/system")
        assert first["now"]["processes"] > 2
        assert "history" not in first
        second = await client.get("/api/system?history=1")
        assert len(second["history"]) == 1  # the last look was just now
        assert second["about"]["python"].startswith("3.")


@in_runtime
@pytest.mark.parametrize(
    "question",
    [
        "processes?sort=love",
        "processes?count=many",
        "processes?count=-1",
        "processes?first=99999999999999",
        "processes?down=2",
        "process",
        "process?pid=main",
        "process?pid=1;2",
        "tree?root=nobody",
        "waits?" + "&".join(f"p{number}=1" for number in range(30)),
    ],
)
async def test_a_wrong_question_is_told_what_was_expected(question: str) -> None:
    async with observed() as client:
        reply = await client.send("GET", f"/api/{question}", client.headers())
        assert reply.status == 400
        assert len(reply.json["error"]) > 10
