"""Tracing: what happens to processes while it happens. Erlang's `trace` of OTP 27.

`with trace.session(tracer) as session:` opens a session; `trace.process(session, which, flags)`
says what is traced in it. When the block ends, everything is as before. `trace.chart(events)` draws
a sequence chart of what was seen.

What is not traced pays nothing. What is traced is done by the Python alone, not by the native core.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

from trio.lowlevel import enable_ki_protection

from ..arguments import check_bool, check_int, shown
from ..runtime.bodies.current import current_process
from ..runtime.bodies.functions import check_plain
from ..runtime.core.identity import Pid, is_pid
from ..runtime.core.process import Process, alive, processes_of
from ..runtime.core.remote import refuse_remote
from ..socket.core.service import registry_of
from .charts import chart
from .sessions.events import FLAGS, Flag, TraceEvent
from .sessions.limits import limit_of
from .sessions.session import KEPT, Session, Tracer, check_tracer
from .sessions.switching import end_of, trace_new, trace_processes

__all__ = ["Session", "TraceEvent", "chart", "process", "session"]


@enable_ki_protection
def session(
    tracer: Tracer = None,
    *,
    where: Callable[[TraceEvent], object] | None = None,
    limit: int | tuple[int, float] | None = None,
    keep: int = KEPT,
) -> Session:
    """Open a session of tracing. Erlang's `trace:session_create/3`.

    Nothing is traced in it before `trace.process`. Several sessions may be open at a time and do
    not affect each other. A session ends with its block, by `close`, when it has reached its limit,
    when its tracer has ended or raised, and with the runtime.

    Args:
        tracer: where the events go, besides the newest that the session keeps: a `Pid`, to which
            they are sent as messages; a plain function, which is called with each, in the process
            that it is about, and must not wait; the path of a file, to which lines are appended;
            None for nowhere.
        where: a plain function of an event; those for which it returns false are dropped. It takes
            the place of Erlang's match specifications.
        limit: so many events, or `(count, seconds)`: more than `count` events in a window of so
            many seconds. The session ends when there are more.
        keep: how many events the session keeps.

    Returns:
        The `Session`, a context manager.

    Raises:
        TypeError, ValueError: an argument is none of those above.
        RuntimeError: no runtime is open here.

    Example::

        with trace.session(print, limit=(1000, 1.0)) as session:
            trace.process(session, server, ["receive", "call"])
            await sleep(10)
        print(trace.chart(session))
    """
    check_tracer(tracer)
    if where is not None:
        check_plain("where", where, "one event")
    check_int("keep", keep, "a number of events", 0)
    node = current_process().node
    return Session(
        tracer,
        where,
        limit_of(limit),
        deque(maxlen=keep),
        lambda closed: end_of(closed, node),
    )


@enable_ki_protection
def process(
    session: Session,
    which: Pid | Literal["all", "new", "existing"],
    flags: Iterable[Flag],
    how: bool = True,
) -> int:
    """Trace processes in a session, or end that. Erlang's `trace:process/4`.

    Args:
        session: a `Session`; if it has ended, nothing is traced.
        which: one process; `"existing"`: all that are alive now; `"new"`: those that will be
            started; `"all"`: both. Not among the last three: the actors of sockets, and the tracer
            of the session.
        flags: what to trace of them:

            - `"send"`: the messages that they send to processes of this runtime. While any session
              has it, the native core looks at the sender of every message
            - `"receive"`: the messages that are put into their mailboxes
            - `"procs"`: what they start and link with, their registered names, and their ends
            - `"running"`: when their code runs. A handler that runs in place, on the stack of the
              process that has sent it something, does so between the `"in"` and the `"out"` of that
            - `"call"`: the callbacks of their behaviours, and what these return
            - `"sockets"`: what the sockets that they own are asked, and what they answer
            - `"set_on_spawn"`, `"set_on_link"`: trace the processes that they start, or link with,
              in the same way

        how: False ends to trace these flags.

    Returns:
        How many processes that are; for `"new"` 0.

    Raises:
        TypeError: `session` is no `Session`, or `which` or `flags` none of those above.
        ValueError: there is no such flag, or `which` is a pid of another node.

    Example::

        trace.process(session, "all", ["procs"])
        trace.process(session, whereis("till"), ["receive", "sockets"])
    """
    if not isinstance(session, Session):
        raise TypeError(f"session: expected a Session, got {shown(session)}")
    check_bool("how", how)
    asked = _checked(flags)
    here = current_process()
    if is_pid(which):
        found = alive.get(which)
        if found is None:
            refuse_remote(which)
            return 0
        if found.node is not here.node:
            raise ValueError(f"which: {which!r} is of another runtime")
        chosen = [found]
    elif which in ("all", "new", "existing"):
        chosen = [] if which == "new" else _existing(here, session)
    else:
        raise TypeError(f"which: expected a Pid, 'all', 'new' or 'existing', got {shown(which)}")
    if session.stopped is not None:
        return 0
    if which in ("all", "new"):
        trace_new(session, here.node, asked, how)
    if chosen:
        trace_processes(session, here.node, chosen, asked, how)
    return len(chosen)


def _existing(here: Process, session: Session) -> list[Process]:
    actors = {sock._actor.process.pid for sock in registry_of(here.node).kinds}
    return [
        one
        for one in processes_of(here.node)
        if one.pid not in actors and one.pid is not session.tracer
    ]


def _checked(flags: Iterable[Flag]) -> frozenset[Flag]:
    if isinstance(flags, str):
        raise TypeError(f"flags: expected a list of flags, got {shown(flags)}")
    asked = tuple(flags)
    for flag in asked:
        if flag not in FLAGS:
            raise ValueError(f"flags: there is no flag {shown(flag)}; there are {', '.join(FLAGS)}")
    return frozenset(asked)
