"""`GenServer`: a process that serves requests, one at a time; Erlang's `gen_server`."""

import logging
from typing import Any, Final

from ...arguments import shown
from ...runtime.api.messaging import current_pid
from ..behaviour.base import Behaviour
from ..behaviour.effects import Step
from ..behaviour.engine import InPlace
from ..calls.protocol import Caller
from . import rules as server_rules
from .serving import ServingInPlace

__all__ = ["GenServer"]

_log: Final = logging.getLogger("actorsock.otp")


class GenServer(Behaviour):
    """Derive from it and write the callbacks that you need, each plain or async.

    If all of them are plain functions the server is a handler process: a call to it is served
    in place and costs no task switch. The object's attributes are the server's state; a new
    process begins with a new object.
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Called first, with the arguments of `start`, which waits for it.

        None, `NoReply(...)` and `Continue(term)` say that it went well. `Stop(reason)` makes
        `start` return `Error(reason)`, as an exception does, and the process end with the
        reason; `Error(reason)` does so too, but the process ends with `"normal"`; `Ignore()`
        makes it `Error("ignore")`.
        """

    def handle_call(self, request: Any, caller: Caller) -> Any:
        """Serve a `call`: `Reply(value)`, or `NoReply()` and a `reply(caller, value)` later.

        Or `Continue(term)`, which answers later as well, or `Stop(reason)`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_call")

    def handle_cast(self, request: Any) -> Any:
        """Serve a `cast`: None, `NoReply(...)`, `Continue(term)` or `Stop(reason)`."""
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_cast")

    def handle_info(self, message: Any) -> Any:
        """Any other message, and `"timeout"`; returns the same as `handle_cast`."""
        _log.warning(
            "%s %r got a message that it has no handle_info for: %s",
            type(self).__qualname__,
            current_pid(),
            shown(message),
        )

    def handle_continue(self, term: Any) -> Any:
        """What `Continue(term)` has asked for; returns the same as `handle_cast`."""
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_continue")

    def terminate(self, reason: Any) -> Any:
        """Clean up: the server ends because it stops, crashes or, trapping exits, its parent ends.

        Not called when an exit signal ends a server that does not trap exits, nor on a kill.
        """

    def format_status(self) -> Any:
        """What `sys.get_status` shows as the state; a plain function. The attributes."""
        return dict(vars(self))

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        return server_rules.step, server_rules.Fresh()

    @classmethod
    def _in_place(cls) -> type[InPlace]:
        return ServingInPlace

    @classmethod
    def _callbacks(cls) -> tuple[str, ...]:
        return (
            "init",
            "handle_call",
            "handle_cast",
            "handle_info",
            "handle_continue",
            "terminate",
        )
