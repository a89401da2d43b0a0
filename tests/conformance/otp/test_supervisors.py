"""Random stories of supervisors, run by OTP's and by ours: the same starts, stops and ends."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from actorsock import (
    CallError,
    Error,
    Exit,
    Ok,
    Pid,
    current_pid,
    exit,
    monitor,
    open_runtime,
    otp,
    receive,
    send,
    spawn_link,
    trap_exit,
)
from actorsock.otp import ChildSpec, Supervisor, SupervisorFlags

from ..sides.erlang_programs import run_in_erlang, term


class _Story:
    """One supervisor, and the log of its children."""

    def __init__(self) -> None:
        self._log: list[Any] = []
        self._starts: dict[Any, int] = {}

    async def run(self, flags: Any, children: list[Any], steps: list[Any]) -> list[Any]:
        async with open_runtime():
            trap_exit(True)
            strategy, intensity, auto_shutdown = flags
            specs = [self._spec(child) for child in children]
            made = SupervisorFlags(strategy, intensity, 1000, auto_shutdown=auto_shutdown)
            match await otp.start_link(Supervisor, specs, made):
                case Ok(Pid() as supervisor):
                    return [["ok", self._take_log()], *await self._steps(supervisor, steps)]
                case _:
                    return [["failed", self._take_log()]]

    async def _steps(self, supervisor: Pid, steps: list[Any]) -> list[Any]:
        happened: list[Any] = []
        for step in steps:
            try:
                answer = await self._step(supervisor, step)
            except CallError:
                answer = "ended"
            try:
                children = await otp.which_children(supervisor)
                while any(child.pid == "restarting" for child in children):
                    children = await otp.which_children(supervisor)
            except CallError:
                ended = await receive(Exit)
                return [*happened, [answer, self._take_log(), "ended", ended.reason]]
            states = sorted((child.id, _state(child.pid)) for child in children)
            happened.append([answer, self._take_log(), states])
        await otp.stop(supervisor)
        return [*happened, self._take_log()]

    async def _step(self, supervisor: Pid, step: Any) -> str:
        match step:
            case ("exit", id, reason):
                for child in await otp.which_children(supervisor):
                    if child.id == id and isinstance(child.pid, Pid):
                        ref = monitor(child.pid)
                        exit(child.pid, ("please", reason))
                        await receive(ref)
                        return "ok"
                return "nobody"
            case ("terminate", id):
                return _answer(await otp.terminate_child(supervisor, id))
            case ("restart", id):
                return _answer(await otp.restart_child(supervisor, id))
            case ("delete", id):
                return _answer(await otp.delete_child(supervisor, id))
            case ("start", child):
                try:
                    return _answer(await otp.start_child(supervisor, self._spec(child)))
                except ValueError:  # an invalid combination
                    return "failed"
        raise ValueError(step)

    def _spec(self, child: Any) -> ChildSpec:
        id, restart, significant, fails = child
        return ChildSpec(id, self._start, (id, fails), restart, significant=significant)

    async def _start(self, id: Any, fails: list[int]) -> Any:
        self._starts[id] = self._starts.get(id, 0) + 1
        if self._starts[id] in fails:
            self._log.append([id, "fails"])
            return Error("failed")
        self._log.append([id, "starts"])
        pid = spawn_link(self._child, id, current_pid(), light=True)
        await receive(lambda message: message == ("ready", pid))
        return pid

    async def _child(self, id: Any, supervisor: Pid) -> None:
        trap_exit(True)
        send(supervisor, ("ready", current_pid()))
        match (await receive(Exit)).reason:
            case ("please", reason):
                exit(reason)
            case reason:
                self._log.append([id, "stops"])
                exit(reason)

    def _take_log(self) -> list[Any]:
        log, self._log = self._log, []
        return log


def _state(pid: Any) -> str:
    return "running" if isinstance(pid, Pid) else "undefined"


def _answer(answer: Any) -> str:
    match answer:
        case Ok(None):
            return "ok"
        case Ok(pid):
            return _state(pid)
        case Error(reason):
            return str(reason)
    raise ValueError(answer)


class _Dice:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def story(self) -> tuple[Any, list[Any], list[Any]]:
        choose = self._random.choice
        auto = choose(["never", "never", "any_significant", "all_significant"])
        flags = choose(["one_for_one", "one_for_all", "rest_for_one"]), choose([1, 3, 100]), auto
        ids = list("abcd"[: self._random.randint(1, 4)])
        children = [self._child(id, auto) for id in ids]
        return flags, children, [self._step(auto) for _ in range(self._random.randint(1, 8))]

    def _child(self, id: str, auto: str) -> Any:
        restart = self._random.choice(["permanent", "transient", "temporary"])
        significant = auto != "never" and restart != "permanent" and self._random.random() < 0.7
        fails = [number for number in range(1, 6) if self._random.random() < 0.15 and number > 1]
        return id, restart, significant, fails

    def _step(self, auto: str) -> Any:
        id = self._random.choice("abcd")
        match self._random.choice(["exit"] * 5 + ["terminate", "restart", "delete", "start"]):
            case "exit":
                reasons = ["normal", "shutdown", ("shutdown", "moving"), "because", "because"]
                return "exit", id, self._random.choice(reasons)
            case "start":
                return "start", self._child(id, auto)
            case step:
                return step, id


async def test_the_same_starts_and_stops_after_every_step(
    erlang: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "actorsock")
    seed = int(os.environ.get("SEED") or 1)
    dice = _Dice(seed)
    stories = [dice.story() for _ in range(300)]
    expected = run_in_erlang(erlang, "supervisors", stories, tmp_path)
    for story, theirs in zip(stories, expected, strict=True):
        assert term(await _Story().run(*story)) == theirs, (seed, term(story))
