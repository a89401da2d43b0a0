"""Special processes: the part of `sys` for processes of the program without a behaviour.

They are written as the chapter "sys and proc_lib" of Erlang's design principles says: a loop of
their own, which passes each `SystemMessage` on to `handle_system_msg`.
"""

from collections.abc import Awaitable, Callable, Iterable
from io import StringIO
from typing import Any, TypeVar

from ...arguments import check_int, shown
from ...runtime.api.linking import exit
from ...runtime.api.messaging import receive
from ...runtime.core.identity import Pid, check_pid
from ...runtime.core.messages import Exit
from ..calls.protocol import StopRequest, SystemMessage
from .debugging import Debugging, debug_function
from .system_requests import serve

__all__ = ["debug_options", "get_log", "handle_debug", "handle_system_msg", "print_log"]

T = TypeVar("T")


def debug_options(options: Iterable[str | tuple[str, Any]] = ()) -> Debugging:
    """Return what a special process keeps for `sys` from its beginning. Erlang's `debug_options/1`.

    Args:
        options: which of them are on: `"trace"`, `"log"` or `("log", size)`, `"statistics"`,
            `("install", (function, state))`; see the functions of these names.

    Returns:
        A value for `handle_debug` and `handle_system_msg`.

    Raises:
        ValueError: one of the options is none of these, or a size is less than 1.
        TypeError: a size is not an `int`, or a function not callable.

    Example::

        debug = sys.debug_options([("log", 50)])
    """
    debugging = Debugging()
    for option in options:
        match option:
            case "trace":
                debugging.traces = True
            case "statistics":
                debugging.count(True)
            case "log":
                debugging.keep(10)
            case ("log", size):
                debugging.keep(check_int("size", size, "a number of events >= 1", 1))
            case ("install", (function, state)):
                debugging.install(function, debug_function(function), state)
            case _:
                raise ValueError(
                    "options: expected 'trace', 'log', ('log', size), 'statistics' or "
                    "('install', (function, state)), "
                    f"got {shown(option)}"
                )
    return debugging


def handle_debug(
    debug: Debugging, form: Callable[[StringIO, Any, Any], object], extra: Any, event: Any
) -> Debugging:
    """Count, keep and trace an event of a special process. Erlang's `sys:handle_debug/4`.

    Args:
        debug: the result of `debug_options`, `handle_debug` or `handle_system_msg`.
        form: writes the text of an event for `sys.trace`: it is called with a text file, the event
            and `extra`, only while tracing is on.
        extra: any value, for `form`, such as the name of the process.
        event: any value. `("in", message, ...)` counts as a message that came in, and
            `("out", message, to, ...)` as one that was sent.

    Returns:
        `debug`, for the next call.

    Example::

        def write_debug(device, event, name):
            print(f"{name}: {event!r}", file=device)

        debug = sys.handle_debug(debug, write_debug, "pool", ("in", "alloc", client))
    """

    def text(event: Any) -> str:
        device = StringIO()
        form(device, event, extra)
        return device.getvalue().rstrip("\n")

    if not debug.idle:
        debug.record(event, text, extra)
    return debug


def get_log(debug: Debugging) -> list[Any]:
    """Return the events that are kept, oldest first. Erlang's `sys:get_log/1`.

    Args:
        debug: as for `handle_debug`.

    Returns:
        The events; empty while the log is off.
    """
    return debug.events


def print_log(debug: Debugging) -> None:
    """Log the events that are kept, as records of `trace`. Erlang's `sys:print_log/1`.

    Args:
        debug: as for `handle_debug`.
    """
    debug.print_log()


async def handle_system_msg(
    message: SystemMessage, parent: Pid, module: object, debug: Debugging, misc: T
) -> tuple[Debugging, T]:
    """Serve a request of `sys` or `stop` in a special process. Erlang's `sys:handle_system_msg/6`.

    It returns where Erlang calls `Module:system_continue`: at once, or, after `sys.suspend`, when
    the process is resumed. Meanwhile other messages stay in the mailbox.

    Args:
        message: what the process has received (Erlang's `Request` and `From`).
        parent: the process that has started this one. While this one is suspended, the exit signal
            of the parent ends it, also if it traps exits.
        module: an object with the functions below, for example the module that the process is
            written in. All may be missing. They are plain functions, `system_terminate` may be
            async.

            - `system_terminate(reason, parent, debug, misc)`: end the process after `stop`, or at
              the end of the parent. It ends with `reason` if the function is missing or returns
            - `system_get_state(misc)`: the state that `sys.get_state` shows; otherwise `misc`
            - `system_replace_state(function, misc)`: for `sys.replace_state`: the pair of the new
              state, `function(state)`, and the new `misc`; otherwise `misc` is replaced
        debug: the result of `debug_options`, `handle_debug` or `handle_system_msg`.
        misc: the state of the process.

    Returns:
        The new `debug` and `misc`.

    Raises:
        TypeError: `message` is not a `SystemMessage`, or `parent` not a `Pid`.

    Example::

        async def loop(free, parent, debug):
            while True:
                match await receive():
                    case sys.SystemMessage() as message:
                        debug, free = await sys.handle_system_msg(
                            message, parent, callbacks, debug, free
                        )
                    case ("free", channel): ...
    """
    if not isinstance(message, SystemMessage):
        raise TypeError(f"message: expected a SystemMessage, got {shown(message)}")
    process = _Special(check_pid(parent, "parent"), module, debug, misc)
    while True:
        await process.handle(message)
        if not process.suspended:
            return process.debugging or Debugging(), process.state.misc
        message = await receive(process.is_for_system)


class _Special:
    """What `serve` reads and changes of a special process, in place of an engine."""

    def __init__(self, parent: Pid, module: object, debug: Debugging, misc: Any) -> None:
        self.parent: Pid | None = parent
        self.behaviour: Any = module
        self.debugging: Debugging | None = debug
        self.state: Any = _Misc(misc)
        self.suspended = False

    def is_for_system(self, message: Any) -> bool:
        # By type alone: `isinstance` asks the program's object for its `__class__`.
        message_type = type(message)
        return issubclass(message_type, SystemMessage) or (
            message_type is Exit and message.pid is self.parent
        )

    async def handle(self, message: Any) -> None:
        if type(message) not in (StopRequest, Exit):
            serve(self, message)
            return
        terminate = getattr(self.behaviour, "system_terminate", None)
        if terminate is not None:
            debug = self.debugging or Debugging()
            result = terminate(message.reason, self.parent, debug, self.state.misc)
            if isinstance(result, Awaitable):
                await result
        exit(message.reason)


class _Misc:
    """The state of a special process, as `system_requests` reads it."""

    def __init__(self, misc: Any) -> None:
        self.misc = misc

    def to_sys(self, module: Any, show: Callable[[Any], Any]) -> Any:
        get = getattr(module, "system_get_state", None)
        return show(self.misc if get is None else get(self.misc))

    def from_sys(self, new: Any, module: Any) -> tuple["_Misc", Any]:
        replace = getattr(module, "system_replace_state", None)
        # `new` is the function's result for the state that the module has given.
        misc = new if replace is None else replace(lambda state: new, self.misc)[1]
        return _Misc(misc), module
