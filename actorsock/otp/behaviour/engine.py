"""Running a behaviour: an engine carries out the effects that the rules ask for, in a process.

There are two engines. `InPlace` is the handler of a handler process, for classes whose callbacks
are all plain functions: a message is served on delivery, without a task switch. `Looping` is the
code of a task or light process, for classes with async callbacks. They differ only in how a
callback is called. Messages wait in the mailbox while the process is suspended by `sys`.
"""

import logging
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any, Final

from ...log_text import text_of
from ...results import Error, Ok
from ...runtime.api.aliases import send_through
from ...runtime.api.message_timers import cancel_timer, send_after
from ...runtime.api.messaging import receive
from ...runtime.bodies.crash_report import Serves, contain_logging_errors, last_message_note
from ...runtime.bodies.current import current_process
from ...runtime.bodies.functions import name_of
from ...runtime.bodies.handler import AGAIN
from ...runtime.bodies.selective_handler import take_all, take_only
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Exit
from ...runtime.core.process import ProcessExit
from ...runtime.core.reductions import BY_RULES, EVENT, EVENT_QUANTUM
from ..calls.protocol import Begin, Begun, StopRequest, SystemCall, Tick, send_answer
from ..calls.registries import Via
from ..calls.travelling import Arrived, TravellingTick, travelling_types
from .debugging import Debugging, message_text
from .effects import (
    Carry,
    End,
    Invoke,
    Raised,
    Received,
    Returned,
    SendAnswer,
    Serve,
    StartTimer,
    Step,
    StopTimer,
    TellStarter,
)
from .exit_reasons import is_orderly, raised
from .system_requests import serve

__all__ = ["Engine", "InPlace", "Looping"]

_log: Final = logging.getLogger("actorsock.otp")

_NOBODY_SENT: Final = frozenset({Begin, Tick, SystemCall, StopRequest})
"""Messages of this library, which are no part of what the program's callbacks are told."""


class Engine(Serves):
    """The program's object, the rules that it follows, and the current state of these rules."""

    __slots__ = (
        "__wrapped__",
        "_arrived",
        "_name",
        "_serving",
        "_step",
        "_timers",
        "behaviour",
        "debugging",
        "parent",
        "state",
        "suspended",
    )

    def __init__(self, cls: type[Any], behaviour: Any, step: Step, state: Any) -> None:
        self.behaviour = behaviour
        self.state = state
        self.parent: Pid | None = None
        self.suspended = False
        self.debugging: Debugging | None = None
        """None unless `sys` has asked for something: then a message costs one test."""
        self._arrived: Arrived | None = None
        """What has come with the message that is handled; None if nothing has."""
        self._serving: Any = None
        """The message that is handled, for reports; None between messages."""
        self._step = step
        self._name: Via | None = None
        self._timers: dict[Any, Ref] = {}
        # `process_info` and crash reports name the program's class, not this one.
        self.__wrapped__ = cls

    def __repr__(self) -> str:
        return name_of(self)  # trio uses it as the name of the task

    def last_message(self) -> str | None:
        """See `Serves.last_message`. Erlang's reports have it too: `Last message in was ...`."""
        return None if self._serving is None else message_text(self._serving, text_of)

    def _next(self, event: Any) -> Invoke | None:
        """Do what follows from `event`, and return the callback to call next, if there is one."""
        self.state, effects = self._step(self.state, event)
        for effect in effects:
            # The two commonest first, without the pattern matching of `_do`.
            if type(effect) is Invoke:
                return effect
            if type(effect) is SendAnswer:
                if self.debugging is not None:
                    self.debugging.answered(effect)
                send_answer(effect.caller, effect.value)
            else:
                self._do(effect)
        return None

    def _next_for_message(self, message: Any) -> Invoke | None:
        """Do `_next` for a message, and have `sys` count and log it if it is for the callbacks."""
        message_type = type(message)
        self._serving = None if message_type in _NOBODY_SENT else message
        if message_type is Begin:
            self.parent = message.parent
            if message.name is not None:
                self._register(message.name, message.starter)
        elif message_type in travelling_types:
            message = travelling_types[message_type](message)
            if message_type is not TravellingTick:
                self._serving = message.message
            if self.debugging is not None and message_type is not TravellingTick:
                self.debugging.received(message.message)
        elif (
            self.debugging is not None
            and message_type is not Tick  # the rules report it as `Received`, unless it is stale
            and not self._is_for_engine(message)
        ):
            self.debugging.received(message)
        return self._next(message)

    def _register(self, name: Via, starter: Ref) -> None:
        """Register the process in a registry of the program, or end if the name is taken."""
        if not name.registry.register_name(name.name, current_process().pid):
            taken = Error("already_started", name.whereis())
            send_through(starter, Begun(starter, taken, True))
            raise ProcessExit("normal")
        self._name = name

    def _is_for_engine(self, message: Any) -> bool:
        """Return True for messages that are handled also while the process is suspended.

        These are the requests of `sys` and `stop`, and the exit signal of the parent: a suspended
        process must not keep its supervisor from ending.
        """
        message_type = type(message)
        if message_type is Exit:
            return message.pid is self.parent
        return message_type is SystemCall or message_type is StopRequest

    def _do(self, effect: Any) -> None:
        match effect:
            case StartTimer(name, stamp, seconds):
                self._stop_timer(name)
                process = current_process()
                tick = Tick(name, stamp)
                if self._arrived is not None and (values := self._arrived.later()):
                    tick = TravellingTick(name, stamp, values)
                if seconds == 0:
                    # As Erlang's `after 0`: it comes after the messages that are in the mailbox
                    # now, and before all later ones.
                    process.deliver(tick)
                else:
                    self._timers[name] = send_after(seconds, process.pid, tick)
            case StopTimer(name):
                self._stop_timer(name)
            case TellStarter(starter, error):
                if error is not None and self._name is not None:
                    # As in Erlang the name is free again before the starter knows.
                    self._name.registry.unregister_name(self._name.name)
                result = Ok(current_process().pid) if error is None else error
                send_through(starter, Begun(starter, result, error is not None))
            case Received(event):
                if self.debugging is not None:
                    self.debugging.received(event)
            case Serve(call):
                self._serve(call)
            case Carry(values):
                self._leave(None)
                if values:
                    self._arrived = Arrived(values)
            case End(reason, crash):
                if crash is not None:
                    raise crash  # the process logs it, as any crash
                self._log_unless_orderly(reason)
                raise ProcessExit(reason)

    def _serve(self, call: SystemCall) -> None:
        serve(self, call)

    def _leave(self, failure: BaseException | None) -> None:
        """Give the process its own values back, after a message that has come with others."""
        arrived, self._arrived = self._arrived, None
        if arrived is not None:
            arrived.leave(failure)

    def _stop_timer(self, name: Any) -> None:
        ref = self._timers.pop(name, None)
        if ref is not None:
            cancel_timer(ref)

    def _log_unless_orderly(self, reason: Any) -> None:
        if not is_orderly(reason):
            process = current_process()
            name = f" ({process.name})" if process.name is not None else ""
            behaviour = self.__wrapped__.__qualname__
            with contain_logging_errors():
                _log.error(
                    "%s %r%s stops: %s%s",
                    behaviour,
                    process.pid,
                    name,
                    text_of(reason),
                    last_message_note(self.last_message()),
                )


class InPlace(Engine):
    """The handler of a handler process, whose callbacks are all plain functions."""

    __slots__ = ("_pending",)

    def __init__(self, cls: type[Any], behaviour: Any, step: Step, state: Any) -> None:
        super().__init__(cls, behaviour, step, state)
        self._pending: Invoke | None = None
        """The callback to call in the next step, after `AGAIN` was returned."""

    def __call__(self, message: Any) -> object:
        try:
            if message is AGAIN:
                invoke, self._pending = self._pending, None
            else:
                invoke = self._next_for_message(message)
                current_process().body.budget -= BY_RULES
            return self._run(invoke)
        except BaseException as exc:
            self._leave(exc)
            raise

    def _serve(self, call: SystemCall) -> None:
        super()._serve(call)
        body = current_process().body
        if self.suspended:
            take_only(body, self._is_for_engine)
        else:
            take_all(body)

    def _run(self, invoke: Invoke | None) -> object:
        """Call `invoke` and the callbacks that follow from it; return `AGAIN` if not all are done.

        A callback may cause further events without end. So after some of them the rest is left for
        another step of the process, which comes before any message.
        """
        for _ in range(EVENT_QUANTUM):
            if invoke is None:
                break
            event: Returned | Raised
            try:
                value = getattr(self.behaviour, invoke.callback)(*invoke.args)
                if type(value) is CoroutineType:
                    # A plain function that returns a coroutine. The rules reject the result;
                    # closing it avoids Python's "never awaited" warning on top of that.
                    value.close()
                event = Returned(value)
            except BaseException as exc:
                event = raised(exc)
            invoke = self._next(event)
            if invoke is not None:
                # The first event of a message is paid for with the message.
                current_process().body.budget -= EVENT
        if invoke is None:
            self._serving = None
            if self._arrived is not None:
                self._leave(None)
            return None
        self._pending = invoke
        return AGAIN


class Looping(Engine):
    """The code of a task or light process: at least one callback is async."""

    __slots__ = ()

    async def __call__(self) -> None:
        try:
            await self._loop()
        except BaseException as exc:
            self._leave(exc)
            raise

    async def _loop(self) -> None:
        body = current_process().body
        while True:
            # While suspended, a selective receive: the others stay in the mailbox, in order.
            message = await receive(self._is_for_engine if self.suspended else None)
            body.budget -= BY_RULES  # the next `receive` gives way if that is used up
            invoke = self._next_for_message(message)
            while invoke is not None:
                event: Returned | Raised
                try:
                    value = getattr(self.behaviour, invoke.callback)(*invoke.args)
                    if isinstance(value, Awaitable):
                        value = await value
                    event = Returned(value)
                except BaseException as exc:
                    event = raised(exc)
                invoke = self._next(event)
                if invoke is not None:
                    # The first event of a message is paid for by `receive`.
                    pause = body.spend(EVENT)
                    if pause is not None:
                        await pause
            self._serving = None
            if self._arrived is not None:
                self._leave(None)
