"""What a process may wait for: one class for each kind, and the rules of a receive. Pure.

`str` of each is the text that a list of processes shows.
"""

from typing import Any, TypeAlias

import attrs

from ..log_text import text_of
from ..runtime.bodies.functions import name_of
from ..runtime.bodies.stacks import StackEntry
from ..runtime.core.identity import Pid

__all__ = [
    "InCall",
    "InLibrary",
    "InMonitor",
    "InReceive",
    "InSleep",
    "InSocket",
    "InTrio",
    "Named",
    "WaitReason",
    "reason_of_receive",
]

Named: TypeAlias = Pid | tuple[str, str]
"""A process, or the `(name, node)` by which one of another node is known."""


@attrs.frozen
class InReceive:
    """It waits in `receive`, for a message.

    Attributes:
        pattern: the argument of `receive`; None for any message.
    """

    pattern: Any

    def __str__(self) -> str:
        return "receive" if self.pattern is None else f"receive {_pattern_text(self.pattern)}"


@attrs.frozen
class InCall:
    """It waits for the answer to a request: in `call`, `start`, `receive_response`.

    Attributes:
        server: the process that it has asked.
        seconds: for how long it has waited; None unless it waits in `call`.
    """

    server: Named
    seconds: float | None = None

    def __str__(self) -> str:
        since = "" if self.seconds is None else f" for {self.seconds:.3g} s"
        return f"call {self.server!r}{since}"


@attrs.frozen
class InMonitor:
    """It waits for the `Down` of a process that it monitors.

    Attributes:
        pid: that process.
    """

    pid: Named

    def __str__(self) -> str:
        return f"end of {self.pid!r}"


@attrs.frozen
class InSocket:
    """It waits in a call of a socket.

    Attributes:
        operation: the function: `"recv"`, `"accept"`, `"send"`, ...
        socket: the socket; None for a connect whose socket the program has not got yet.
        behind: how many processes are served before it.
    """

    operation: str
    socket: object
    behind: int = 0

    def __str__(self) -> str:
        behind = f" (behind {self.behind})" if self.behind else ""
        return f"{self.operation}{behind} {self.socket!r}"


@attrs.frozen
class InSleep:
    """It waits in `sleep`."""

    def __str__(self) -> str:
        return "sleep"


@attrs.frozen
class InTrio:
    """It waits in a call of trio.

    Attributes:
        function: that of trio, such as `Event.wait`; `nursery` at the end of a nursery's block.
        place: the innermost call of the program.
    """

    function: str
    place: StackEntry | None

    def __str__(self) -> str:
        place = self.place
        where = "" if place is None else f" {place.module}:{place.line}"
        return f"trio: {self.function}{where}"


@attrs.frozen
class InLibrary:
    """It waits in another call of this library.

    Attributes:
        function: its name, such as `serve_listeners` or `in_trio`.
    """

    function: str

    def __str__(self) -> str:
        return self.function


WaitReason: TypeAlias = InReceive | InCall | InMonitor | InSocket | InSleep | InTrio | InLibrary


def reason_of_receive(
    pattern: Any, target: Named | None, aliased: bool, seconds: float | None
) -> WaitReason:
    """Return what a process waits for in `receive`, by its tables.

    Args:
        pattern: that of the receive; True for one without.
        target: the process that the caller monitors, if the pattern is the ref of a monitor.
        aliased: True if that ref is an alias too: then an answer is expected, otherwise the end.
        seconds: for how long it has waited, if the ref is that of a `call`.
    """
    if target is None:
        return InReceive(None if pattern is True else pattern)
    if aliased or seconds is not None:
        return InCall(target, seconds)
    return InMonitor(target)


def _pattern_text(pattern: Any) -> str:
    if type(pattern) is tuple:
        return " or ".join(_pattern_text(part) for part in pattern)
    if issubclass(type(pattern), type):
        return str(type.__dict__["__name__"].__get__(pattern))  # a metaclass may hide it
    if callable(pattern):
        return name_of(pattern).rpartition(":")[2]
    return text_of(pattern)
