"""Those who look on, in the soak test: observers, traces and monitors that come and go at random.

Some of them are killed in the middle. What they look at must not notice, and nothing may be left of
them.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    Ref,
    Timeout,
    current_pid,
    exit,
    observer,
    ok,
    process_info,
    processes,
    receive,
    sleep,
    socket,
    spawn_link,
    spawn_monitor,
    system_monitor,
    trace,
    who_waits_for_whom,
)
from actorsock.trace.sessions.events import FLAGS, Flag

from .load import Load
from .using import PATIENCE

__all__ = ["onlookers"]

_AT_A_TIME: Final = 6
_KILL_EVERY: Final = 0.1
"""The longest time, in seconds, between two kills of an onlooker."""

_SHORT: Final = 0.05
"""The longest pause, in seconds, in what one of them does."""

_QUESTIONS: Final = (
    "system?history=1",
    "processes?sort=status&own=1&sockets=1&count=500",
    "processes?word=client",
    "tree?depth=5",
    "sockets?sort=read",
    "waits",
    "timers",
    "names",
    "nothing",
)

_Word = Literal["all", "new", "existing"]
_WORDS: Final[tuple[_Word | None, ...]] = ("all", "new", "existing", None)


async def onlookers(load: Load) -> None:
    """Keep an observer open, and processes that look in all ways, until the message "stop"."""
    kept: dict[Ref, Pid] = {}
    served, served_ref = spawn_monitor(_served, load)
    while True:
        while len(kept) < _AT_A_TIME:
            light = load.light()
            pid, ref = spawn_monitor(load.chance.choice(_WAYS), load, light=light)
            kept[ref] = pid
        match await receive(after=load.chance.random() * _KILL_EVERY):
            case Down(ref=ref) if ref == served_ref:
                load.tally["observers started again"] += 1
                served, served_ref = spawn_monitor(_served, load)
            case Down(ref=ref):
                del kept[ref]
            case Timeout():
                load.tally["onlookers killed in the middle"] += 1
                exit(load.chance.choice(list(kept.values())), "kill")
            case "stop":
                for ref, pid in [*kept.items(), (served_ref, served)]:
                    exit(pid, "kill")
                    await receive(ref)
                return


async def _served(load: Load) -> None:
    """Open and close an observer, again and again."""
    while True:
        async with observer.serve(0, messages=load.likely(0.5)) as observed:
            load.observed = observed.port, observed.url.rpartition("#")[2]
            await sleep(load.chance.random())
        load.tally["observers opened and closed"] += 1


async def _ask(load: Load) -> None:
    """Ask the observer some questions on one connection, and leave, maybe amid an answer."""
    await _ask_for(load, [load.chance.choice(_QUESTIONS) for _ in range(load.chance.randrange(5))])


async def _ask_about_one(load: Load) -> None:
    await _ask_for(load, [f"process?pid={load.chance.choice(processes())!r}"])


async def _live(load: Load) -> None:
    """Follow a live trace of the observer for a while."""
    limit = load.chance.choice((1, 100, 100_000))
    await _ask_for(
        load, [f"trace?which={_which(load)}&flags={','.join(_flags(load))}&limit={limit}"]
    )


async def _ask_for(load: Load, questions: list[str]) -> None:
    if load.observed is None:
        return
    port, token = load.observed
    sock = ok(socket.open("inet", "stream"))
    if isinstance(await socket.connect(sock, ("127.0.0.1", port), PATIENCE), Error):
        return  # there is none any more
    for question in questions:
        head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        request = f"GET /api/{question} HTTP/1.1\r\n{head}"
        if isinstance(await socket.send(sock, request.encode(), (), PATIENCE), Error):
            return
        for _ in range(load.chance.randrange(10)):
            match await socket.recv(sock, timeout=load.chance.random() * _SHORT):
                case Ok(data):
                    if data.startswith(b"HTTP/1.1 "):
                        status = data[9:12].decode()
                        load.tally[f"answers of an observer with the status {status}"] += 1
                case Error("timeout"):
                    break
                case Error():
                    return


async def _trace(load: Load) -> None:
    """Have a session of tracing, with any flags and of any processes, for a while."""
    events: list[trace.TraceEvent] = []
    tracer = load.chance.choice(
        (
            lambda: None,
            lambda: current_pid(),
            lambda: spawn_link(_take_events, light=load.light()),
            lambda: events.append,
            lambda: str(load.directory / "trace"),
        )
    )()
    limit = load.chance.choice((None, None, 100, (1000, 0.1)))
    with trace.session(tracer, limit=limit, keep=load.chance.randrange(200)) as session:
        for _ in range(load.chance.randrange(1, 5)):
            trace.process(session, _which(load), _flags(load), load.likely(0.8))
            await sleep(load.chance.random() * _SHORT)
            load.may_crash()
            if len(events) > 10_000:
                break
        if load.likely(0.1):
            trace.chart(session)
    load.tally[f"traces that have ended: {session.stopped}"] += 1
    if isinstance(tracer, Pid):
        exit(tracer, "kill")


async def _take_events() -> None:
    while True:
        await receive()


async def _monitor(load: Load) -> None:
    """Have the system monitored for a while."""
    with system_monitor(
        current_pid(),
        long_message_queue=(1, 2),
        long_schedule=load.chance.choice((None, 0.01)),
        late_timer=0.001,
        period=0.01,
    ):
        for _ in range(load.chance.randrange(5)):
            if not isinstance(await receive(after=_SHORT), Timeout):
                load.tally["messages of a system monitor"] += 1


async def _inspect(load: Load) -> None:
    """Ask for all that is known of some processes, and who waits for whom."""
    for pid in load.chance.choices(processes(), k=load.chance.randrange(20)):
        info = process_info(pid)
        load.tally["processes inspected"] += info is not None
        if load.likely(0.2):
            await sleep(0)
    load.tally["processes that waited for others"] += len(who_waits_for_whom().reasons)


def _which(load: Load) -> Pid | _Word:
    word = load.chance.choice(_WORDS)
    return load.chance.choice(processes()) if word is None else word


def _flags(load: Load) -> list[Flag]:
    return load.chance.sample(FLAGS, load.chance.randint(1, len(FLAGS)))


_WAYS: Final[tuple[Callable[[Load], Awaitable[None]], ...]] = (
    _ask,
    _ask_about_one,
    _live,
    _trace,
    _monitor,
    _inspect,
)
