"""The written scenarios and some random walks have the same outcome here and on Erlang."""

import select
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from actorsock import Error

from .comparing import Event, Mismatch
from .differences import DIFFERENCES, Difference
from .normal import Shape
from .notation import (
    Act,
    Name,
    Pause,
    Scenario,
    Wait,
    actors_of,
    read_file,
    read_steps,
    show,
    unrolled,
)
from .running import Bench, bench, run_all, unused, with_room, written
from .sides.acting import OPERATIONS
from .sides.terms import Atom, decode, encode
from .walks.walking import walk
from .walks.walks_of_ports import WORLDS_OF_PORTS
from .walks.walks_of_sockets import WORLDS_OF_SOCKETS

# On one worker, with one Erlang: the check of the whole table needs the results of all scenarios.
pytestmark = pytest.mark.xdist_group("conformance")

TOPICS = sorted(Path(__file__).parent.glob("scenarios/*.txt"))


@pytest.fixture(scope="module")
def one_bench(erlang: str) -> Iterator[Bench]:
    with bench(erlang) as one:
        yield one


def report(found: list[Mismatch]) -> str:
    return "\n\n".join(map(str, found))


@pytest.mark.parametrize("path", TOPICS, ids=lambda path: path.stem)
def test_written_scenarios(one_bench: Bench, path: Path) -> None:
    found = run_all(one_bench, read_file(path))
    assert not found, report(found)


@pytest.mark.parametrize("stem", ["accept", "closing", "recv"])
def test_written_scenarios_with_light_processes(one_bench: Bench, stem: str) -> None:
    [path] = [each for each in TOPICS if each.stem == stem]
    one_bench.light = True
    try:
        found = run_all(one_bench, read_file(path))
    finally:
        one_bench.light = False
    assert not found, report(found)


def test_every_entry_of_the_table_explains_something(one_bench: Bench) -> None:
    if one_bench.count < sum(map(one_bench.erlang.performs, written())):
        pytest.skip("the other tests of this module must run first")
    assert not unused(one_bench)


def test_random_walks(one_bench: Bench) -> None:
    found = walk(one_bench, WORLDS_OF_SOCKETS, 50, seed=1)
    assert found is None, str(found)


def test_random_walks_over_ports(one_bench: Bench) -> None:
    found = walk(one_bench, WORLDS_OF_PORTS, 50, seed=1)
    assert found is None, str(found)


# The parts of the comparison, without Erlang.


def test_number_and_titles_of_the_scenarios() -> None:
    titles = [scenario.title for scenario in written()]
    assert len(titles) >= 150
    assert len(titles) == len(set(titles))


def test_steps_are_read_and_written() -> None:
    text = (
        "A: h, rest = send_nowait(c, fill(10), flags=['oob'])\n"
        "B: bind(s, {'family': 'inet', 'port': inet(p)}, timeout=0.5)\n"
        "C: exit(A, ('boom', [1, b'x', None]))\n"
        "wait(B)\n"
        "pause(0.1)"
    )
    steps = read_steps(text)
    assert "\n".join(map(show, steps)) == text
    assert isinstance(steps[2], Act)
    assert steps[2].args == (Name("A"), ("boom", [1, b"x", None]))
    assert steps[3:] == (Wait("B"), Pause(0.1))


def test_time_outs_are_longer_than_the_patience() -> None:
    calls = "A: recv(s, 1, timeout={})\nB: recv(s)\nwait(A)"
    scenario = Scenario("a title", read_steps(calls.format(0.3)))
    assert with_room(scenario, 0.001) == scenario
    assert with_room(scenario, 0.2) == Scenario("a title", read_steps(calls.format(4.0)))
    for kept in (0, 5, -1):
        scenario = Scenario("a title", read_steps(calls.format(kept)))
        assert with_room(scenario, 0.2) == scenario


def test_loops_are_unrolled() -> None:
    text = """
let tcp = "inet", "stream"
let tcp-options = cork
    info
for kind in tcp:
    == options of $kind
    A: s = open($$kind)
    for name in $$kind-options:
        for value in {"on": True, "of": 1} "two words" text("x y") -1:
            A: setopt(s, "$kind", "$name", $value)

== none of its lines are repeated
"""
    values = ('{"on": True, "of": 1}', '"two words"', 'text("x y")', "-1")
    assert [line for line in unrolled(text).splitlines() if line] == [
        "== options of tcp",
        'A: s = open("inet", "stream")',
        *(
            f'A: setopt(s, "tcp", "{name}", {value})'
            for name in ("cork", "info")
            for value in values
        ),
        "== none of its lines are repeated",
    ]


@pytest.mark.parametrize(
    ("mark", "releases"), [("", [25, 28]), ("  (from 28)", [28]), ("  (until 25)", [25])]
)
def test_a_title_names_the_releases(tmp_path: Path, mark: str, releases: list[int]) -> None:
    path = tmp_path / "scenarios.txt"
    path.write_text(f"== a title{mark}\nA: make_ref()\n")
    [scenario] = read_file(path)
    assert scenario.title == "a title"
    assert [release for release in (25, 28) if scenario.is_for(release)] == releases


def test_actors_that_are_made_are_not_there_from_the_start() -> None:
    assert actors_of(read_steps("A: X = spawn_link()\nX: exit('boom')\nA: link(C)")) == ["A", "C"]


def test_writing_terms() -> None:
    value = {"a": [1, b"xy", ("b c", True, None)], "it's": Name("s")}
    assert encode(value) == (
        "#{'a'=>[1,<<120,121>>,{'b c',true,undefined}],'it\\'s'=>{'$var','s'}}"
    )


def test_reading_terms() -> None:
    # {ok, [1, 300, -5, <<"x">>], "hi", #{a => 1.5}, 1 bsl 70}
    data = bytes.fromhex(
        "836805770 26f6b6c000000046101620000012c62fffffffb6d00000001786a"
        "6b0002686974000000017701614 63ff80000000000006e0900000000000000000040".replace(" ", "")
    )
    assert decode(data) == (
        Atom("ok"),
        [1, 300, -5, b"x"],
        list(b"hi"),
        {Atom("a"): 1.5},
        1 << 70,
    )


def test_a_difference_explains_only_its_own_events() -> None:
    act = Act("A", "bind", (Name("s"), "any"))
    scenario = Scenario("a title", (act,))
    entry = Difference(reason="", what="bind", theirs=r"Ok\(\)", ours=r"Ok\(1\)", until=27)
    theirs = Event("A", "returned", Shape("Ok"), act)
    ours = Event("A", "returned", Shape("Ok", (1,)), act)
    assert entry.explains(scenario, 0, theirs, ours, 25, [])
    assert not entry.explains(scenario, 0, theirs, ours, 28, [])
    assert not entry.explains(scenario, 0, ours, theirs, 25, [])
    assert not entry.explains(scenario, 0, theirs, None, 25, [])


@pytest.mark.parametrize("poller", ["epoll", "trio"])
def test_a_difference_that_only_one_poller_must_show(
    poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(select, "epoll"):
        pytest.skip("this system has only one poller")
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    entry = Difference(reason="", what="", theirs="", ours="", until=27, surely_on="epoll")
    assert entry.is_due(25) == (poller == "epoll")
    assert not entry.is_due(28)
    assert attrs.evolve(entry, surely_on="").is_due(25)


def test_every_difference_has_a_reason() -> None:
    assert all(entry.reason and entry.what for entry in DIFFERENCES)


def test_a_defect_is_found_and_reported(one_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = read_steps("A: s = open('inet', 'stream')\nA: bind(s, 'any')\nA: listen(s)")
    assert run_all(one_bench, [Scenario("sound", steps)]) == []
    monkeypatch.setitem(OPERATIONS, "listen", lambda sock: Error("einval"))
    [found] = run_all(one_bench, [Scenario("unsound", steps)])
    assert str(found).splitlines() == [
        "== unsound",
        "A: s = open('inet', 'stream')",
        "A: bind(s, 'any')",
        "A: listen(s)",
        "    Erlang:    A returned Ok()",
        "    actorsock: A returned Error('einval')",
    ]


def test_every_difference_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
    assert [entry.reason for entry in DIFFERENCES if f"| {entry.reason} |" not in page] == []
