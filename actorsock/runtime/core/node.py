"""The tables that the processes of one runtime share: names, timers, queues and the nursery.

Data, the way in for messages from other threads, and the way out for Ctrl-C. `api.opening` opens
and closes a runtime.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs
import trio

from .identity import Pid, Ref
from .passes import Passes
from .reductions import INBOX_QUANTUM
from .remote import Elsewhere
from .run_queue import RunQueue
from .timers import Entry, Timers

__all__ = ["FORKED", "MessageTimer", "Node"]

FORKED: Final = (
    "this program was forked (os.fork, multiprocessing) inside an actorsock runtime, which goes on "
    "in the parent alone: end the child by os._exit or exec, or start it by subprocess or by "
    "multiprocessing with the method 'spawn'"
)


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
    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    """trio's way in for other threads; see `deliver_soon`."""
    services: dict[Any, Any] = attrs.field(factory=dict)
    """Objects that other packages keep once for each runtime, under keys of their own."""
    at_close: list[Callable[[], None]] = attrs.field(factory=list)
    """Functions to call when every process has ended, newest first."""
    _inbox: deque[tuple[Callable[..., object], tuple[Any, ...]]] = attrs.field(factory=deque)
    """Messages from other threads, oldest first. Only its atomic methods are used."""
    epolls: set[int] = attrs.field(factory=set)
    """Descriptors of epoll objects, which a forked child must not use: the kernel shares them."""
    forked: bool = False
    """True in a child of `os.fork`: the copy of a runtime that goes on in the parent."""
    started: Callable[[Any], object] | None = None
    """Is called with each process that is started or adopted; None unless somebody traces."""
    seen: type | None = None
    """The class of processes that are not traced, while one is that may send to them."""
    elsewhere: Elsewhere | None = None
    """What knows other nodes; None unless this runtime has joined a cluster."""
    closing: bool = False
    """True once the runtime is being left: no process can start any more."""
    interruption: BaseException | None = None
    """The exception that has interrupted the program; raised when the runtime has been left."""

    def deliver_soon(self, deliver: Callable[..., object], *args: Any) -> None:
        """Call `deliver(*args)`, which must not raise, in the thread of the runtime.

        For other threads: `send` is the only function that works there. What one thread sends keeps
        its order. Nothing happens once the runtime is closed and its run of trio is over.
        """
        # One queue entry of trio's serves all messages that wait in a queue of our own. trio runs
        # all entries of its queue in one go, so with an entry for each message a fast sender would
        # hold up every task.
        if self.forked:
            raise RuntimeError(FORKED)
        self._inbox.append((deliver, args))
        try:
            self.token.run_sync_soon(self._empty_inbox, idempotent=True)
        except trio.RunFinishedError:
            self._inbox.clear()

    def _empty_inbox(self) -> None:
        inbox = self._inbox
        for _ in range(INBOX_QUANTUM):
            if not inbox:
                return
            deliver, args = inbox.popleft()
            try:
                deliver(*args)
            except BaseException as exc:
                self.interrupt(exc)  # Ctrl-C; trio's queue must not see it
        # Other tasks run before the rest.
        self.token.run_sync_soon(self._empty_inbox, idempotent=True)

    def interrupt(self, exc: BaseException) -> None:
        """End the program in good order because of Ctrl-C or `sys.exit` in a process."""
        if self.interruption is None:
            self.interruption = exc
        self.block.cancel()
