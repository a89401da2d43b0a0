"""The runtime around a test: it is opened before the test, examined after it, and closed.

A process or socket that is still there after the test must have been allowed, or it is reported.
A process that is about to end is not reported: the runtime first comes to rest.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from ..arguments import shown
from ..runtime.api.messaging import receive
from ..runtime.api.opening import open_runtime
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process
from ..socket import Socket
from .clocks import SocketsFirst, real_seconds
from .leftovers import Owners, leftovers, spawned_processes
from .quiescence import at_rest, open_sockets
from .unheard_exits import UnheardExit, UnheardExits

__all__ = ["Runtime", "open_tested_runtime"]

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
        return list(self._unheard.seen)


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
    """
    owners, unheard = Owners(), UnheardExits()
    # Added before any task becomes a process: trio calls instruments in the order in which they
    # were added, and these two must see a task end before the runtime ends the task's process.
    trio.lowlevel.add_instrument(owners)
    trio.lowlevel.add_instrument(unheard)
    try:
        async with open_runtime():
            first = current_process()
            sockets_first = SocketsFirst(first.node)
            sockets_first.start()
            try:
                yield Runtime(first, owners, unheard)
            finally:
                sockets_first.stop()
    finally:
        trio.lowlevel.remove_instrument(owners)
        trio.lowlevel.remove_instrument(unheard)


async def _let_end(node: Node, first: Process) -> None:
    """Wait until the runtime is at rest and no process is ending."""
    await at_rest(node)
    while ending := [p for p in spawned_processes(node, first) if p.ending]:
        # At rest, and yet not ended: its clean-up waits for a deadline, a thread, another program.
        for process in ending:
            await receive(first.monitor(process, process.pid))
        await at_rest(node)
