"""The runtime around a test: opened before it, examined after it, and left.

What is still there when the test is through has to be allowed, or it is reported. What is just
ending is not: the runtime is first given the chance to come to rest.
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
from .autojump import SocketsFirst
from .leftovers import Owners, leftovers, processes_of_its_own
from .real_time import real_seconds
from .rest import at_rest
from .sockets import open_sockets
from .unheard import UnheardExit, UnheardExits

__all__ = ["Runtime", "open_tested_runtime"]

_PATIENCE: Final = 5.0
"""Seconds of real time in which what has been told to end must have ended."""


@attrs.define(eq=False, repr=False)
class Runtime:
    """The runtime around a test; the value of the fixture `runtime`."""

    _first: Process
    """Only keeps the runtime open: the test is another process."""
    _owners: Owners
    _unheard: UnheardExits
    _allowed: set[object] = attrs.field(factory=set)

    def __repr__(self) -> str:
        return f"<the runtime of {self.pid!r}>"

    def allow(self, *left: Pid | str | Socket) -> None:
        """These may be left behind: processes, by pid or name, with their sockets; sockets."""
        for item in left:
            if not isinstance(item, (Pid, str, Socket)):
                raise TypeError(f"left: expected pids, names and sockets, got {shown(item)}")
        self._allowed.update(left)

    @property
    def pid(self) -> Pid:
        """The runtime's first process, which only keeps it open: the test is another."""
        return self._first.pid

    async def at_rest(self) -> None:
        """Wait until nothing goes on: every process waits, sockets have what was sent to them.

        No process can run until the test does something or a deadline comes, and no clock jumps
        meanwhile. It never comes while a process is always busy. Outside processes, threads and
        other machines are not known of.
        """
        await at_rest(self._first.node)

    async def left_behind(self) -> list[str]:
        """What is left of processes and sockets and not allowed, a line for each.

        For the end of the block. What only needs the processor to end is let end, and what has
        been told to end is waited for, for some seconds of real time.
        """
        first, node = self._first, self._first.node
        if processes_of_its_own(node, first) or any(open_sockets(node)):
            with real_seconds(_PATIENCE):
                await _let_end(node, first)
        closed = self._owners.leftovers(self._allowed)
        return [left.text for left in (*closed, *leftovers(node, first, self._allowed))]

    def unheard_exits(self) -> list[UnheardExit]:
        """Which tasks beside the runtime's, that have ended by now, an exit signal did not reach.

        It has ended their processes, and they have called nothing since that would have told them.
        """
        return list(self._unheard.seen)


@asynccontextmanager
async def open_tested_runtime() -> AsyncGenerator[Runtime, None]:
    """`open_runtime`, which can say what is left behind, and makes clocks that jump wait."""
    owners, unheard = Owners(), UnheardExits()
    # Before anybody is adopted: they have to see a task end before the task's process does.
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
    """Let happen what needs nothing but the processor; then let those end that must."""
    await at_rest(node)
    while ending := [p for p in processes_of_its_own(node, first) if p.ending]:
        # Their code unwinds, and waits for something in its clean-up.
        for process in ending:
            await receive(first.monitor(process, process.pid))
        await at_rest(node)
