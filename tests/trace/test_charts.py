"""Sequence charts: the rows that events make, and each form of output."""

import re
import xml.etree.ElementTree as ElementTree
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock import Pid, current_pid, ok, otp, receive, send, socket, spawn, spawn_link, trace
from actorsock.otp.calls.protocol import Answer, Cast
from actorsock.runtime.core.identity import Ref
from actorsock.trace import TraceEvent
from actorsock.trace.charts.selection import MOST_LIFELINES, Chart, Choice, select
from actorsock.trace.charts.sequence import Sequence

from ..sockets import listener

ONE, TWO, THREE = Pid(), Pid(), Pid()
NAMES = {ONE: "one", TWO: "two", THREE: "three"}


def sequence(events: Iterable[TraceEvent], names: Mapping[Pid, str], **choice: Any) -> Chart:
    """The chart of events."""
    made = Sequence(dict(names))
    for event in events:
        made.add(event)
    return select(made, Choice(**choice))


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


def test_many_processes_of_one_name_share_a_lifeline() -> None:
    pids = [Pid() for _ in range(MOST_LIFELINES + 5)]
    events = [TraceEvent(0, ONE, "send", number, pid) for number, pid in enumerate(pids)]
    chart = sequence(events, {ONE: "one", **dict.fromkeys(pids, "worker")})
    assert [(line.name, line.handle) for line in chart.lifelines] == [
        ("one", repr(ONE)),
        ("worker", f"{len(pids)} processes"),
    ]
    assert len(chart.rows) == len(pids)


WORKERS = [Pid() for _ in range(40)]
NAMED = {ONE: "one", TWO: "two", **{pid: f"worker {n}" for n, pid in enumerate(WORKERS)}}


def events_of(*messages: tuple[Pid, Pid]) -> list[TraceEvent]:
    """Messages, each with another text."""
    return [TraceEvent(0, a, "send", number, b) for number, (a, b) in enumerate(messages)]


TALK = events_of(*[(ONE, TWO)] * 250)
# Each worker is sent one message by ONE, which is the busiest, then asks the next one.
CROWD = events_of(*[(ONE, pid) for pid in WORKERS], *pairwise(WORKERS[30:]), (ONE, TWO))


@pytest.mark.parametrize(
    ("events", "choice", "lines", "numbers", "remarks"),
    [
        pytest.param(
            TALK, {}, ["one", "two"], range(50, 250),
            ["50 rows before these are not shown"],
            id="the last rows",
        ),
        pytest.param(
            TALK, {"rows": 20, "first": 229}, ["one", "two"], range(229, 249),
            ["229 rows before these are not shown", "1 row after these is not shown"],
            id="a page before them",
        ),
        pytest.param(
            TALK, {"first": 1000}, [], [], ["250 rows before these are not shown"],
            id="behind the end",
        ),
        pytest.param(
            TALK[:30], {}, ["one", "two"], range(30), [],
            id="all there is",
        ),
        pytest.param(
            CROWD, {}, ["one", *(f"worker {n}" for n in [*range(18), *range(30, 40)]), "others"],
            None, [],
            id="the busiest",
        ),
        pytest.param(
            CROWD, {"lifelines": ("TWO", WORKERS[39])}, ["worker 39", "two", "others"],
            [39, 48, 49], ["47 rows of other lifelines are not shown"],
            id="chosen ones and the others",
        ),
        pytest.param(
            CROWD, {"lifelines": ("one", "two"), "others": "hide"}, ["one", "two"],
            [49], ["49 rows of other lifelines are not shown"],
            id="chosen ones alone",
        ),
        pytest.param(
            CROWD, {"lifelines": ("nobody",)}, [], [], ["50 rows of other lifelines are not shown"],
            id="nobody",
        ),
    ],
)  # fmt: skip
def test_what_a_chart_shows_and_what_it_says_of_the_rest(
    events: list[TraceEvent], choice: dict[str, Any], lines: list[str], numbers: Any,
    remarks: list[str],
) -> None:  # fmt: skip
    chart = sequence(events, NAMED, **choice)
    if numbers is not None:
        assert [row.text for row in chart.rows] == [str(number) for number in numbers]
    assert chart.remarks == remarks
    assert [line.name for line in chart.lifelines] == lines
    assert all(remark in trace.chart(events, names=NAMED, **choice) for remark in remarks)
    for form in ("svg", "mermaid"):
        drawn = trace.chart(events, form, NAMED, **choice)
        assert all(remark in drawn for remark in remarks)


PIDS = [Pid() for _ in range(2 * MOST_LIFELINES)]


@given(
    st.lists(st.tuples(st.sampled_from(PIDS), st.sampled_from(PIDS)), max_size=300),
    st.lists(st.sampled_from(PIDS), max_size=40),
    st.sampled_from(["fold", "hide"]),
    st.integers(1, 100),
    st.none() | st.integers(0, 300),
    st.sampled_from(["", "worker"]),
)
def test_no_row_gets_lost_in_silence(
    messages: list[tuple[Pid, Pid]], chosen: list[Pid], others: str, rows: int, first: Any,
    name: str,
) -> None:  # fmt: skip
    events = events_of(*messages)
    choice = {"lifelines": tuple(chosen), "others": others, "rows": rows, "first": first}
    chart = sequence(events, dict.fromkeys(PIDS, name), **choice)
    assert len(chart.rows) + chart.before + chart.after + chart.between == len(events)
    assert len(chart.rows) <= rows
    assert len(chart.lifelines) <= MOST_LIFELINES
    for row in chart.rows:
        assert max(row.source, row.target or 0) < len(chart.lifelines)


def test_a_sequence_that_has_no_end_keeps_its_newest_rows() -> None:
    made = Sequence({}, deque(maxlen=10))
    for number in range(25):
        made.add(TraceEvent(0, ONE, "send", number, Pid()))
    chart = select(made, Choice())
    assert (len(chart.rows), chart.remarks) == (10, ["15 older rows are not kept"])


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"lifelines": "till"}, TypeError, "lifelines: expected a list of processes, sockets"),
        ({"lifelines": [5]}, TypeError, "lifelines: .* one of which is 5"),
        ({"others": "eat"}, ValueError, "others: expected one of 'fold', 'hide'"),
        ({"rows": 0}, ValueError, "rows: expected a number of rows"),
        ({"first": -1}, ValueError, "first: expected a number of rows"),
    ],
)
def test_a_wrong_choice(wrong: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        trace.chart([], **wrong)


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
