"""The messages that the runtime itself puts into mailboxes, and the time-out of `receive`."""

from collections.abc import Callable
from typing import Any, Final

import attrs

from .identity import Pid, Ref

__all__ = ["Down", "Exit", "Timeout", "TimerExpired", "owed", "refused"]


@attrs.frozen
class Exit:
    """An exit signal, delivered to a process that traps exits. Erlang's `{'EXIT', Pid, Reason}`.

    Attributes:
        pid: the process that ended or called `exit(pid, reason)`.
        reason: its exit reason: for a crash the exception object, otherwise the argument of
            `exit`.

    Example::

        trap_exit(True)
        spawn_link(work)
        match await receive(Exit):
            case Exit(reason="normal"): ...
            case Exit(pid, reason): ...
    """

    pid: Pid
    reason: Any


@attrs.frozen
class Down:
    """Notice that a monitored process has ended. Erlang's `{'DOWN', Ref, process, Pid, Reason}`.

    Attributes:
        ref: the ref that `monitor` returned.
        pid: the argument of `monitor`: the pid, the registered name, or a pair `(name, node)`.
        reason: the exit reason of the process; `"noproc"` if there was no such process.

    Example::

        ref = monitor(server)
        match await receive(ref):
            case Down(reason=reason): ...
    """

    ref: Ref
    pid: Pid | str | tuple[str, str]
    reason: Any


@attrs.frozen
class TimerExpired:
    """The message of a timer made by `start_timer`. Erlang's `{timeout, Ref, Message}`.

    Attributes:
        ref: the ref that `start_timer` returned.
        message: the message given to `start_timer`.
    """

    ref: Ref
    message: Any


@attrs.frozen
class Timeout:
    """The result of a `receive` with a time-out when no message matched in time.

    Erlang's `after` clause. Example::

        match await receive(str, after=1.5):
            case Timeout(): ...
            case text: ...
    """


owed: Final[set[type]] = {Down, Exit}
"""The classes of messages that the limit of a mailbox never drops, whatever package they are of."""

refused: Final[dict[type, Callable[[Any, Any], None]]] = {}
"""By the class of a message: what to do, instead of dropping it, with the process and a message
that would be above the limit of its mailbox."""
