"""`EventHandler`: the callbacks of a handler that an event manager calls."""

import logging
from typing import Any, Final

from ...log_text import text_of
from ...runtime.api.messaging import current_pid
from ...runtime.bodies.crash_report import contain_logging_errors

__all__ = ["EventHandler"]

_log: Final = logging.getLogger("actorsock.otp")


class EventHandler:
    """A handler of events: derive from it and write the callbacks that you need.

    The callback module of Erlang's `gen_event`. `add_handler` makes an object of the class in the
    process of an `EventManager`. The attributes of the object are the handler's state.

    Each callback may be plain or async; the manager waits for it, and handles nothing else
    meanwhile. An exception in a callback, `exit(reason)`, or a result that the callback may not
    return, removes this handler: it is logged, and `terminate(("error", reason))` is called. The
    manager and its other handlers go on.

    Example::

        class Alarms(otp.EventHandler):
            def init(self, most):
                self.most, self.raised = most, []

            def handle_event(self, event):
                match event:
                    case ("alarm", text):
                        self.raised.append(text)
                if len(self.raised) > self.most:
                    return otp.RemoveHandler()

            def handle_call(self, request):
                match request:
                    case "raised":
                        return otp.Reply(self.raised)

        ok(await otp.start_link(otp.EventManager, name="alarms"))
        ok(await otp.add_handler("alarms", Alarms, 100))
        otp.notify("alarms", ("alarm", "the disk is full"))
        raised = await otp.call("alarms", otp.HandlerCall(Alarms, "raised"))
    """

    def init(self, *args: Any) -> Any:
        """Set up the state. Erlang's `Module:init/1`. The default takes anything.

        Args:
            *args: the arguments of `add_handler`; for a handler that replaces another one
                `(args, term)`: the value that is given with its name, and the result of the other
                one's `terminate` (`"error"` if there was none).

        Returns:
            - None: the handler is added
            - `Error(reason)`: it is not, and `add_handler` returns the `Error`. An exception does
              the same, with the exception as its reason
        """

    def handle_event(self, event: Any) -> Any:
        """Handle an event of `notify` or `sync_notify`. Erlang's `Module:handle_event/2`.

        The default fails with `NotImplementedError`, and so the handler is removed.

        Args:
            event: the event.

        Returns:
            - None: the handler stays
            - `RemoveHandler()`, `SwapHandler(...)`: it is removed, or replaced
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_event")

    def handle_call(self, request: Any) -> Any:
        """Serve a request to this handler, a `HandlerCall`. Erlang's `Module:handle_call/2`.

        The default fails with `NotImplementedError`, and so the handler is removed.

        Args:
            request: the request in the `HandlerCall`.

        Returns:
            - `Reply(value)`: the answer
            - `RemoveHandler(reply)`, `SwapHandler(..., reply=...)`: the answer, and the handler is
              removed, or replaced
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_call")

    def handle_info(self, message: Any) -> Any:
        """Handle any other message to the manager. Erlang's `Module:handle_info/2`.

        The default logs a warning and drops the message.

        Args:
            message: a message that is neither an event nor a request to the manager; also `Exit`
                of a linked process, after the handlers that this has supervised were removed.

        Returns:
            The same as `handle_event`.
        """
        with contain_logging_errors():
            _log.warning(
                "event handler %s of %r got a message that it has no handle_info for: %s",
                type(self).__qualname__,
                current_pid(),
                text_of(message),
            )

    def terminate(self, reason: Any) -> Any:
        """Clean up when the handler is removed. Erlang's `Module:terminate/2`.

        The default does nothing.

        Args:
            reason: why:

                - the argument of `delete_handler`, `swap_handler` or `SwapHandler`
                - `"remove_handler"`: a callback has returned `RemoveHandler`
                - `"stop"`: the manager ends
                - `("stop", reason)`: the process that supervises the handler has ended
                - `("error", reason)`: a callback has failed; `reason` is the exception, or the
                  argument of `exit`

        Returns:
            Any value: the result of `delete_handler`, or the second argument of the `init` of the
            handler that replaces this one. Otherwise it is ignored.
        """

    def format_status(self) -> Any:
        """Return the state as `sys.get_status` shows it. Erlang's `Module:format_status/1`.

        Override it, with a plain function, to hide secrets or shorten long values.

        Returns:
            Any value. The default returns a dict of the attributes.
        """
        return dict(vars(self))
