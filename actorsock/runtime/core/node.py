"""What the processes of one runtime share: names, timers and the nursery that they live in.

The tables only; opening and closing a runtime is `opening`'s business.
"""

import threading
from collections.abc import Callable
from typing import Any

import attrs
import trio

from .identity import Pid, Ref
from .passes import Passes
from .run_queue import RunQueue
from .timers import Entry, Timers

__all__ = ["Node"]


@attrs.frozen
class MessageTimer:
    """A message that is going to be sent."""

    dest: Pid | str
    entry: Entry


@attrs.define(eq=False)
class Node:
    """One runtime: Erlang's node."""

    nursery: trio.Nursery
    """Where the tasks of processes live."""
    block: trio.CancelScope
    """Surrounds the code that has opened the runtime."""
    names: dict[str, Pid] = attrs.field(factory=dict)
    timers: Timers = attrs.field(factory=Timers)
    pending: dict[Ref, MessageTimer] = attrs.field(factory=dict)
    """The message timers that have not run out."""
    run_queue: RunQueue = attrs.Factory(lambda self: RunQueue(self.interrupt), takes_self=True)
    passes: Passes = attrs.Factory(lambda self: Passes(self.interrupt), takes_self=True)
    thread: int = attrs.field(factory=threading.get_ident)
    """The thread in which it runs, and in which alone its processes may be told anything."""
    services: dict[Any, Any] = attrs.field(factory=dict)
    """What other layers keep once for each runtime, under a key of their own."""
    at_close: list[Callable[[], None]] = attrs.field(factory=list)
    """Called when every process has ended, newest first."""
    closing: bool = False
    """No new processes: the runtime is being left."""
    interruption: BaseException | None = None
    """What has interrupted the program; raised when the runtime has been left."""

    def interrupt(self, exc: BaseException) -> None:
        """Ctrl-C or `sys.exit` in a process ends the program: leave the runtime, in good order."""
        if self.interruption is None:
            self.interruption = exc
        self.block.cancel()
