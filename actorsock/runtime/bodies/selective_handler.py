"""Handlers that leave some messages in the mailbox: a server in place that `sys` has suspended.

The counterpart of a `receive` with a pattern. While a handler does this its body is of another
class, by an assignment to `__class__`. So nothing is tested in other handlers; and the native core,
which looks for the plain class, leaves such a handler to the Python.
"""

from typing import Any, Final

from ..core.body import Body
from ..core.mailbox import NOTHING, PAUSED, Matcher, anything
from ..core.process import Process
from .handler import AGAIN, HandlerBody

__all__ = ["SelectiveHandlerBody", "selective_classes", "take_all", "take_only"]


def take_only(body: Body, matches: Matcher) -> None:
    """Have a handler, which runs now, take only messages that match from its next one on.

    The others stay in the mailbox, in order. Of those that do not match none may do so later.
    """
    assert isinstance(body, HandlerBody)
    body._takes = matches
    body.__class__ = selective_classes.get(type(body), type(body))  # else it does so already


def take_all(body: Body) -> None:
    """Have a handler, which runs now, take every message again, those that were left first."""
    assert isinstance(body, HandlerBody)
    for taking_all, selective in selective_classes.items():
        if type(body) is selective:
            body.__class__ = taking_all
            break


class SelectiveHandlerBody(HandlerBody):
    """The body of a handler that takes only some messages."""

    __slots__ = ()

    def release(self) -> None:
        super().release()
        self._takes = anything

    def _handle_next(self, message: Any = NOTHING) -> None:
        process = self._process
        if message is NOTHING and process is not None and not process.ending:
            mailbox = process.mailbox
            message = mailbox.take_arrival(self._takes)
            cost, mailbox.tested = mailbox.tested, 0
            self.budget -= cost
            self._node.run_queue.budget -= cost
            if message is NOTHING or message is PAUSED:
                self._handled(process, None)
                return
        super()._handle_next(message)

    def _handled(self, process: Process, result: object) -> None:
        mailbox = process.mailbox
        if process.ending or result is AGAIN or mailbox.arrivals:
            super()._handled(process, result)
        else:
            mailbox.wanted = self._takes
            self.parked = True


selective_classes: Final[dict[type[HandlerBody], type[HandlerBody]]] = {
    HandlerBody: SelectiveHandlerBody
}
"""The class of a body that takes only some messages, by the class that takes all. A trace adds its
own: a body that is traced stays traced."""
