"""The runtime around a test: it is opened before the test, examined after it, and closed.

A process or socket that is still there after the test must have been allowed, or it is reported.
A process that is about to end is not reported: the runtime first comes to rest.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from .. import trace
from ..arguments import shown
from ..runtime.api.messaging import receive
from ..runtime.api.opening import open_runtime
from ..runtime.bodies.crash_report import crash_observers
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process
from ..socket import Socket
from .clocks import SocketsFirst, real_seconds
from .crashes import AllowedCrash, Crash, Crashes, Crashing
from .leftovers import Owners, leftovers, spawned_processes
from .quiescence import at_rest, open_sockets
from .unheard_exits import UnheardExit, UnheardExits

__all__ = ["Runtime", "open_in_another_task", "open_tested_runtime"]

_CHARTED: Final = 100
"""Events in the chart of a test that has failed: some fifty messages."""

_PATIENCE: Final = 5.0
"""Seconds of real time in which processes that are ending must have ended."""


@attrs.define(eq=False, repr=False)
class Runtime:
    """The runtime around a test: the value of the fixture `runtime`.

    Example::

        async def test_counter(runtime, mailbox):
            pid = spawn(counter)
            send(pid, "increment")
            await runtime.at_rest()
            assert counted == 1
            runtime.allow(pid)
    """

    _first: Process
    """Keeps the runtime open; the test is another process."""
    _owners: Owners
    _unheard: UnheardExits
    _crashes: Crashes
    _allowed: set[object] = attrs.field(factory=set)

    def __repr__(self) -> str:
        return f"<the runtime of {self.pid!r}>"

    def allow(self, *left: Pid | str | Socket) -> None:
        """Allow processes and sockets to be left behind.

        Args:
            left: pids or registered names of processes, whose sockets are allowed with them;
                sockets.

        Raises:
            TypeError: an argument is none of these.
        """
        for item in left:
            if not isinstance(item, (Pid, str, Socket)):
                raise TypeError(f"left: expected pids, names and sockets, got {shown(item)}")
        self._allowed.update(left)

    def allow_crash(self, *crashing: Crashing) -> AllowedCrash:
        """Allow processes to crash that are neither linked to the test nor monitored by it.

        Without this, such a crash makes the test fail. Used as a context manager, it allows
        crashes that happen in the block; otherwise, crashes at any time of the test.

        Args:
            crashing: types of exceptions; and pids, registered names and functions of processes.
                If both are given, both have to match. Nothing allows every crash.

        Returns:
            A context manager, whose exit ends the permission.

        Raises:
            TypeError: an argument is none of these.

        Example::

            with runtime.allow_crash(ValueError, handler):
                await stream.send_all(b"nonsense")
                await runtime.at_rest()
        """
        return self._crashes.allow(crashing)

    @property
    def pid(self) -> Pid:
        """The runtime's first process, which only keeps it open: the test is another process."""
        return self._first.pid

    async def at_rest(self) -> None:
        """Wait until every process waits and sockets have received what was sent to them.

        Afterwards no process can run until the test acts or a deadline passes; a clock that
        jumps does not jump meanwhile. The call does not return while a process is always busy.
        The work of other programs, threads and machines is not taken into account.

        Example::

            send(server, "save")
            await runtime.at_rest()
            assert path.exists()
        """
        await at_rest(self._first.node)

    async def left_behind(self) -> list[str]:
        """Describe the processes and sockets that are left and not allowed.

        For use at the end of a block of `open_tested_runtime`; the fixture calls it itself. It
        first waits, for at most 5 seconds of real time, until the runtime is at rest and
        processes that are ending have ended.

        Returns:
            A line for each process and each socket.
        """
        first, node = self._first, self._first.node
        if spawned_processes(node, first) or any(open_sockets(node)):
            with real_seconds(_PATIENCE):
                await _let_end(node, first)
        closed = self._owners.leftovers(self._allowed)
        return [left.text for left in (*closed, *leftovers(node, first, self._allowed))]

    def unheard_exits(self) -> list[UnheardExit]:
        """Return the exit signals that ended a process without its task noticing.

        Considered are the tasks that have ended by now, besides the runtime's: with pytest-trio,
        the test and its fixtures. Such a task has made no call since its process ended, so no
        call could raise `ExitSignal`.

        Returns:
            A record for each, with the name of the `task`, the exit `reason`, and a `text` for
            people.
        """
        return [*self._unheard.seen, *self._unheard.of_this_task()]

    def traced(self) -> trace.Session:
        """Trace the messages and ends of all processes, for `chart`; a context manager."""
        session = trace.session(keep=_CHARTED)
        trace.process(session, "all", ["send", "receive", "procs"])
        return session

    def chart(self, session: trace.Session) -> str:
        """Return a sequence chart of the last messages that `session` has seen."""
        return trace.chart(session)

    def crashes(self) -> list[Crash]:
        """Return the crashes so far that were neither noticed by the test nor allowed.

        The test notices the crash of a process that is linked to it or monitored by it, also
        through processes that end with the crashed one, and of a server that it calls.

        Returns:
            A record for each, oldest first, with the `pid`, `name` and `function` of the process,
            the `exception`, and a `text` for people.
        """
        return self._crashes.unnoticed()


@asynccontextmanager
async def open_tested_runtime() -> AsyncGenerator[Runtime, None]:
    """Open a runtime for a test: `open_runtime` that knows what a test leaves behind.

    The fixture `runtime` is made of it; use it directly without pytest. An autojump clock does
    not jump in the block while sockets have data to receive.

    Returns:
        A context manager; its value is the `Runtime`.

    Example::

        async with open_tested_runtime() as runtime:
            await story()
            assert await runtime.left_behind() == []
            assert runtime.unheard_exits() == []
            assert runtime.crashes() == []
    """
    owners, unheard, crashes = Owners(), UnheardExits(), Crashes()
    # Added before any task becomes a process: trio calls instruments in the order in which they
    # were added, and these two must see a task end before the runtime ends the task's process.
    trio.lowlevel.add_instrument(owners)
    trio.lowlevel.add_instrument(unheard)
    crash_observers.append(crashes)
    try:
        async with open_runtime():
            first = current_process()
            sockets_first = SocketsFirst(first.node)
            sockets_first.start()
            crashes.first = first
            try:
                yield Runtime(first, owners, unheard, crashes)
            finally:
                sockets_first.stop()
    finally:
        crash_observers.remove(crashes)  # only now: processes may crash while the runtime ends them
        trio.lowlevel.remove_instrument(owners)
        trio.lowlevel.remove_instrument(unheard)


@asynccontextmanager
async def open_in_another_task() -> AsyncGenerator[Runtime, None]:
    """`open_tested_runtime`, but the runtime is held open by a task of its own.

    anyio runs a test and its fixtures, one after the other, in one task that must outlive them. The
    end of a runtime opened in this task would cancel it.
    """
    opened, leave, left = trio.Event(), trio.Event(), trio.Event()
    runtimes: list[Runtime] = []
    failures: list[BaseException] = []

    async def hold() -> None:
        try:
            async with open_tested_runtime() as runtime:
                runtimes.append(runtime)
                opened.set()
                await leave.wait()
        except BaseException as exc:  # a system task that raises would end trio's loop
            failures.append(exc)
        finally:
            opened.set()
            left.set()

    trio.lowlevel.spawn_system_task(hold)
    await opened.wait()
    try:
        if runtimes:
            yield runtimes[0]
    finally:
        leave.set()
        await left.wait()
    if failures:
        raise failures[0]


async def _let_end(node: Node, first: Process) -> None:
    """Wait until the runtime is at rest and no process is ending."""
    await at_rest(node)
    while ending := [p for p in spawned_processes(node, first) if p.ending]:
        # At rest, and yet not ended: its clean-up waits for a deadline, a thread, another program.
        for process in ending:
            await receive(first.monitor(process, process.pid))
        await at_rest(node)
