"""Handler bodies: a function called with each message, in place, without a task switch.

An idle handler process waits in a receive for anything; a delivery wakes it, and waking it adds a
step to the run queue. One step handles one message, so that many handlers share the queue fairly.
A handler can't wait: it has handled the message when it returns. One that has more to do returns
`AGAIN` instead of holding up the others, and is called with it in a further step.
"""

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from threading import get_ident
from typing import Any, Final, NoReturn, cast

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ..._native import twin
from ..core.body import Body, owing
from ..core.mailbox import NOTHING, Matcher, anything
from ..core.node import Node
from ..core.process import Process, alive, new_process
from ..core.reductions import HANDLER_BUDGET, MESSAGE
from .crash_report import log_if_crash
from .functions import name_of
from .running import local

__all__ = ["AGAIN", "Handler", "HandlerObject", "Terminate", "start_handler"]

Handler = Callable[[Any], object]
"""Called with each message. The result is ignored, unless it is `AGAIN`."""

AGAIN: Final = object()
"""Returned by a handler that has not finished: the body calls it with `AGAIN` in a step of its own,
after those of other handlers and before any message."""

Terminate = Callable[[Any], object]
"""Called once with the exit reason, while the process ends."""


class HandlerObject:
    """A handler that hears of its end itself.

    In place of two bound methods, which each of many sockets would have to keep.
    """

    __slots__ = ()

    def __call__(self, message: Any) -> object:
        """Handle one message."""
        raise NotImplementedError

    def terminated(self, reason: Any) -> object:
        """Do what a `Terminate` does."""
        raise NotImplementedError


@twin
def start_handler(node: Node, handle: Handler, terminate: Terminate | None = None) -> Process:
    """Return a new process that calls `handle` with every message.

    A `HandlerObject` is told of the end; `terminate` is for other handlers.
    """
    body = HandlerBody(node, handle, terminate)
    process = new_process(node, body)
    body.begin(process)
    alive[process.pid] = process
    return process


class HandlerBody(Body):
    """Runs one handler to completion on each delivery."""

    __slots__ = ("_context", "_handler", "_node", "_process", "_step", "_takes", "_terminate")

    kind = "handler"
    _process: Process | None
    """None once it has ended."""
    _takes: Matcher
    """What a `SelectiveHandlerBody` takes; not set in others."""

    def __init__(self, node: Node, handler: Handler, terminate: Terminate | None) -> None:
        super().__init__(node.timers, HANDLER_BUDGET)
        self._node = node
        self._step = local.step
        self._context = copy_context()
        self._handler = handler
        self._terminate = terminate or _do_nothing

    def begin(self, process: Process) -> None:
        """Become the body of `process`, idle."""
        self._process = process
        process.mailbox.wanted = anything
        self.parked = True

    def stop(self, reason: Any, ended_by: object) -> bool:
        # An idle handler ends in a step of its own. One that runs, or whose step is queued, is not
        # parked: that step finds `ending` set.
        if not self.wake() and owing and (debt := owing.get(self)) is not None:
            debt.forgive(self)
        return False

    def run(self, step: Callable[[], None]) -> None:
        """Take a step of this handler that was postponed."""
        self._node.run_queue.run(step)

    def pause_if_idle(self) -> None:
        """Take no message until the debt is settled; a step of the run queue."""
        process = self._process
        if process is None or self.parked is None or (debt := owing.get(self)) is None:
            return
        self.parked = process.mailbox.wanted = None
        debt.postpone(self, lambda: self._handled(process, None))

    def wake(self, outcome: Any = None) -> bool:
        # The outcome is ignored: a handler waits for messages alone, and the step takes the next.
        if self.parked is None:
            return False
        node = self._node
        # Other bodies learn this from trio's `reschedule`; the run queue would just run the step.
        if get_ident() != node.thread:
            raise RuntimeError("not the thread in which the process runs")
        self.parked = None
        try:
            node.run_queue.run(self._handle_next)
        except BaseException:  # the end of the sender's stack: no step was run or queued
            self.parked = True
            raise
        return True

    @property
    def function(self) -> object:
        return self._handler

    def describe(self) -> str:
        return name_of(self._handler)

    def spend(self, cost: int) -> Awaitable[None]:
        return self._refuse()

    def checkpoint(self) -> Awaitable[None]:
        return self._refuse()

    @property
    def waiting(self) -> Awaitable[object]:
        self.parked = None
        return self._refuse()

    def check(self) -> None:
        pass  # after an exit signal the handler may finish its message, since it can't wait anyway

    def _refuse(self) -> NoReturn:
        raise RuntimeError("a handler runs to completion: it can't wait for anything")

    def release(self) -> None:
        self._process = None
        self._handler = self._terminate = _do_nothing

    def _handle_again(self) -> None:
        self._handle_next(AGAIN)

    def _handle_next(self, message: Any = NOTHING) -> None:
        """Run one step: handle the oldest message, or `AGAIN`, or end."""
        process = self._process
        if process is None:
            return
        if owing and (debt := owing.get(self)) is not None and not process.ending:
            debt.postpone(self, lambda: self._handle_next(message))
            return
        # Reads and writes the fields of the mailbox, which saves method calls for each message.
        mailbox = process.mailbox
        step = self._step
        before, step.process = step.process, process  # `before` is the sender, if it is in a step
        result = None
        self.budget -= MESSAGE
        self.floor = self.budget - HANDLER_BUDGET
        try:
            if not process.ending:
                if message is NOTHING:
                    if mailbox.saved or mailbox.arrivals is None:
                        message = mailbox.pop()
                    elif mailbox.arrivals:
                        message = mailbox.arrivals.popleft()  # inlined `pop`
                # Still `NOTHING` if a signal handler has interrupted the delivery that led here,
                # and has sent something to the same process: that step took both messages.
                if message is not NOTHING:
                    result = self._context.run(_call, self._handler, message)
        except BaseException as exc:
            self._crashed(process, exc)
        else:
            self._handled(process, result)
        finally:
            step.process = before
            left = self.budget - self.floor
            if left != HANDLER_BUDGET:
                self._node.run_queue.budget -= HANDLER_BUDGET - left

    @enable_ki_protection
    def _crashed(self, process: Process, exc: BaseException) -> None:
        """End the process, whose handler has raised `exc`."""
        ending = log_if_crash(process, exc)
        self._end(ending.reason)
        if ending.propagate is not None:
            raise ending.propagate from None

    @enable_ki_protection
    def _handled(self, process: Process, result: object) -> None:
        """Do what follows when the handler has returned: end, take a further step, or wait."""
        mailbox = process.mailbox
        if process.ending:
            self._end(process.reason)
        elif result is AGAIN:
            self._node.run_queue.run(self._handle_again)
        elif mailbox.arrivals or mailbox.saved:
            # Behind the steps of others, not in a loop here: handlers share the queue.
            self._node.run_queue.run(self._handle_next)
        else:
            mailbox.wanted = anything
            self.parked = True

    def _end(self, reason: Any) -> None:
        process = self._process
        if process is None:
            return  # a call inside the handler has ended it already
        if process.ending:
            reason = process.reason
        handler, terminate = self._handler, self._terminate
        if issubclass(type(handler), HandlerObject):
            terminate = cast(HandlerObject, handler).terminated
        try:
            self._context.run(_call, terminate, reason)
        except BaseException as exc:
            # An `exit` in there comes too late: the reason is decided.
            ending = log_if_crash(process, exc, "failed to terminate")
            if ending.propagate is not None:
                raise ending.propagate from None
        finally:
            process.end(reason)


@disable_ki_protection
def _call(function: Callable[[Any], object], argument: Any) -> object:
    # The runtime around it is protected from Ctrl-C; the user's function must not be.
    return function(argument)


def _do_nothing(argument: Any) -> None:
    pass
