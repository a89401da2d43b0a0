"""`EventManager`: a process that passes events on to handlers. Erlang's `gen_event`."""

import logging
from collections.abc import Awaitable
from typing import Any, Final, final

from ...log_text import text_of
from ...runtime.api.linking import link, trap_exit, unlink
from ...runtime.api.messaging import send
from ...runtime.bodies.crash_report import contain_logging_errors, report_crash
from ...runtime.bodies.current import current_process
from ..behaviour.base import Behaviour
from ..behaviour.effects import Step
from ..behaviour.engine import Looping
from . import rules
from .effects import Link, Report, Tell, Unlink
from .event_handler import EventHandler
from .names import text_of_name

__all__ = ["EventManager"]

_log: Final = logging.getLogger("actorsock.otp")


@final
class EventManager(Behaviour):
    """An event manager: a process that calls each of its handlers with each event.

    Erlang's `gen_event`. Start it with `start`, `start_link` or `start_monitor`, without further
    arguments, and add handlers, objects of classes that derive from `EventHandler`. Any process
    may do so, and may send events, with `notify` and `sync_notify`. The newest handler gets an
    event first. `stop` ends the manager; before, `terminate("stop")` of each handler is called.

    The manager is a trio task, or a light process with `light=True`: so its handlers may wait,
    and the event of `notify` is handled after `notify` has returned. It traps exits.

    Example::

        ChildSpec("alarms", partial(otp.start_link, otp.EventManager, name="alarms"))
    """

    def _init(self) -> None:
        """Begin without handlers."""
        trap_exit(True)  # the ends of processes that supervise handlers come as messages

    async def _begin_handler(self, cls: type[EventHandler], args: tuple[Any, ...]) -> Any:
        """Return a new handler, and the result of its `init`."""
        handler = cls()
        result = handler.init(*args)
        return handler, await result if isinstance(result, Awaitable) else result

    def _call_handler(self, handler: EventHandler, callback: str, argument: Any) -> Any:
        """Return the result of a callback, or something to await."""
        return getattr(handler, callback)(argument)

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        return rules.step, rules.Fresh()

    @classmethod
    def _engine(cls) -> Looping:
        # Which handlers will come is not known yet, and one of them may be async.
        return _Engine(cls, cls(), *cls._rules())


class _Engine(Looping):
    """Carries out the effects of an event manager too."""

    def _do(self, effect: Any) -> None:
        match effect:
            case Link(pid):
                link(pid)
            case Unlink(pid):
                unlink(pid)
            case Tell(pid, message):
                send(pid, message)
            case Report():
                _report(effect)
            case _:
                super()._do(effect)


def _report(report: Report) -> None:
    process = current_process()
    during = f"removes its event handler {text_of_name(report.handler)}: {report.callback} failed"
    if report.failure.crash is not None:
        # The manager goes on. The reason of these two is the result of a call, too.
        called = report.callback in ("handle_call", "terminate")
        told = None if called else () if report.supervisor is None else (report.supervisor,)
        report_crash(process, report.failure.crash, during, told)
        return
    with contain_logging_errors():
        _log.error("process %r %s: %s", process.pid, during, text_of(report.failure.reason))
