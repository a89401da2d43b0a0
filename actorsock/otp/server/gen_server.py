"""`GenServer`: a process that serves requests, one at a time. Erlang's `gen_server`."""

import logging
from typing import Any, Final

from ...log_text import text_of
from ...runtime.api.messaging import current_pid
from ...runtime.bodies.crash_report import contain_logging_errors
from ..behaviour.base import Behaviour
from ..behaviour.effects import Step
from ..behaviour.engine import InPlace
from ..calls.protocol import Caller
from . import rules
from .fast_path import ServerInPlace

__all__ = ["GenServer"]

_log: Final = logging.getLogger("actorsock.otp")


class GenServer(Behaviour):
    """A server: derive from it and write the callbacks that you need. Erlang's `gen_server`.

    `start` and `start_link` make a new process with a new object of the class. The attributes of
    the object are the server's state; callbacks change them, and return what the server does next.

    Each callback may be plain or async. If all are plain, the server is a handler process: a call
    to it is served in place, without a task switch. Otherwise it is a trio task, or a light
    process with `start(..., light=True)`.

    An exception in a callback crashes the server: it calls `terminate`, and ends with the
    exception as its reason. `exit(reason)` ends it in the same way with `reason`. A result that
    the callback may not return is a crash with `TypeError`.

    Example::

        class Counter(otp.GenServer):
            def init(self, start):
                self.value = start

            def handle_call(self, request, caller):
                match request:
                    case "next":
                        self.value += 1
                        return Reply(self.value)

            def handle_cast(self, request):
                match request:
                    case "reset":
                        self.value = 0

        counter = ok(await otp.start_link(Counter, 10))
        assert await otp.call(counter, "next") == 11
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Set up the state. Erlang's `Module:init/1`. The default does nothing.

        `start` waits until it has returned.

        Args:
            *args: the arguments of `start` or `start_link`.
            **kwargs: none are passed by `start`; for subclasses that call each other's `init`.

        Returns:
            - None or `NoReply(...)`: the server begins; `start` returns `Ok(pid)`
            - `Continue(term)`: likewise, and `handle_continue` comes before any message
            - `Stop(reason)`: the process ends with `reason`; `start` returns `Error(reason)`. An
              exception does the same
            - `Error(reason)`: `start` returns it, and the process ends with `"normal"`
            - `Ignore()`: `start` returns `Error("ignore")`, and the process ends with `"normal"`
        """

    def handle_call(self, request: Any, caller: Caller) -> Any:
        """Serve a request of `call` or `send_request`. Erlang's `Module:handle_call/3`.

        The default crashes the server with `NotImplementedError`.

        Args:
            request: the value that the caller has passed.
            caller: the return address, for a later `reply`.

        Returns:
            - `Reply(value, ...)`: the answer
            - `NoReply(...)` or `Continue(term)`: no answer yet; use `reply(caller, value)` later
            - `Stop(reason)` or `Stop(reason, reply)`: the server ends
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_call")

    def handle_cast(self, request: Any) -> Any:
        """Serve a request of `cast`. Erlang's `Module:handle_cast/2`.

        The default crashes the server with `NotImplementedError`.

        Args:
            request: the value that was passed to `cast`.

        Returns:
            - None or `NoReply(...)`: wait for the next message
            - `Continue(term)`: call `handle_continue` first
            - `Stop(reason)`: the server ends
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_cast")

    def handle_info(self, message: Any) -> Any:
        """Handle any other message. Erlang's `Module:handle_info/2`.

        The default logs a warning and drops the message.

        Args:
            message: a message that is neither a call nor a cast, such as `Down`, `Exit` (if the
                server traps exits) or a select message; or `"timeout"`, when the time-out of
                `NoReply` or `Reply` has run out.

        Returns:
            The same as `handle_cast`.
        """
        with contain_logging_errors():
            _log.warning(
                "%s %r got a message that it has no handle_info for: %s",
                type(self).__qualname__,
                current_pid(),
                text_of(message),
            )

    def handle_continue(self, term: Any) -> Any:
        """Do what a `Continue` has asked for. Erlang's `Module:handle_continue/2`.

        The default crashes the server with `NotImplementedError`.

        Args:
            term: the value in `Continue(term)`.

        Returns:
            The same as `handle_cast`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_continue")

    def terminate(self, reason: Any) -> Any:
        """Clean up before the server ends. Erlang's `Module:terminate/2`.

        The default does nothing. It is called after `Stop(reason)`, `otp.stop`, a crash or `exit`
        in a callback, and, if the server traps exits, when its parent ends. It is not called when
        `init` fails, when an exit signal ends a server that does not trap exits, or on `"kill"`.

        Args:
            reason: the exit reason; after a crash the exception.

        Returns:
            Any value; it is ignored. If `terminate` raises, that becomes the exit reason.
        """

    def format_status(self) -> Any:
        """Return the state as `sys.get_status` shows it. Erlang's `Module:format_status/1`.

        Override it, with a plain function, to hide secrets or shorten long values.

        Returns:
            Any value. The default returns a dict of the attributes.
        """
        return dict(vars(self))

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        return rules.step, rules.Fresh()

    @classmethod
    def _in_place(cls) -> type[InPlace]:
        return ServerInPlace

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
