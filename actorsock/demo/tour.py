"""The course of the demonstration: who is started when, and whether it all adds up."""

import time
from collections.abc import Iterator
from typing import Final, TextIO

import attrs

from .. import Down, Pid, Ref, current_pid, ok, receive, run, socket, spawn_monitor
from ..socket import SockAddrIn
from .client import client
from .closing import waiter
from .nowait_client import nowait_client
from .reports import Aborted, Accepted, Came, Listening
from .server import server
from .terminal import Tell, paint_for, say, teller
from .text import Text

__all__ = ["tour"]

_CLIENTS: Final = 3
_PEERS: Final = _CLIENTS + 2
"""Everybody who connects: the clients, the one that never blocks, and the waiter."""


def tour(text: Text, out: TextIO) -> bool:
    """Run the demonstration with `text`, telling it to `out`; whether everything went well."""
    paint = paint_for(out)
    say(
        out,
        paint("An echo server and its clients: processes, and sockets owned by them.", "strong"),
    )
    say(out, f"Each of {_CLIENTS + 1} clients sends {text.name}: {_count(text)}.")
    say(out)
    start = time.perf_counter()
    result = run(_main, teller(out), text)
    seconds = time.perf_counter() - start
    say(out)
    assert result is not None  # _main does not leave by exit
    wrong = [*result.failures, *_sums(text, result)]
    for line in wrong:
        say(out, paint(f"FAILED: {line}", "bad"))
    if not wrong:
        for name, told in _summary(result, seconds):
            say(out, f"{paint(f'{name:>12}', 'strong')}  {told}")
    return not wrong


@attrs.define
class _Result:
    """What the processes have reported."""

    came: list[Came] = attrs.field(factory=list)
    accepted: Accepted | None = None
    aborts: int = 0
    failures: list[str] = attrs.field(factory=list)


async def _main(tell: Tell, text: Text) -> _Result:
    result = _Result()
    tell("main", "the runtime is open, and this is its first process")
    main = current_pid()
    pid, down = spawn_monitor(server, tell, main)
    roles = {down: "server"}
    match await receive((Listening, Down)):
        case Down(reason=reason):
            result.failures.append(f"server {pid}: {_shown(reason)}")
            return result
        case Listening(listener, port):
            address = SockAddrIn("127.0.0.1", port)

    clients = dict(
        [
            _start(f"client {number}", client, tell, f"client {number}", main, address, text)
            for number in range(1, _CLIENTS + 1)
        ]
        + [_start("nowait", nowait_client, tell, main, address, text)]
    )
    ...
    return result
