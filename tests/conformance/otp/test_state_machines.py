"""Random state machines, run by gen_statem and by ours: the same events in the same order."""

import os
import random
from math import inf
from pathlib import Path
from typing import Any, Final

from actorsock import ok, open_runtime, otp

from ..sides.erlang_programs import run_in_erlang, term

_NAMES: Final = {"state_timeout": "state", "event": "event", "one": "one", "two": "two"}
_TIMES: Final = {"0": 0, "infinity": inf, "1000000": 1000, "update": "update"}


class Machine(otp.StateMachine):
    """Does what each event says, and at each entry what the next of `entries` says."""

    def init(self, log: list[Any], entries: list[Any]) -> otp.NextState:
        self.log, self.entries = log, list(entries)
        return otp.NextState(0)

    def handle_event(self, event: Any, state: Any) -> Any:
        match event:
            case otp.Enter(former):
                self.log.append([state, "enter", former])
                result = self.entries.pop(0) if self.entries else ("keep", [])
            case otp.Cast((number, result)):
                self.log.append([state, "cast", number])
            case otp.Internal((number, result)):
                self.log.append([state, "internal", number])
            case otp.TimedOut(name, (number, result)):
                kind = next(kind for kind, ours in _NAMES.items() if ours == name)
                self.log.append([state, kind, number])
        match result:
            case ("next", to, actions):
                return otp.NextState(to, *map(_action, actions))
            case ("keep", actions):
                return otp.KeepState(*map(_action, actions))
            case ("repeat", actions):
                return otp.RepeatState(*map(_action, actions))


class EnteringMachine(Machine):
    enters = True


def _action(action: Any) -> Any:
    match action:
        case "postpone":
            return otp.Postpone()
        case ("next_event", event):
            return otp.NextEvent(otp.Internal(event))
        case ("state_timeout", time, event):
            return otp.StateTimeout(_TIMES[time], event)  # type: ignore[arg-type]
        case ("event", time, event):
            return otp.EventTimeout(_TIMES[time], event)  # type: ignore[arg-type]
        case (name, time, event):
            return otp.NamedTimeout(name, _TIMES[time], event)  # type: ignore[arg-type]


class _Dice:
    """Makes machines that come to an end: a postponed event changes no state and adds no event."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._number = 0

    def machine(self) -> tuple[bool, list[Any], list[Any]]:
        enters = self._random.choice([True, False])
        entries = [self._entry() for _ in range(self._random.randint(0, 6))]
        return enters, entries, [self._event(2) for _ in range(self._random.randint(1, 8))]

    def _entry(self) -> Any:
        kind = self._random.choice(["keep", "keep", "keep", "repeat"])
        return kind, [self._timeout(1) for _ in range(self._random.randint(0, 3))]

    def _event(self, depth: int) -> Any:
        self._number += 1
        return self._number, self._result(depth)

    def _result(self, depth: int) -> Any:
        throw = self._random.random()
        if throw < 0.3:
            kind = self._random.choice(["keep", "repeat"])
            return kind, ["postpone", *self._actions(0)]
        if throw < 0.6:
            return "next", self._random.randint(0, 2), self._actions(depth)
        return self._random.choice(["keep", "repeat"]), self._actions(depth)

    def _actions(self, depth: int) -> list[Any]:
        actions: list[Any] = []
        for _ in range(self._random.randint(0, 3)):
            if depth and self._random.random() < 0.4:
                actions.append(("next_event", self._event(depth - 1)))
            elif depth:
                actions.append(self._timeout(depth))
        return actions

    def _timeout(self, depth: int) -> Any:
        name = self._random.choice(list(_NAMES))
        return name, self._random.choice(list(_TIMES)), self._event(depth - 1)


async def _handled(machine: tuple[bool, list[Any], list[Any]]) -> list[Any]:
    enters, entries, events = machine
    log: list[Any] = []
    async with open_runtime():
        pid = ok(await otp.start(EnteringMachine if enters else Machine, log, entries))
        await otp.sys.suspend(pid)
        for event in events:
            otp.cast(pid, event)
        await otp.sys.resume(pid)
        await otp.sys.get_state(pid)
        await otp.stop(pid)
    return log


async def test_the_same_events_in_the_same_order(erlang: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED") or 1)
    dice = _Dice(seed)
    machines = [dice.machine() for _ in range(300)]
    expected = run_in_erlang(erlang, "machines", machines, tmp_path)
    for machine, theirs in zip(machines, expected, strict=True):
        assert term(await _handled(machine)) == theirs, (seed, term(machine))
