"""The course of the demonstration: starting its processes in turn, and checking their reports."""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TextIO

import attrs

from .. import Down, Ref, current_pid, receive, run, socket, spawn_monitor, trace
from ..socket import SockAddrIn
from .client import client
from .closing import waiter
from .messages import Aborted, Accepted, Echoed, Listening
from .nowait_client import nowait_client
from .server import server
from .terminal import Show, event_printer, painter, print_line
from .text import Text

__all__ = ["tour"]

_CLIENTS: Final = ("client 1", "client 2", "client 3")
_SENDERS: Final = len(_CLIENTS) + 1  # and the nowait client
_CONNECTIONS: Final = _SENDERS + 1  # and the waiter's


def tour(text: Text, out: TextIO) -> bool:
    """Run the demonstration with `text`, print it to `out`, return True if it succeeded."""
    paint = painter(out)
    title = "An echo server and its clients: processes, and the sockets they own"
    print_line(out, paint(title, "strong"))
    name = text.name if len(text.name) <= 40 else f"{text.name[:37]}..."
    size = f"{len(text.lines):,} lines, {text.size:,} bytes"
    print_line(out, f"Each of {_SENDERS} clients sends {name}: {size}")
    print_line(out)

    start = time.perf_counter()
    progress = _Progress(event_printer(out))
    run(_main, progress, text)
    seconds = time.perf_counter() - start

    print_line(out)
    failures = progress.failures or list(_discrepancies(progress, text))
    for failure in failures:
        print_line(out, paint(f"FAILED  {failure}", "bad"))
    if not failures:
        for name, value in _summary(progress, seconds):
            print_line(out, f"{paint(f'{name:>11}', 'strong')}  {value}")
        print_line(out)
        print_line(out, paint("The socket that another process closes, as it was traced", "strong"))
        utf8 = (out.encoding or "").lower().replace("-", "") == "utf8"
        print_line(out, trace.chart(progress.scene, "text" if out.isatty() and utf8 else "ascii"))
    return not failures


@attrs.define
class _Progress:
    """The processes that have been started, and their reports."""

    show: Show
    roles: dict[Ref, str] = attrs.field(factory=dict)
    """The roles of the processes that have not ended, by the refs of their monitors."""
    echoed: list[Echoed] = attrs.field(factory=list)
    accepted: Accepted = attrs.field(factory=lambda: Accepted(0, 0))
    aborts: int = 0
    scene: Iterable[trace.TraceEvent] = ()
    """What was traced of the scene of the closed socket."""
    failures: list[str] = attrs.field(factory=list)


async def _main(progress: _Progress, text: Text) -> None:
    progress.show("main", "the runtime is open; this is its first process")
    main = current_pid()
    _start(progress, "server", server, main)
    match await receive((Listening, Down)):
        case Listening(listener, port):
            address = SockAddrIn("127.0.0.1", port)
        case Down() as down:
            _ended(progress, down)
            return

    progress.show("main", f"starts {len(_CLIENTS)} clients, and one that never blocks")
    for role in _CLIENTS:
        _start(progress, role, client, role, main, address, text)
    _start(progress, "nowait", nowait_client, main, address, text)
    await _until_only(progress, {"server"})

    progress.show("main", "starts a process whose socket another one closes")
    with trace.session() as scene:
        trace.process(scene, main, ["receive", "procs", "sockets", "set_on_spawn"])
        _start(progress, "waiter", waiter, main, address)
        await _until_only(progress, {"server"})
    progress.scene = scene

    progress.show("main", "closes the listening socket", listener)
    await socket.close(listener)
    await _until_only(progress, set())
    progress.show("main", "all processes have ended; the runtime closes")


def _start(
    progress: _Progress, role: str, function: Callable[..., Awaitable[None]], *args: Any
) -> None:
    _, ref = spawn_monitor(function, progress.show, *args)
    progress.roles[ref] = role


async def _until_only(progress: _Progress, left: set[str]) -> None:
    """Receive reports until only the roles in `left` are still running."""
    while not left.issuperset(progress.roles.values()):
        match await receive((Echoed, Accepted, Aborted, Down)):
            case Echoed() as echoed:
                progress.echoed.append(echoed)
            case Accepted() as accepted:
                progress.accepted = accepted
            case Aborted():
                progress.aborts += 1
            case Down() as down:
                _ended(progress, down)


def _ended(progress: _Progress, down: Down) -> None:
    role = progress.roles.pop(down.ref)
    if down.reason != "normal":
        # An exception has also been logged with its traceback; any other reason is shown only here.
        reason = down.reason
        crashed = isinstance(reason, BaseException)
        text = f"{type(reason).__name__}: {reason}" if crashed else str(reason)
        progress.show("main", f"{role} has failed", colour="bad")
        progress.failures.append(f"{role}: {text}")


def _discrepancies(progress: _Progress, text: Text) -> Iterator[str]:
    accepted, received = progress.accepted, sum(echoed.size for echoed in progress.echoed)
    if accepted.connections != _CONNECTIONS:
        yield f"{_CONNECTIONS} connections made, {accepted.connections} accepted"
    if not received == accepted.size == text.size * _SENDERS:
        sent = text.size * _SENDERS
        yield f"{sent:,} bytes sent, {accepted.size:,} echoed, {received:,} received back"
    if progress.aborts != 1:
        yield f"{progress.aborts} abort messages; expected 1"


def _summary(progress: _Progress, seconds: float) -> Iterator[tuple[str, str]]:
    lines = sum(echoed.lines for echoed in progress.echoed)
    selects = sum(echoed.selects for echoed in progress.echoed)
    size = progress.accepted.size
    connections = progress.accepted.connections
    yield "connections", f"{connections} accepted, each served by a process of its own"
    yield "lines", f"{lines:,} sent, all received back unchanged"
    yield "bytes", f"{size:,} sent, {size:,} received back"
    yield "messages", f"{selects} select, {progress.aborts} abort"
    yield "time", f"{seconds:.3f} s"
