"""The course of the demonstration: who is started when, and whether it all adds up."""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TextIO

import attrs

from .. import Down, Ref, current_pid, receive, run, socket, spawn_monitor
from ..socket import SockAddrIn
from .client import client
from .closing import waiter
from .nowait_client import nowait_client
from .reports import Aborted, Accepted, Came, Listening
from .server import server
from .terminal import Tell, paint_for, say, teller
from .text import Text

__all__ = ["tour"]

_CLIENTS: Final = ("client 1", "client 2", "client 3")
_SENDERS: Final = len(_CLIENTS) + 1  # and the one that never blocks
_CONNECTIONS: Final = _SENDERS + 1  # and the one that is closed while it waits


def tour(text: Text, out: TextIO) -> bool:
    """Run the demonstration with `text`, telling it to `out`; whether all came back as sent."""
    paint = paint_for(out)
    say(out, paint("An echo server and its clients: processes, and the sockets they own", "strong"))
    name = text.name if len(text.name) <= 40 else f"{text.name[:37]}..."
    say(
        out,
        f"Each of {_SENDERS} clients sends {name}: {len(text.lines):,} lines, {text.size:,} bytes",
    )
    say(out)

    start = time.perf_counter()
    story = _Story(teller(out))
    run(_main, story, text)
    seconds = time.perf_counter() - start

    say(out)
    failures = story.failures or list(_discrepancies(story, text))
    for failure in failures:
        say(out, paint(f"FAILED  {failure}", "bad"))
    if not failures:
        for name, told in _summary(story, seconds):
            say(out, f"{paint(f'{name:>11}', 'strong')}  {told}")
    return not failures


@attrs.define
class _Story:
    """Who takes part, and what they have reported."""

    tell: Tell
    roles: dict[Ref, str] = attrs.field(factory=dict)
    """Of the processes that have not ended, by the ref of their monitors."""
    came: list[Came] = attrs.field(factory=list)
    accepted: Accepted = attrs.field(factory=lambda: Accepted(0, 0))
    aborts: int = 0
    failures: list[str] = attrs.field(factory=list)


async def _main(story: _Story, text: Text) -> None:
    story.tell("main", "the runtime is open, this is its first process")
    main = current_pid()
    _start(story, "server", server, main)
    match await receive((Listening, Down)):
        case Listening(listener, port):
            address = SockAddrIn("127.0.0.1", port)
        case Down() as down:
            _ended(story, down)
            return

    story.tell("main", f"starts {len(_CLIENTS)} clients, and one that never blocks")
    for role in _CLIENTS:
        _start(story, role, client, role, main, address, text)
    _start(story, "nowait", nowait_client, main, address, text)
    await _until_left(story, {"server"})

    story.tell("main", "starts one whose socket another process closes")
    _start(story, "waiter", waiter, main, address)
    await _until_left(story, {"server"})

    story.tell("main", "closes the listening socket", listener)
    await socket.close(listener)
    await _until_left(story, set())
    story.tell("main", "all have ended, and the runtime is left")


def _start(story: _Story, role: str, function: Callable[..., Awaitable[None]], *args: Any) -> None:
    _, ref = spawn_monitor(function, story.tell, *args)
    story.roles[ref] = role


async def _until_left(story: _Story, left: set[str]) -> None:
    """Take reports until all have ended but those who are `left`."""
    while not left.issuperset(story.roles.values()):
        match await receive((Came, Accepted, Aborted, Down)):
            case Came() as came:
                story.came.append(came)
            case Accepted() as accepted:
                story.accepted = accepted
            case Aborted():
                story.aborts += 1
            case Down() as down:
                _ended(story, down)


def _ended(story: _Story, down: Down) -> None:
    role = story.roles.pop(down.ref)
    if down.reason != "normal":
        # A mistake is logged with its traceback; what a process decided is all there is.
        why = down.reason
        told = f"{type(why).__name__}: {why}" if isinstance(why, BaseException) else str(why)
        story.tell("main", f"{role} has failed", colour="bad")
        story.failures.append(f"{role}: {told}")


def _discrepancies(story: _Story, text: Text) -> Iterator[str]:
    accepted, came = story.accepted, sum(came.size for came in story.came)
    if accepted.connections != _CONNECTIONS:
        yield f"{_CONNECTIONS} connections made, {accepted.connections} accepted"
    if not came == accepted.size == text.size * _SENDERS:
        sent = text.size * _SENDERS
        yield f"{sent:,} bytes sent, {accepted.size:,} echoed, {came:,} came back"
    if story.aborts != 1:
        yield f"{story.aborts} abort messages, not 1"


def _summary(story: _Story, seconds: float) -> Iterator[tuple[str, str]]:
    lines = sum(came.lines for came in story.came)
    selects = sum(came.selects for came in story.came)
    size = story.accepted.size
    connections = story.accepted.connections
    yield "connections", f"{connections} accepted, each served by a process of its own"
    yield "lines", f"{lines:,} sent, all came back as sent"
    yield "bytes", f"{size:,} sent, {size:,} came back"
    yield "messages", f"{selects} select, {story.aborts} abort"
    yield "time", f"{seconds:.3f} s"
