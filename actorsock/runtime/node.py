"""What the processes of one runtime share: names, timers and the nursery that they live in.

The tables only; opening and closing a runtime is `opening`'s business.
"""

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
    names: dict[str, Pid] = attrs.field(factory=dict)
    timers: Timers = attrs.field(factory=Timers)
    pending: dict[Ref, MessageTimer] = attrs.field(factory=dict)
    """The message timers that have not run out."""
    run_queue: RunQueue = attrs.field(factory=RunQueue)
    passes: Passes = attrs.field(factory=Passes)
    services: dict[Any, Any] = attrs.field(factory=dict)
    """What other layers keep once for each runtime, under a key of their own."""
    at_close: list[Callable[[], None]] = attrs.field(factory=list)
    """Called when every process has ended, newest first."""
    closing: bool = False
    """No new processes: the runtime is being left."""
