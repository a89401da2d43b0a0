"""The tables that the processes of one runtime share: names, timers, queues and the nursery.

Data alone; `api.opening` opens and closes a runtime.
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

__all__ = ["MessageTimer", "Node"]


@attrs.frozen
class MessageTimer:
    """A message that will be sent at a set time."""

    dest: Pid | str
    entry: Entry


@attrs.define(eq=False)
class Node:
    """One runtime; Erlang's node."""

    nursery: trio.Nursery
    """The nursery of all tasks that run processes."""
    block: trio.CancelScope
    """The scope around the code that has opened the runtime."""
    names: dict[str, Pid] = attrs.field(factory=dict)
    timers: Timers = attrs.field(factory=Timers)
    pending: dict[Ref, MessageTimer] = attrs.field(factory=dict)
    """The message timers that are still running."""
    run_queue: RunQueue = attrs.Factory(lambda self: RunQueue(self.interrupt), takes_self=True)
    passes: Passes = attrs.Factory(lambda self: Passes(self.interrupt), takes_self=True)
    thread: int = attrs.field(factory=threading.get_ident)
    """The thread of the runtime; only code in this thread may touch its processes."""
    services: dict[Any, Any] = attrs.field(factory=dict)
    """Objects that other packages keep once for each runtime, under keys of their own."""
    at_close: list[Callable[[], None]] = attrs.field(factory=list)
    """Functions to call when every process has ended, newest first."""
    closing: bool = False
    """True once the runtime is being left: no process can start any more."""
    interruption: BaseException | None = None
    """The exception that has interrupted the program; raised when the runtime has been left."""

    def interrupt(self, exc: BaseException) -> None:
        """End the program in good order because of Ctrl-C or `sys.exit` in a process."""
        if self.interruption is None:
            self.interruption = exc
        self.block.cancel()
