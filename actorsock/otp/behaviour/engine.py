"""Running a behaviour: the effects that its rules ask for, in a process of either kind.

A behaviour whose callbacks are plain functions is a handler and runs in place, on delivery. Any
other is a loop around `receive`. Both differ in how a callback is called, and in where messages
wait while the process is suspended, and in nothing else. What is asked through `sys` is served
in `system_requests`.
"""

import logging
from collections import deque
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any, Final

from ...arguments import shown
from ...runtime.api.aliases import send_through
from ...runtime.api.message_timers import cancel_timer, send_after
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.bodies.functions import name_of
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Exit
from ...runtime.core.process import ProcessExit
from ..calls.protocol import Begin, Begun, StopRequest, SystemCall, Tick, send_answer
from .debugging import Debugging
from .effects import (
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


class Engine:
    """A behaviour's object, the rules that it follows, and where it is in them."""

    def __init__(self, cls: type[Any], behaviour: Any, step: Step, state: Any) -> None:
        self.behaviour = behaviour
        self.state = state
        self.parent: Pid | None = None
        self.suspended = False
        self.debugging: Debugging | None = None
        self._step = step
        self._timers: dict[Any, Ref] = {}
        # What the process runs is the behaviour, for whoever looks at it.
        self.__wrapped__ = cls

    def __repr__(self) -> str:
        return name_of(self)  # trio names the task so

    def _next(self, event: Any) -> Invoke | None:
        """Do what `event` leads to; the callback that has to be called next, if any."""
        self.state, effects = self._step(self.state, event)
        for effect in effects:
            if type(effect) is Invoke:
                return effect
            if type(effect) is SendAnswer:
                if self.debugging is not None:
                    self.debugging.answered(effect)
                send_answer(effect.caller, effect.value)
            else:
                self._do(effect)
        return None

    def _message(self, message: Any) -> Invoke | None:
        """`_next`, for an event that is a message."""
        kind = type(message)
        if kind is Begin:
            self.parent = message.parent
        elif self.debugging is not None and kind is not Tick and not self._passes(message):
            self.debugging.received(message)
        return self._next(message)

    def _passes(self, message: Any) -> bool:
        """It is for the process itself: it comes through also when that is suspended."""
        kind = type(message)
        if kind is Exit:
            return message.pid is self.parent
        return kind is SystemCall or kind is StopRequest

    def _do(self, effect: Any) -> None:
        match effect:
            case StartTimer(name, stamp, seconds):
                self._stop_timer(name)
                process = current_process()
                if seconds == 0:
                    # Erlang's `after 0`: behind the messages that are there, before any other.
                    process.deliver(Tick(name, stamp))
                else:
                    self._timers[name] = send_after(seconds, process.pid, Tick(name, stamp))
            case StopTimer(name):
                self._stop_timer(name)
            case TellStarter(starter, error):
                send_through(starter, Begun(starter, error))
            case Received(event):
                if self.debugging is not None:
                    self.debugging.received(event)
            case Serve(call):
                serve(self, call)
            case End(reason, crash):
                if crash is not None:
                    raise crash
                self._report(reason)
                raise ProcessExit(reason)

    def _stop_timer(self, name: Any) -> None:
        ref = self._timers.pop(name, None)
        if ref is not None:
            cancel_timer(ref)

    def _report(self, reason: Any) -> None:
        if not is_orderly(reason):
            process = current_process()
            name = f" ({process.name})" if process.name is not None else ""
            behaviour = self.__wrapped__.__qualname__
            _log.error("%s %r%s stops: %s", behaviour, process.pid, name, shown(reason))


class InPlace(Engine):
    """For callbacks that are plain functions: the handler of a handler process."""

    def __init__(self, cls: type[Any], behaviour: Any, step: Step, state: Any) -> None:
        super().__init__(cls, behaviour, step, state)
        self._held: deque[Any] = deque()
        """What has come while the process was suspended: a handler can't leave it where it is."""

    def __call__(self, message: Any) -> None:
        if self.suspended and not self._passes(message):
            self._held.append(message)
            return
        self._run(self._message(message))
        while self._held and not self.suspended:
            self._run(self._message(self._held.popleft()))

    def _run(self, invoke: Invoke | None) -> None:
        while invoke is not None:
            event: Returned | Raised
            try:
                value = getattr(self.behaviour, invoke.callback)(*invoke.args)
                if type(value) is CoroutineType:
                    value.close()  # that it is a wrong result is all that is to be told of it
                event = Returned(value)
            except BaseException as exc:
                event = raised(exc)
            invoke = self._next(event)


class Looping(Engine):
    """For callbacks of which some are async: the code of a task or light process."""

    async def __call__(self) -> None:
        while True:
            message = await receive(self._passes if self.suspended else None)
            invoke = self._message(message)
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
