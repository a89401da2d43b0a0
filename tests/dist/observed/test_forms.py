"""The forms in which Erlang's programs are told what is here; pure."""

from typing import Any

import pytest

from actorsock import Ok, Pid, current_pid, exit, monitor, ok, receive, sleep, socket, spawn
from actorsock.dist import text
from actorsock.dist.observed.load import Traffic, allocators, memory_terms
from actorsock.dist.observed.names import entry, mfa, word
from actorsock.dist.observed.run_times import RunTimes, frames
from actorsock.dist.observed.top import Row, screen
from actorsock.dist.terms.reading import Reader
from actorsock.dist.terms.writing import Writer
from actorsock.observing.machine import ProgramMemory
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.stacks import StackEntry
from actorsock.trace import TraceEvent


@pytest.mark.parametrize(
    ("function", "form"),
    [
        ("shop:Till.serve", ("shop", "Till.serve", 0)),
        ("shop.till:main.<locals>.work", ("shop.till", "main.<locals>.work", 0)),
        ("trio.tests.serve", ("trio.tests", "serve", 0)),  # as trio names a task
        ("serve", ("?", "serve", 0)),
    ],
)
def test_a_function(function: str, form: Any) -> None:
    assert mfa(function) == form


def test_a_name_that_is_too_long_or_no_text() -> None:
    assert word("x" * 300) == "x" * 255
    assert word("\ud800") == "?"


def test_an_entry_of_a_stack() -> None:
    module, function, arity, place = entry(StackEntry("shop", "Till.serve", "/a/shop.py", 7))
    assert (module, function, arity) == ("shop", "Till.serve", 0)
    assert [name for name, _ in place] == ["file", "line"]
    assert (text(place[0][1]), place[1][1]) == ("/a/shop.py", 7)


@pytest.mark.parametrize(
    ("found", "total", "blocks", "carriers"),
    [
        (ProgramMemory(resident=50, shared=20, reserved=90), 50, 30, 90),
        (ProgramMemory(resident=50, shared=20, reserved=10), 50, 10, 10),
        (ProgramMemory(resident=0, shared=0, reserved=0), 0, 0, 1),
        (None, 7, 0, 1),
    ],
    ids=["usual", "more in memory than reserved", "nothing", "unknown"],
)
def test_memory(found: ProgramMemory | None, total: int, blocks: int, carriers: int) -> None:
    assert dict(memory_terms(found, 7))["total"] == total
    [(_, [(_, _, [(_, [(_, [(_, [size])]), carried]), _])])] = allocators(found)
    assert size == ("size", blocks, blocks, blocks)
    assert carried[1:] == (carriers, carriers, carriers)


def test_the_screen_has_the_busiest_first_and_cuts_what_is_long() -> None:
    rows: list[Row] = [
        (f"<0.{number}.0>", "worker" * 9, "waiting", "receive", number * 1000, 10, 0)
        for number in range(30)
    ]
    head, _, titles, first, *more = screen("py@host", rows, 2_500_000).splitlines()
    assert head.startswith("py@host: 30 processes, 2.5 MB")
    assert titles.split()[:2] == ["pid", "name"]
    assert first.split()[0] == "<0.29.0>"
    assert "29,000" in first
    assert "…" in first
    assert len({len(line) for line in (titles, first)}) == 1
    assert len(more) == 19


async def test_traffic_does_not_become_less_when_a_socket_closes(runtime: None) -> None:
    traffic = Traffic(current_process().node)
    one, other = ok(socket.open("inet", "dgram", "udp")), ok(socket.open("inet", "dgram", "udp"))
    ok(socket.bind(one, ("127.0.0.1", 0)))
    ok(await socket.sendto(other, b"12345", ok(socket.sockname(one))))
    assert isinstance(await socket.recv(one), Ok)
    assert traffic.totals() == (5, 5)
    await socket.close(one)
    assert traffic.totals() == (5, 5)
    await socket.close(other)
    await sleep(0)
    assert traffic.totals() == (5, 5)


@pytest.mark.parametrize(
    ("events", "times"),
    [
        ("out1@1 in1@2 out1@5", {1: 3}),
        ("in1@0 in2@1 out2@5 out1@7", {1: 3, 2: 4}),
        ("in1@0 in2@1 in3@2 out3@3 out2@4 out1@5 in1@8 out1@9", {1: 3, 2: 2, 3: 1}),
        ("in1@0 in0@1 in2@3 out2@4 out1@9", {1: 6, 2: 1}),  # 0 ends in its step
        ("in1@0 out1@0", {}),
    ],
    ids=["runs as the trace begins", "in place", "in place twice", "an end", "too short"],
)
async def test_each_moment_counts_for_the_innermost(
    runtime: None, events: str, times: dict[int, int]
) -> None:
    pids = [Pid(), current_pid(), spawn(receive), spawn(receive, light=True)]
    seen = RunTimes()
    for event in events.split():
        kind, number, at = event[:-3], int(event[-3]), float(event[-1])
        seen.record(TraceEvent(at, pids[number], "in" if kind == "in" else "out"))
    assert seen.take() == [(pids[number], 10**6 * time) for number, time in sorted(times.items())]
    assert seen.take() == []
    for pid in pids[2:]:
        down = monitor(pid)
        exit(pid, "kill")
        await receive(down)


def test_frames_of_a_trace_port() -> None:
    told = frames(Writer(), [("a pid", 3_000_000)], 1_700_000_000_123_456)  # type: ignore[list-item]
    terms = []
    while told:
        size = 5 + int.from_bytes(told[1:5], "big")
        assert told[0] == 0
        terms.append(Reader().whole(told[5:size]))
        told = told[size:]
    assert terms == [
        ("trace_ts", b"a pid", "in", 0, (1699, 999_997, 123_456)),
        ("trace_ts", b"a pid", "out", 0, (1700, 0, 123_456)),
    ]
