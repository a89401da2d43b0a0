"""Random walks: random sequences of operations, performed on both sides.

In a walk, up to eight processes perform random operations in a world of a few sockets, or of none.
Tables hold the operations, each with a weight, the worlds that it fits, and its arguments:
`walks_of_sockets` and `walks_of_ports`. When the two sides differ, steps are left out one by one
for as long as they still differ.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import islice
from string import Formatter
from typing import Final

import attrs

from ..comparing import Mismatch
from ..notation import Scenario, read_steps
from ..running import Bench, run_all

__all__ = ["Action", "World", "walk"]

_LENGTH: Final = 20

# The number of walks that are given to Erlang in advance. Tasks and light processes take turns.
_BATCH: Final = 25


@attrs.frozen
class Action:
    """One line of a walk, with the names of its arguments in braces."""

    weight: int
    line: str
    traits: frozenset[str] = attrs.field(default="", converter=lambda text: frozenset(text.split()))
    """The traits that a world needs for it."""
    since: int = 0
    """The first Erlang/OTP release that performs it without a defect."""


@attrs.frozen
class World:
    """The first steps of a walk, and what the steps after them are drawn from.

    Attributes:
        prelude: the first steps; each socket has an owner of its own.
        tables: the operations; of two tables, the second gives a fifth of the steps.
        values: the arguments that the tables name, with what each is drawn from.
        sockets: the names of the sockets.
        traits: what operations may need.
    """

    prelude: str
    tables: tuple[tuple[Action, ...], ...]
    values: Mapping[str, Sequence[str]]
    sockets: tuple[str, ...] = ()
    traits: frozenset[str] = attrs.field(default="", converter=lambda text: frozenset(text.split()))


# `{handle}` in a table is a name that the operation binds, `{a_handle}` one that an earlier
# operation of the walk has bound, and so with the other names.
_NAMES: Final = {
    "handle": ("h", "g", "k"),
    "monitor": ("m", "n"),
    "watch": ("v", "w"),
    "timer": ("t", "u"),
    "alias": ("a", "b"),
    "child": ("X", "Y", "Z"),
}
_BOUND: Final = {
    "a_handle": "handle",
    "a_monitor": "monitor",
    "a_watch": "watch",
    "a_timer": "timer",
    "an_alias": "alias",
}


def walk(bench: Bench, worlds: Mapping[str, World], count: int, seed: int) -> Mismatch | None:
    """Perform `count` random walks in these worlds; return one that differs, made short."""
    dice = random.Random(seed)
    walks = (_walk(dice, worlds, bench.erlang.release) for _ in range(count))
    try:
        while several := list(islice(walks, _BATCH)):
            bench.light = not bench.light
            for mismatch in run_all(bench, several):
                return _shortest(bench, mismatch)
    finally:
        bench.light = False
    return None


def _shortest(bench: Bench, mismatch: Mismatch) -> Mismatch:
    """Leave out steps, from the last to the first, until none can be left out."""
    for number in reversed(range(mismatch.step + 1)):
        steps = mismatch.scenario.steps[: mismatch.step + 1]
        shorter = Scenario("walk", (*steps[:number], *steps[number + 1 :]))
        for found in run_all(bench, [shorter]):
            if found.scenario.steps[found.step] == mismatch.scenario.steps[mismatch.step]:
                return _shortest(bench, found)
    return mismatch


def _walk(dice: random.Random, worlds: Mapping[str, World], release: int) -> Scenario:
    world = worlds[dice.choice(sorted(worlds))]
    draw = _Draw(dice, world)
    tables = [_fitting(table, world, release) for table in world.tables]
    lines = [world.prelude]
    while len(lines) < _LENGTH:
        table = tables[len(tables) > 1 and dice.random() < 0.2]
        [action] = dice.choices(table, [each.weight for each in table])
        lines += draw.line(action.line)
    return Scenario("walk", read_steps("\n".join(lines)))


def _fitting(table: tuple[Action, ...], world: World, release: int) -> list[Action]:
    return [each for each in table if each.traits <= world.traits and each.since <= release]


class _Draw:
    """Draws the arguments of a line, and remembers the names that the lines so far have bound."""

    def __init__(self, dice: random.Random, world: World) -> None:
        self._dice = dice
        self._actors = list("ABCDEFGH"[: dice.randint(2, 8)])
        self._owners = ["O", "P", "Q"][: len(world.sockets)]
        self._bound: dict[str, list[str]] = {kind: [] for kind in _NAMES}
        self._choices = {**world.values, "sock": world.sockets}

    def line(self, form: str) -> list[str]:
        """Return the line, or none if no name is bound that it could use."""
        fields = [field for _, field, _, _ in Formatter().parse(form) if field]
        drawn = {field: self._choose(field) for field in dict.fromkeys(fields)}
        if None in drawn.values():
            return []
        for kind in drawn.keys() & _NAMES.keys():
            self._bound[kind].append(str(drawn[kind]))
        if "child" in drawn:
            self._actors.append(str(drawn["child"]))
        return [form.format(**drawn)]

    def _choose(self, field: str) -> str | None:
        choices = self._choices_of(field)
        return self._dice.choice(choices) if choices else None

    def _choices_of(self, field: str) -> Sequence[str]:
        match field:
            case "actor" | "other":
                return self._actors
            case "anyone":
                return self._actors + self._owners
            case "child":  # the name of an actor is given once
                return [name for name in _NAMES["child"] if name not in self._actors]
        if field in _BOUND:
            return self._bound[_BOUND[field]]
        return _NAMES.get(field) or self._choices[field]
