"""Random programs with a collection of requests: the same responses, labels and sizes."""

import os
import random
from pathlib import Path
from typing import Any

from actorsock import Error, Ok, Pid, Timeout, exit, ok, open_runtime, otp, receive
from actorsock.otp import Caller, NoReply, NoRequest, Reply, Response

from ..sides.erlang_programs import run_in_erlang, term


class Server(otp.GenServer):
    def handle_call(self, request: Any, caller: Caller) -> Any:
        return NoReply() if request == "never" else Reply(request)


def _program(dice: random.Random) -> list[Any]:
    return [_step(dice, label) for label in range(dice.randint(2, 14))]


def _step(dice: random.Random, label: int) -> Any:
    kind = dice.choice(["send", "send", "add", "ends", "labels", "wait", "'receive'", "check"])
    match kind:
        case "send":
            return kind, label, dice.choice(["answer", "never", "noproc"])
        case "add":
            return kind, label
        case "ends" | "labels":
            return kind
    return kind, dice.random() < 0.8


async def _done_by_ours(steps: list[Any]) -> list[Any]:
    results = []
    async with open_runtime():
        server, requests = ok(await otp.start(Server)), otp.reqids_new()
        for step in steps:
            result = await _done(server, requests, step)
            if step == "ends":
                server = ok(await otp.start(Server))
            results.append([result, otp.reqids_size(requests)])
        exit(server, "kill")
    return results


async def _done(server: Pid, requests: otp.RequestCollection, step: Any) -> Any:
    match step:
        case ("send", label, request):
            to = "nobody" if request == "noproc" else server
            assert otp.send_request(to, request, label, requests) is requests
            return "sent"
        case ("add", label):
            ref = otp.send_request(server, label)
            assert otp.reqids_add(ref, label, requests) is requests
            try:
                otp.reqids_add(ref, "other", requests)
            except ValueError:
                return "badarg"
        case "ends":
            await otp.stop(server)
            return "ended"
        case "labels":
            return [label for _, label in otp.reqids_to_list(requests)]
        case ("wait", delete):
            return _plain(await otp.wait_response(requests, 0, delete), "timeout")
        case ("'receive'", delete):
            return _plain(await otp.receive_response(requests, 0, delete), "timeout")
        case ("check", delete):
            message = await receive(after=0)
            if message == Timeout():
                return "no_message"
            return _plain(otp.check_response(message, requests, delete), "no_reply")
    raise ValueError(step)


def _plain(response: Any, none: str) -> Any:
    match response:
        case NoRequest():
            return "no_request"
        case Response(Ok(value), label):
            return "reply", value, label
        case Response(Error(reason), label):
            return "error", reason, label
    assert response in (None, Timeout())
    return none


async def test_the_same_responses(erlang: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED") or 1)
    dice = random.Random(seed)
    programs = [_program(dice) for _ in range(400)]
    expected = run_in_erlang(erlang, "request_ids", programs, tmp_path)
    for program, theirs in zip(programs, expected, strict=True):
        assert term(await _done_by_ours(program)) == theirs, (seed, term(program))
