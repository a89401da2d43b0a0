"""The scenarios about processes, performed by actors on two nodes: what is seen is the same.

Every other actor lives on an Erlang node, the others here, and all are directed from here. The
record is compared with that of the same scenario in one Erlang, as `tests/conformance` does it.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import actorsock
from actorsock import Down, Pid, Ref, Timeout, current_pid, dist, process_info, receive, send
from actorsock.dist.terms import ImproperList

from ..conformance import normal
from ..conformance.comparing import _transcript, compare, erlang_transcript
from ..conformance.notation import Act, Pause, Scenario, Wait, actors_of
from ..conformance.running import Bench, bench, written
from ..conformance.sides import our_side, terms
from ..conformance.sides.acting import DIRECTOR, Unbound, resolve
from ..conformance.sides.our_side import Seen, Skipped
from .nodes import Beam

KINDS = (
    "process: ",
    "exit signal: ",
    "link: ",
    "monitor a process: ",
    "spawn: ",
    "call: ",
    "cast: ",
    "request: ",
)

LOCAL = {
    "register": "names lead to processes of their own node",
    "process_info": "the state of a process is seen on its own node alone",
    "is_alive": "likewise",
}
"""Operations that Erlang refuses for a process of another node, with the reason."""

OTHERWISE = {"link: to somebody dead"}
"""Of another node the signal comes later, also to a process that does not trap exits."""


def is_for_two_nodes(scenario: Scenario) -> bool:
    acts = [step for step in scenario.steps if isinstance(step, Act)]
    return (
        scenario.title.startswith(KINDS)
        and scenario.title not in OTHERWISE
        and not any(act.op in LOCAL for act in acts)
    )


SCENARIOS = [scenario for scenario in written() if is_for_two_nodes(scenario)]


@attrs.frozen
class Far:
    """A value that was made on the Erlang node, as it has come here."""

    term: Any


def as_erlangs(term: Any) -> Any:
    """Return a term as the comparison reads those of Erlang, with our pids and refs inside."""
    match term:
        case dist.Atom():
            return terms.Atom(term)
        case None:
            return terms.Atom("undefined")
        case bool():
            return terms.Atom("true" if term else "false")
        case ImproperList(items, tail):
            return [*map(as_erlangs, items), as_erlangs(tail)]
        case Pid():
            return terms.Pid(term)
        case Ref():
            return terms.Reference(term)
        case tuple() if _reason(term) == "crash":
            return terms.Atom("crash")
        case tuple() | list():
            return type(term)(map(as_erlangs, term))
        case dict():
            return {as_erlangs(key): as_erlangs(value) for key, value in term.items()}
    return term


def value(seen: Any) -> Any:
    if isinstance(seen, Far):
        return normal.erlang_value(as_erlangs(seen.term))
    if isinstance(seen, (actorsock.Exit, Down)):
        return normal.our_value(attrs.evolve(seen, reason=_reason(seen.reason)))
    return normal.our_value(_reason(seen))


def _reason(reason: Any) -> Any:
    """The reason of a crash there, or of one here as it is seen there, is a crash."""
    match reason:
        case (("_Crash", _), []) | (_, [(_, _, _, _), *_]):
            return "crash"
    return str(reason) if isinstance(reason, str) else reason


def answer(act: Act, result: Any) -> Any:
    if isinstance(result, Far):
        return normal.erlang_answer(act, as_erlangs(result.term))
    found = result
    if not isinstance(result, BaseException):
        return normal._masked(act, value(found))
    return normal.our_answer(act, found)


def as_words(given: Any) -> Any:
    """A word of a scenario is an atom in Erlang."""
    match given:
        case str():
            return dist.Atom(given)
        case tuple() | list():
            return type(given)(map(as_words, given))
        case dict():
            return {as_words(key): as_words(each) for key, each in given.items()}
    return given


@attrs.define
class Stage:
    """One scenario on two nodes."""

    beam: Beam
    scene: our_side._Scene
    far: set[str]

    async def perform(self, scenario: Scenario) -> tuple[dict[str, Pid], list[Seen | Skipped]]:
        names = actors_of(scenario.steps)
        for name in names:
            if name in self.far:
                pid = await dist.spawn(self.beam.name, "far", "start", [current_pid()])
            else:
                pid = actorsock.spawn(our_side._actor, self.scene, light=self.scene.light)
            self.scene.join(name, pid)
        pids = dict(self.scene.pids)
        await self.quiet()
        seen = [await self.step(step) for step in scenario.steps]
        for pid in self.scene.pids.values():
            actorsock.exit(pid, "kill")
        return pids, seen

    async def step(self, step: Any) -> Seen | Skipped:
        scene = self.scene
        match step:
            case Act(name, op, args, options):
                if name not in scene.pids or name in scene.busy or name in self.over:
                    return Skipped()
                try:
                    given = [as_words(resolve(arg, scene.values, "")) for arg in args]
                    chosen = {k: resolve(v, scene.values, "") for k, v in options.items()}
                except Unbound:
                    return Skipped()
                scene.busy[name] = step
                self.order(name, op, given, chosen)
                if step.awaited:
                    await self.wait_for(name)
            case Wait(name):
                await self.wait_for(name)
            case Pause(seconds):
                await trio.sleep(seconds)
        await self.quiet()
        seen = Seen(scene.returned, await self.mailboxes(), scene.ended)
        scene.returned, scene.ended = [], []
        return seen

    over: set[str] = attrs.field(factory=set)
    """The actors that have ended."""

    def order(self, name: str, op: str, args: list[Any], options: dict[str, Any]) -> None:
        pid = self.scene.pids[name]
        if name in self.far:
            chosen = {dist.Atom(key): as_words(each) for key, each in options.items()}
            words = [dist.Atom(word) for word in ("$do", name, op)]
            send(pid, (words[0], current_pid(), words[1], words[2], args, chosen))
        else:
            send(pid, our_side._Order(op, tuple(args), options))

    async def wait_for(self, name: str) -> None:
        with trio.move_on_after(10):
            while name in self.scene.busy:
                self.take_answers()
                await trio.sleep(0.005)

    def take_answers(self) -> None:
        mailbox = actorsock.runtime.bodies.current.current_process().mailbox
        for message in mailbox.messages():
            match message:
                case (dist.Atom("$done"), str(name), result):
                    mailbox.take(None, lambda each, found=message: each is found)
                    self.done(str(name), result)

    def done(self, name: str, result: Any) -> None:
        scene, act = self.scene, self.scene.busy.pop(name)
        scene.returned.append((name, Far(result)))
        if result[0] == "value":
            found = result[1]
            parts = list(found) if len(act.targets) > 1 and isinstance(found, tuple) else [found]
            scene.values.update(zip(act.targets, parts, strict=False))
            if act.op.startswith("spawn"):
                self.far.add(act.targets[0])
                scene.join(act.targets[0], parts[0])

    async def look(self) -> list[tuple[Pid, str, list[Any]]]:
        pids = [pid for name, pid in self.scene.pids.items() if name in self.far]
        return await dist.erpc.call(self.beam.name, "far", "look", [pids])

    async def quiet(self) -> None:
        """Wait until nothing has changed for three looks at both nodes."""
        before, same = None, 0
        while same < 3:
            await trio.testing.wait_all_tasks_blocked(self.scene.cushion)
            self.take_answers()
            while self.scene.new:
                actorsock.monitor(self.scene.new.pop())
            await self.take_ends()
            looks = await self.look()
            now = (
                [(pid, status, len(messages)) for pid, status, messages in looks],
                [info and info.message_queue_len for info in map(process_info, self.near())],
                (len(self.scene.returned), len(self.scene.ended)),
            )
            waiting = all(status == "waiting" for _, status, _ in looks)
            same = same + 1 if waiting and now == before else 0
            before = now

    def near(self) -> list[Pid]:
        return [pid for name, pid in self.scene.pids.items() if name not in self.far]

    async def take_ends(self) -> None:
        names = {pid: name for name, pid in self.scene.pids.items()}
        while not isinstance(down := await receive(Down, after=0), Timeout):
            name = names.get(down.pid)
            if name is None:
                continue  # of an attempt with less patience
            self.over.add(name)
            self.scene.busy.pop(name, None)
            self.scene.ended.append((name, _crash(down.reason)))

    async def mailboxes(self) -> list[tuple[str, list[Any]]]:
        there = {pid: [Far(each) for each in messages] for pid, _, messages in await self.look()}
        found = our_side._mailboxes(_Near(self.scene, self.far))
        return found + [(name, there[pid]) for name, pid in self.scene.pids.items() if pid in there]


def _crash(reason: Any) -> Any:
    return "crash" if isinstance(reason, BaseException) else _reason(reason)


class _Near:
    """The part of a scene that is on this node."""

    def __init__(self, scene: our_side._Scene, far: set[str]) -> None:
        self.pids = {name: pid for name, pid in scene.pids.items() if name not in far}


@pytest.fixture(scope="module")
def one_erlang(erl: str) -> Iterator[Bench]:
    with bench(erl) as running:
        yield running


@pytest.mark.parametrize("far", ["ACEX", "BDOY"], ids=["A there", "B there"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.title for scenario in SCENARIOS])
async def test_the_same_on_two_nodes(
    joined: Any, beam: Beam, one_erlang: Bench, scenario: Scenario, far: str, tmp_path: Path
) -> None:
    logging.getLogger("actorsock").setLevel(logging.CRITICAL + 1)
    DIRECTOR.set(current_pid())
    mismatch = None
    for cushion in (0.002, 0.02, 0.2):
        number, tmp = one_erlang.erlang.begin(scenario, cushion)
        scene = our_side._Scene(cushion, str(tmp_path), light=False)
        stage = Stage(beam, scene, {name for name in actors_of(scenario.steps) if name in far})
        pids, seen = await stage.perform(scenario)
        ours = _transcript(scenario, pids, seen, str(tmp_path), answer, value)
        their_pids, their_seen = one_erlang.erlang.outcome(number)
        theirs = erlang_transcript(scenario, their_pids, their_seen, tmp)
        mismatch, _ = compare(scenario, theirs, ours, one_erlang.erlang.release)
        if mismatch is None:
            return
    pytest.fail(str(mismatch))


def test_most_scenarios_about_processes_are_compared() -> None:
    assert len(SCENARIOS) > 35
    every = {scenario.title for scenario in written()}
    assert every >= OTHERWISE
