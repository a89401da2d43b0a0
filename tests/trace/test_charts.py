"""Sequence charts: the rows that events make, and each form of output."""

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock import Pid, current_pid, ok, otp, receive, send, socket, spawn, spawn_link, trace
from actorsock.otp.calls.protocol import Answer, Cast
from actorsock.runtime.core.identity import Ref
from actorsock.trace import TraceEvent
from actorsock.trace.charts.sequence import MOST_LIFELINES, MOST_ROWS, sequence

from ..sockets import listener

ONE, TWO, THREE = Pid(), Pid(), Pid()
NAMES = {ONE: "one", TWO: "two", THREE: "three"}


def rows(*events: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of events, which come a millisecond apart."""
    made = [TraceEvent(number / 1000, *event) for number, event in enumerate(events)]
    chart = sequence(made, NAMES)
    names = [line.name or line.handle for line in chart.lifelines]
    return [
        (row.kind, names[row.source], None if row.target is None else names[row.target], row.label)
        for row in chart.rows
    ]


HELLO, OTHER = "hello", "other"

CASES: dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "a message that both sides tell": (
        [(ONE, "send", HELLO, TWO), (TWO, "receive", HELLO, ONE)],
        [("message", "one", "two", "'hello'")],
    ),
    "two messages, told crosswise": (
        [
            (ONE, "send", HELLO, TWO),
            (ONE, "send", OTHER, TWO),
            (TWO, "receive", HELLO, ONE),
            (TWO, "receive", OTHER, ONE),
        ],
        [("message", "one", "two", "'hello'"), ("message", "one", "two", "'other'")],
    ),
    "only the receiver tells": (
        [(TWO, "receive", HELLO, ONE)],
        [("message", "one", "two", "'hello'")],
    ),
    "nobody knows the sender": (
        [(TWO, "receive", HELLO, None)],
        [("note", "two", None, "gets 'hello'")],
    ),
    "repeats": (
        [(ONE, "send", HELLO, TWO)] * 12,
        [("message", "one", "two", "'hello' × 12")],
    ),
    "a start that both sides tell": (
        [(ONE, "spawn", "shop:child", TWO), (TWO, "spawned", "shop:child", ONE)],
        [("spawn", "one", "two", "spawn two")],
    ),
    "a link that both sides tell": (
        [(ONE, "link", None, TWO), (TWO, "getting_linked", None, ONE)],
        [("link", "one", "two", "link")],
    ),
    "a cast, an answer, an end": (
        [
            (ONE, "send", Cast("x"), TWO),
            (TWO, "send", Answer(Ref(), 5), ONE),
            (TWO, "exit", "normal", None),
        ],
        [
            ("message", "one", "two", "cast 'x'"),
            ("answer", "two", "one", "5"),
            ("end", "two", None, "ends: 'normal'"),
        ],
    ),
    "a socket": (
        [
            (ONE, "ask", ("recv", "waits"), "#S"),
            (ONE, "answer", ("recv", b"abc"), "#S"),
            (ONE, "close", None, "#S"),
        ],
        [
            ("socket", "one", "'#S'", "recv: waits"),
            ("answer", "'#S'", "one", "recv: <3 bytes>"),
            ("socket", "one", "'#S'", "close"),
        ],
    ),
    "callbacks": (
        [
            (ONE, "call", ("handle_cast", (1,)), None),
            (ONE, "return_from", ("handle_cast", None), None),
        ],
        [
            ("note", "one", None, "handle_cast(1)"),
            ("note", "one", None, "handle_cast -> None"),
        ],
    ),
    "nothing of when it runs": ([(ONE, "in"), (ONE, "out")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rows_of_events(case: str) -> None:
    events, expected = CASES[case]
    assert rows(*events) == expected


def test_a_socket_stands_beside_the_process_that_has_used_it_first() -> None:
    events = [
        TraceEvent(0, ONE, "send", 1, TWO),
        TraceEvent(0, TWO, "send", 1, THREE),
        TraceEvent(0, ONE, "close", None, "#S"),
    ]
    chart = sequence(events, NAMES)
    assert [line.name for line in chart.lifelines] == ["one", "", "two", "three"]


def test_of_many_rows_the_last_are_shown() -> None:
    events = [TraceEvent(n, ONE, "send", n, TWO) for n in range(MOST_ROWS + 7)]
    chart = sequence(events, NAMES)
    assert (len(chart.rows), chart.left_out) == (MOST_ROWS, 7)
    assert chart.rows[-1].text == str(MOST_ROWS + 6)
    assert "(7 rows before these are not shown)" in trace.chart(events)


def test_many_processes_of_one_name_share_a_lifeline() -> None:
    pids = [Pid() for _ in range(MOST_LIFELINES + 5)]
    events = [TraceEvent(0, ONE, "send", number, pid) for number, pid in enumerate(pids)]
    chart = sequence(events, {ONE: "one", **dict.fromkeys(pids, "worker")})
    assert [(line.name, line.handle) for line in chart.lifelines] == [
        ("one", repr(ONE)),
        ("worker", f"{len(pids)} processes"),
    ]
    assert len(chart.rows) == len(pids)


SCENE = [
    TraceEvent(5.0, ONE, "spawn", "shop:two", TWO),
    TraceEvent(5.00025, ONE, "send", "a message that is too long for the gap", TWO),
    TraceEvent(5.0005, TWO, "send", Answer(Ref(), 5), ONE),
    TraceEvent(5.001, TWO, "exit", "normal"),
]


def test_a_chart_as_text() -> None:
    first = f"one {ONE!r}"
    head, *lines = trace.chart(SCENE, names=NAMES).splitlines()
    assert (first in head, f"two {TWO!r}" in head) == (True, True)
    lines = [re.sub(r"[─╌]+", lambda found: found[0][0], line) for line in lines]
    assert [line.split() for line in lines] == [
        ["0.00", "│─", "spawn", "two", "─▶│"],
        ["│", "'a", "message", "that", "is", "too", "long", "for", "the", "gap'"],
        ["0.25", "│─▶│"],
        ["0.50", "│◀╌", "5", "╌│"],
        ["1.00", "│", "╳", "ends:", "'normal'"],
    ]


def test_a_chart_as_ascii() -> None:
    events = [*SCENE, TraceEvent(6.0, ONE, "send", "ü→", TWO)]
    drawn = trace.chart(events, "ascii", NAMES)
    assert drawn.isascii()
    assert [len(line) for line in drawn.splitlines()[:-1]] == [
        len(line) for line in trace.chart(events, names=NAMES).splitlines()[:-1]
    ]


def test_a_chart_as_mermaid() -> None:
    tricky = TraceEvent(6.0, ONE, "send", "a; b # <c>", TWO)
    lines = trace.chart([*SCENE, tricky], "mermaid", NAMES).splitlines()
    assert lines[0] == "sequenceDiagram"
    assert lines[1].startswith("    participant p0 as one ‹0.")
    assert lines[3:] == [
        "    p0->>p1: spawn two",
        "    p0-)p1: 'a message that is too long for the gap'",
        "    p1-->>p0: 5",
        "    Note over p1: ends： 'normal'",
        "    p0-)p1: 'a, b ＃ ‹c›'",
    ]


VALUES = st.recursive(
    st.none() | st.text() | st.binary() | st.integers(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO, THREE]), VALUES), max_size=20))
def test_every_svg_is_well_formed(messages: list[tuple[Pid, Any]]) -> None:
    events = [TraceEvent(0.0, pid, "send", value, ONE) for pid, value in messages]
    svg = trace.chart(events, "svg", NAMES)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "prefers-color-scheme: dark" in svg
    assert all(len(line) < 1000 for line in trace.chart(events).splitlines())


def test_a_chart_of_nothing() -> None:
    assert trace.chart([]) == "(nothing was traced)"
    assert trace.chart([], "mermaid") == "sequenceDiagram"
    assert ElementTree.fromstring(trace.chart([], "svg")) is not None


@pytest.mark.parametrize(("form", "error"), [("png", ValueError), (5, TypeError)])
def test_a_wrong_form(form: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^form: expected one of 'text', 'ascii', 'svg', "):
        trace.chart([], form)


async def test_the_scene_of_a_socket_that_another_process_closes(runtime: None) -> None:
    async def closer(sock: socket.Socket) -> None:
        ok(await socket.close(sock))

    async def waiter(address: Any) -> None:
        sock = ok(socket.open("inet", "stream"))
        ok(await socket.connect(sock, address))
        select = socket.recv_nowait(sock)
        spawn_link(closer, sock)
        send(main, type(await receive(select.info.ref)))

    main = current_pid()
    async with listener() as listening:
        with trace.session() as session:
            trace.process(session, main, ["receive", "procs", "sockets", "set_on_spawn"])
            pid, address = spawn(waiter, ok(socket.sockname(listening))), None
            assert await receive() is socket.AbortMessage
        assert address is None
    chart = sequence(session, session.names)
    names = [line.name or "socket" for line in chart.lifelines]
    drawn = [
        (names[row.source], None if row.target is None else names[row.target], row.text)
        for row in chart.rows
    ]
    assert ("closer", "socket", "close") in drawn
    assert ("socket", "waiter", "AbortMessage('recv', 'closed')") in drawn
    assert ("waiter", "closer", "spawn closer") in drawn
    assert isinstance(pid, Pid)


async def test_a_call_is_two_arrows(runtime: None) -> None:
    class Till(otp.GenServer):
        def handle_call(self, amount: int, caller: otp.Caller) -> otp.Reply:
            return otp.Reply(amount + 1)

    till = ok(await otp.start(Till, name="till"))
    with trace.session() as session:
        trace.process(session, till, ["send", "receive"])
        await otp.call(till, 5)
    assert [(row.kind, row.text) for row in sequence(session, {}).rows] == [
        ("message", "call 5"),
        ("answer", "6"),
    ]
    await otp.stop(till)
