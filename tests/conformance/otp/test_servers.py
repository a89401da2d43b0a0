"""Random servers, run by gen_server and by ours: the same callbacks, answers and exit reasons."""

import contextlib
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
    exit,
    is_alive,
    monitor,
    open_runtime,
    otp,
    receive,
    send,
    trap_exit,
)

from ..sides.erlang_programs import run_in_erlang, term


class Server(otp.GenServer):
    """Does what each request says, and logs the callbacks."""

    def init(self, log: list[Any], traps: bool, init: Any, terminate: Any) -> Any:
        trap_exit(traps)
        self.log, self.last = log, terminate
        return otp.Ignore() if init == "ignore" else _done(init)

    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        number, result = request
        self.log.append(["call", number])
        match result:
            case ("reply", "go_on"):
                return otp.Reply(number)
            case ("reply", "timeout"):
                return otp.Reply(number, timeout=0)
            case ("reply", ("continue", term)):
                return otp.Reply(number, otp.Continue(term))
            case ("reply", ("stop", reason)):
                return otp.Stop(reason, number)
            case ("replied", then):
                otp.reply(caller, ("early", number))
                return _done(then)
        return _done(result)

    def handle_cast(self, request: Any) -> Any:
        self.log.append(["cast", request[0]])
        return _done(request[1])

    def handle_info(self, message: Any) -> Any:
        match message:
            case Exit(reason=reason):
                self.log.append(["exit", reason])
                return None
            case "timeout":
                self.log.append(["timeout"])
                return None
        self.log.append(["info", message[0]])
        return _done(message[1])

    def handle_continue(self, term: Any) -> Any:
        self.log.append(["continue", term[0]])
        return _done(term[1])

    def terminate(self, reason: Any) -> None:
        self.log.append(["terminate", reason])
        if self.last != "go_on":
            exit(self.last[1])


class WaitingServer(Server):
    """The same, in a task or light process."""

    async def init(self, *args: Any) -> Any:  # type: ignore[override]
        return Server.init(self, *args)


def _done(result: Any) -> Any:
    match result:
        case "go_on":
            return otp.NoReply()
        case "timeout":
            return otp.NoReply(timeout=0)
        case ("continue", term):
            return otp.Continue(term)
        case ("stop", reason):
            return otp.Stop(reason)
        case ("exit", reason):
            exit(reason)
    raise ValueError(result)


class _Dice:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._number = 0

    def server(self) -> Any:
        throw = self._random.random()
        init: Any = "go_on"
        if throw < 0.1:
            init = self._random.choice(["ignore", ("stop", self._reason()), ("exit", "because")])
        elif throw < 0.3:
            # Without a time-out, which might come before the first request.
            init = "continue", self._numbered(2, quiet=True)
        terminate = ("exit", self._reason()) if self._random.random() < 0.2 else "go_on"
        requests = [self._request() for _ in range(self._random.randint(0, 6))]
        # The last has no time-out, so that all there are have been overtaken.
        requests.append(("call", 0, ("reply", "go_on")))
        return self._random.random() < 0.5, init, terminate, requests

    def _request(self) -> Any:
        kind = self._random.choice(["call", "call", "call", "cast", "info", "exit"])
        number, result = self._numbered(2)
        if kind == "exit":
            return kind, number, self._reason() if self._random.random() < 0.3 else "normal"
        if kind == "call":
            way = self._random.choice(["reply", "reply", "replied", None])
            if way == "replied" or (way is not None and result[0] != "exit"):
                result = way, result
        return kind, number, result

    def _numbered(self, depth: int, quiet: bool = False) -> tuple[int, Any]:
        self._number += 1
        return self._number, self._result(depth, quiet)

    def _result(self, depth: int, quiet: bool) -> Any:
        throw = self._random.random()
        if throw < 0.15:
            return self._random.choice(["stop", "exit"]), self._reason()
        if throw < 0.4 and depth:
            return "continue", self._numbered(depth - 1, quiet)
        return "timeout" if throw < 0.6 and not quiet else "go_on"

    def _reason(self) -> Any:
        return self._random.choice(["normal", "shutdown", ("shutdown", "moving"), "because"])


async def _done_by_ours(server: Any, behaviour: type[Server], light: bool) -> list[Any]:
    traps, init, terminate, requests = server
    log: list[Any] = []
    async with open_runtime():
        match await otp.start(behaviour, log, traps, init, terminate, light=light):
            case Ok(Pid() as pid):
                pass
            case Error("ignore"):
                return [log, "ignore"]
            case Error(reason):
                return [log, ("error", reason)]
        ref = monitor(pid)
        with contextlib.suppress(CallError):
            await otp.sys.suspend(pid)
        asked = []
        for kind, number, result in requests:
            match kind:
                case "call":
                    asked.append((number, otp.send_request(pid, (number, result))))
                case "cast":
                    otp.cast(pid, (number, result))
                case "info":
                    send(pid, (number, result))
                case "exit":
                    exit(pid, result)
                    if not is_alive(pid):  # Erlang's is gone by now
                        await receive(monitor(pid))
        with contextlib.suppress(CallError):
            await otp.sys.resume(pid)
        with contextlib.suppress(CallError):
            await otp.sys.get_state(pid)
        alive = is_alive(pid)
        exit(pid, "kill")
        reason = (await receive(ref)).reason
        answers = [(number, _answer(await otp.receive_response(ref))) for number, ref in asked]
        return [log, answers, "alive" if alive else reason]


def _answer(response: Any) -> Any:
    match response:
        case Ok(value):
            return value
        case Error(reason):
            return "ended", reason
    raise ValueError(response)


def _agree(server: Any, ours: list[Any], theirs: str) -> bool:
    """Return True if callbacks, answers and exit reason are the same.

    In Erlang a server runs what its `init` continues with at the same time as its starter goes on.
    If it ends there, the monitor comes before or after its end: the reason is its own or "noproc".
    All else is defined, because every request is sent after `sys:suspend` has returned or failed.
    (`start_monitor` would give the reason, but an exit signal of the starter then ends a server
    that traps exits, as one of a parent does.)
    """
    _, init, _, _ = server
    if init[0] == "continue" and "noproc" in (ours[-1], theirs.removesuffix("]").split(",")[-1]):
        return theirs.startswith(term(ours[:-1])[:-1] + ",")
    return term(ours) == theirs


async def test_the_same_callbacks_and_answers(
    erlang: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "actorsock")
    seed = int(os.environ.get("SEED") or 1)
    dice = _Dice(seed)
    servers = [dice.server() for _ in range(300)]
    expected = run_in_erlang(erlang, "servers", servers, tmp_path)
    for server, theirs in zip(servers, expected, strict=True):
        for behaviour, light in [(Server, False), (WaitingServer, False), (WaitingServer, True)]:
            ours = await _done_by_ours(server, behaviour, light)
            what = (seed, behaviour, light, term(server), term(ours), theirs)
            assert _agree(server, ours, theirs), what
