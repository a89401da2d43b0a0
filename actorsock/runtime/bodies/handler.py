"""Handler bodies: a function called with each message, in place, without a task switch.

A handler process is always waiting in receive for anything; a delivery wakes it, and waking it
asks the run queue for a turn. One message is one turn, so many handlers share the queue fairly.
A handler can't wait: whatever it does, it does before it returns.
"""

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from threading import get_ident
from typing import Any, NoReturn

from trio.lowlevel import disable_ki_protection

from ..core.body import Body
from ..core.mailbox import anything
from ..core.node import Node
from ..core.process import Process, alive
from .crash_report import told
from .functions import name_of
from .running import local

__all__ = ["Handler", "Terminate", "start_handler"]

Handler = Callable[[Any], object]
"""Called with each message; what it returns does not matter."""

Terminate = Callable[[Any], object]
"""Called once with the exit reason, while the process ends."""


def start_handler(node: Node, handle: Handler, terminate: Terminate | None = None) -> Process:
    """A new process that handles every message with `handle`."""
    body = HandlerBody(node, handle, terminate)
    process = Process(node, body)
    body.begin(process)
    alive[process.pid] = process
    return process


class HandlerBody(Body):
    """Runs one handler to completion on each delivery."""

    __slots__ = ("_context", "_handle", "_node", "_process", "_terminate", "_turn")

    kind = "handler"
    _process: Process | None
    """None once it has ended."""

    def __init__(self, node: Node, handle: Handler, terminate: Terminate | None) -> None:
        super().__init__(node.timers, 0)
        self._node = node
        self._turn = local.turn
        self._context = copy_context()
        self._handle = handle
        self._terminate = terminate or _nothing

    def begin(self, process: Process) -> None:
        """Become the body of `process`, idle."""
        self._process = process
        process.mailbox.wanted = anything
        self.parked = True

    def stop(self, reason: Any) -> bool:
        # An idle handler ends in a turn of its own; a running or a waiting turn sees `ending`.
        self.wake()
        return False

    def wake(self, outcome: Any = None) -> bool:
        # There is nobody to tell the outcome to: a turn looks into the mailbox.
        if not self.parked:
            return False
        node = self._node
        if get_ident() != node.thread:
            raise RuntimeError("not the thread in which the process runs")
        self.parked = False
        try:
            node.run_queue.run(self._take_turn)
        except BaseException:  # the end of the sender's stack: no turn was taken or asked for
            self.parked = True
            raise
        return True

    def describe(self) -> str:
        return name_of(self._handle)

    def spend(self, cost: int) -> Awaitable[None]:
        return self._refuse()

    def checkpoint(self) -> Awaitable[None]:
        return self._refuse()

    @property
    def waiting(self) -> Awaitable[object]:
        self.parked = False
        return self._refuse()

    def check(self) -> None:
        pass  # what it does after its end is over when it returns

    def _refuse(self) -> NoReturn:
        raise RuntimeError("a handler runs to completion: it can't wait for anything")

    def release(self) -> None:
        self._process = None
        self._handle = self._terminate = _nothing

    def _take_turn(self) -> None:
        process = self._process
        if process is None:
            return
        mailbox = process.mailbox
        turn = self._turn
        before, turn.process = turn.process, process
        try:
            if not process.ending:
                if mailbox.saved or mailbox.arrivals is None:
                    message = mailbox.pop()
                else:
                    message = mailbox.arrivals.popleft()  # which is all that `pop` would do
                self._context.run(_call, self._handle, message)
        except BaseException as exc:
            ending = told(process, exc)
            self._end(ending.reason)
            if ending.beyond is not None:
                raise ending.beyond from None
        else:
            if process.ending:
                self._end(process.reason)
            elif mailbox.arrivals or mailbox.saved:
                self._node.run_queue.run(self._take_turn)
            else:
                mailbox.wanted = anything
                self.parked = True
        finally:
            turn.process = before

    def _end(self, reason: Any) -> None:
        process = self._process
        if process is None:
            return  # it has ended itself, by a call
        if process.ending:
            reason = process.reason
        try:
            self._context.run(_call, self._terminate, reason)
        except BaseException as exc:
            # An `exit` in there is one that comes too late: the process ends as it is.
            ending = told(process, exc, "failed to terminate")
            if ending.beyond is not None:
                raise ending.beyond from None
        finally:
            process.end(reason)


@disable_ki_protection
def _call(function: Callable[[Any], object], argument: Any) -> None:
    # The runtime around it is protected from KeyboardInterrupt; the user's function is not.
    function(argument)


def _nothing(argument: Any) -> None:
    pass
