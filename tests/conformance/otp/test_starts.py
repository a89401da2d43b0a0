"""Every way to begin with proc_lib, and random uses of a registry: what the starter sees in OTP."""

import itertools
import os
import random
from pathlib import Path
from typing import Any

from trio.testing import MockClock

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    exit,
    is_alive,
    open_runtime,
    otp,
    receive,
    send,
    sleep,
    trap_exit,
)
from actorsock.otp import Caller, Reply, Via, proc_lib

from ..sides.erlang_programs import run_in_erlang, term

# ---- proc_lib ----------------------------------------------------------------------------------

ACTS: list[Any] = [
    [("ack", "begun"), "wait"],
    [("ack", ("error", "early")), ("exit", "late")],
    [("ack", "once")],
    [],
    [("exit", "why")],
    [("exit", "normal")],
    ["wait"],
]
HOW = ["start", "start_link", "start_monitor"]
STARTS: list[Any] = [("proc_lib", how, acts) for how, acts in itertools.product(HOW, ACTS)]


async def _begun(acts: Any) -> None:
    for act in acts:
        match act:
            case ("ack", value):
                proc_lib.init_ack(value)
            case ("exit", reason):
                exit(reason)
            case "wait":
                await receive(lambda message: False)


async def _started(how: str, acts: Any, light: bool) -> Any:
    start: Any = getattr(proc_lib, how)
    result = await start(_begun, acts, timeout=1, light=light)
    ref = None
    if how == "start_monitor":
        result, ref = result
    await sleep(0.01)
    told = []
    while type(message := await receive(after=0)) in (Exit, Down):
        if isinstance(message, Down):
            assert message.ref is ref
        told.append(("exit" if isinstance(message, Exit) else "down", message.reason))
    return [("error", result.reason) if isinstance(result, Error) else result, told]


# ---- a registry --------------------------------------------------------------------------------


class Registry:
    """The registry of starts.erl."""

    def __init__(self) -> None:
        self.names: dict[str, Pid | None] = {}
        self.asked: list[Any] = []

    def register_name(self, name: str, pid: Pid) -> bool:
        self.asked.append(("register", name))
        return self.names.setdefault(name, pid) is pid

    def unregister_name(self, name: str) -> None:
        self.asked.append(("unregister", name))
        self.names.pop(name, None)

    def whereis_name(self, name: str) -> Pid | None:
        pid = self.names.get(name)
        if pid is not None and not is_alive(pid):
            return self.names.pop(name) and None
        return pid

    def send(self, name: str, message: Any) -> None:
        self.asked.append(("send", name))
        pid = self.whereis_name(name)
        if pid is None:
            raise ValueError(name)
        send(pid, message)


class Server(otp.GenServer):
    def init(self, init: Any) -> Any:
        match init:
            case ("stop", reason):
                return otp.Stop(reason)
            case "ignore":
                return otp.Ignore()
            case ("exit", reason):
                exit(reason)
        return None

    def handle_call(self, request: Any, caller: Caller) -> Reply:
        return Reply("answer")

    def handle_cast(self, request: Any) -> None:
        pass


def _steps(dice: random.Random) -> list[Any]:
    inits = ["ok", "ok", "ok", "ignore", ("stop", "no"), ("exit", "because")]
    steps: list[Any] = []
    for _ in range(dice.randint(2, 10)):
        name = dice.choice("ab")
        kind = dice.choice(["start", "start", "call", "cast", "request", "stop", "refuse"])
        if kind == "refuse" and ("refuse", name) not in steps and ("start", name) not in steps:
            steps.append((kind, f"{name}0"))
            steps.append(("start", f"{name}0", "ok"))
        elif kind != "refuse":
            steps.append((kind, name, dice.choice(inits)) if kind == "start" else (kind, name))
    return steps


async def _used(steps: list[Any]) -> list[Any]:
    registry = Registry()
    results = []
    for step in steps:
        try:
            result = await _done(registry, step)
        except CallError as exc:
            result = "failed", exc.reason
        results.append([result, [*registry.asked]])
        registry.asked.clear()
    for pid in filter(None, registry.names.values()):
        exit(pid, "kill")
    return results


async def _done(registry: Registry, step: Any) -> Any:
    name = Via(registry, step[1])
    match step[0]:
        case "start":
            match await otp.start(Server, step[2], name=name):
                case Error("already_started", None):
                    return "error", "refused"
                case Error(reason):
                    return reason if reason == "ignore" else ("error", reason)
        case "call":
            return await otp.call(name, "x")
        case "cast":
            otp.cast(name, "x")
        case "request":
            match await otp.receive_response(otp.send_request(name, "x")):
                case Ok(value):
                    return "reply", value
                case Error(reason):
                    return "error", reason
        case "stop":
            await otp.stop(name)
        case "refuse":
            registry.names[step[1]] = None
    return "ok"


# ---- both --------------------------------------------------------------------------------------


async def test_the_starter_sees_the_same(
    erlang: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    seed = int(os.environ.get("SEED") or 1)
    dice = random.Random(seed)
    uses = [_steps(dice) for _ in range(200)]
    programs = [*STARTS, *(("via", steps) for steps in uses)]
    expected = run_in_erlang(erlang, "starts", programs, tmp_path)
    for (_, how, acts), theirs in zip(STARTS, expected[: len(STARTS)], strict=True):
        for light in (False, True):
            async with open_runtime():
                trap_exit(True)
                ours = await _started(how, acts, light)
            assert term(ours) == theirs, (how, acts, light)
    for steps, theirs in zip(uses, expected[len(STARTS) :], strict=True):
        async with open_runtime():
            ours = await _used(steps)
        assert term(ours) == theirs, (seed, term(steps))
