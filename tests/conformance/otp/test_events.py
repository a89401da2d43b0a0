"""Random programs with event managers, run by gen_event and by ours: everything that is seen."""

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
    Timeout,
    current_pid,
    exit,
    is_alive,
    monitor,
    ok,
    open_runtime,
    otp,
    receive,
    send,
    spawn,
)
from actorsock.otp import EventHandler, GenEventExit, RemoveHandler, Reply, SwapHandler

from ..sides.erlang_programs import run_in_erlang, term


class Handler(EventHandler):
    """Does what its plan and each event say, and logs the callbacks."""

    def init(self, args: Any, *term: Any) -> Any:
        self.log, (self.tag, init, self.last) = args
        self.log.append(["init", self.tag, *map(_plain, term)])
        match init:
            case ("error", reason):
                return Error(reason)
            case ("exit", reason):
                exit(reason)
        return None

    def handle_event(self, plans: Any) -> Any:
        return self._planned("event", plans)

    def handle_info(self, message: Any) -> Any:
        if isinstance(message, Exit):
            self.log.append(["'EXIT'", self.tag, message.reason])
            return None
        return self._planned("info", message[1])

    def handle_call(self, plan: Any) -> Any:
        self.log.append(["call", self.tag])
        match plan:
            case ("reply", value):
                return Reply(value)
            case ("remove", value):
                return RemoveHandler(value)
            case ("swap", value, args, new, its_plan):
                return SwapHandler(args, (Handler, new), (self.log, its_plan), value)
        return self._failed(plan)

    def terminate(self, reason: Any) -> Any:
        if reason[:1] == ("error",):
            reason = "error", _reason(reason[1])
        self.log.append(["terminate", self.tag, reason])
        return self.last if self.last[0] == "left" else self._failed(self.last)

    def _planned(self, what: str, plans: Any) -> Any:
        self.log.append([what, self.tag])
        match dict(plans).get(self.tag, "ok"):
            case "ok":
                return None
            case "remove":
                return RemoveHandler()
            case ("swap", args, new, plan):
                return SwapHandler(args, (Handler, new), (self.log, plan))
            case plan:
                return self._failed(plan)

    def _failed(self, plan: Any) -> Any:
        return plan if plan == "wrong" else exit(plan[1])


_KINDS = ("add", "add_sup", "delete", "swap", "swap_sup", "notify", "sync_notify", "info", "call")


class _Dice:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._tag = 0

    def program(self) -> list[Any]:
        steps = [self._step() for _ in range(self._random.randint(3, 12))]
        if self._random.random() < 0.5:
            steps.append(("other_ends", self._random.choice(["killed", "shutdown"])))
            steps.append(("sync_notify", []))
        return [*steps, "stop"]

    def _step(self) -> Any:
        step = self._own_step()
        return ("by_other", step) if self._random.random() < 0.3 else step

    def _own_step(self) -> Any:
        kind = self._random.choice([*_KINDS, "add", "add_sup", "call"])
        match kind:
            case "add" | "add_sup":
                return kind, self._id(), self._plan()
            case "delete":
                return kind, self._id(), "leave"
            case "swap" | "swap_sup":
                return kind, self._id(), "swap", self._id(), self._plan()
            case "call":
                return kind, self._id(), self._answer()
        some = range(max(1, self._tag - 6), self._tag + 1)
        return kind, [(tag, self._result()) for tag in some if self._random.random() < 0.4]

    def _id(self) -> str:
        return self._random.choice("abc")

    def _plan(self) -> Any:
        self._tag += 1
        init = self._random.choice(["ok"] * 6 + [("error", "no"), ("exit", "because")])
        leaves = self._random.random() < 0.8
        return self._tag, init, ("left", self._tag) if leaves else ("exit", "badly")

    def _answer(self) -> Any:
        number = self._random.randint(1, 9)
        swap = "swap", number, "swap", self._id(), self._plan()
        answers = [("reply", number)] * 3 + [("remove", number), swap, "wrong", ("exit", "normal")]
        return self._random.choice(answers)

    def _result(self) -> Any:
        swap = "swap", "swap", self._id(), self._plan()
        return self._random.choice(["ok", "remove", "wrong", ("exit", "because"), swap])


async def _done_by_ours(steps: list[Any], light: bool) -> list[Any]:
    log: list[Any] = []
    results: list[Any] = []
    async with open_runtime():
        manager = ok(await otp.start(otp.EventManager, light=light))
        other = spawn(_other, manager, log)

        async def ask_other(step: Any) -> Any:
            send(other, (current_pid(), step))
            return (await receive(list))[0]

        for step in steps:
            match step:
                case ("by_other", its_step):
                    result = await ask_other(its_step)
                case ("other_ends", reason):
                    exit(other, reason)
                    await receive(monitor(other))
                    result = "ended"
                case _:
                    result = await _done(manager, log, step)
            try:
                handlers = [name[1] for name in await otp.which_handlers(manager)]
            except CallError:
                handlers = []
            seen = [*log], handlers
            log.clear()
            theirs = await ask_other("messages") if is_alive(other) else []
            mine = [_told(message, other) for message in await _messages()]
            results.append([result, [*seen], [mine, [_told(each, other) for each in theirs]]])
        exit(other, "kill")
    return results


async def _other(manager: Pid, log: list[Any]) -> None:
    while True:
        asker, step = await receive(tuple)
        send(asker, [await (_messages() if step == "messages" else _done(manager, log, step))])


async def _messages() -> list[GenEventExit]:
    came = []
    while not isinstance(message := await receive(GenEventExit, after=0), Timeout):
        came.append(message)
    return came


async def _done(manager: Pid, log: list[Any], step: Any) -> Any:
    match step:
        case ("add", name, plan):
            return _plain(await otp.add_handler(manager, (Handler, name), (log, plan)))
        case ("add_sup", name, plan):
            return _plain(await otp.add_sup_handler(manager, (Handler, name), (log, plan)))
        case ("delete", name, args):
            return _plain(await otp.delete_handler(manager, (Handler, name), args))
        case ("swap" | "swap_sup" as kind, name, args, new, plan):
            swap = otp.swap_handler if kind == "swap" else otp.swap_sup_handler
            old = (Handler, name), args
            return _plain(await swap(manager, old, ((Handler, new), (log, plan))))
        case ("notify", plans):
            otp.notify(manager, plans)
        case ("sync_notify", plans):
            await otp.sync_notify(manager, plans)
        case ("info", plans):
            send(manager, ("plans", plans))
        case ("call", name, plan):
            return _plain(await otp.call(manager, otp.HandlerCall((Handler, name), plan)))
        case "stop":
            await otp.stop(manager)
    return "ok"


def _plain(result: Any) -> Any:
    match result:
        case Ok(None):
            return "ok"
        case Ok(value):
            return "ok", value
        case Error(reason):
            return "error", _reason(reason)
    return result


def _reason(reason: Any) -> Any:
    return "wrong" if isinstance(reason, TypeError) else reason


def _told(message: GenEventExit, other: Pid) -> list[Any]:
    match message.reason:
        case ("swapped", (_, name), pid):
            return [message.handler[1], ("swapped", name, "other" if pid is other else "me")]
    return [message.handler[1], _reason(message.reason)]


async def test_the_same_callbacks_answers_and_messages(
    erlang: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "actorsock")
    seed = int(os.environ.get("SEED") or 1)
    dice = _Dice(seed)
    programs = [dice.program() for _ in range(300)]
    expected = run_in_erlang(erlang, "events", programs, tmp_path)
    for program, theirs in zip(programs, expected, strict=True):
        for light in (False, True):
            ours = term(await _done_by_ours(program, light))
            assert ours == theirs, (seed, light, term(program))
