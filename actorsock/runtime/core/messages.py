"""What the runtime itself puts into mailboxes, and what `receive` says when nothing came."""

from typing import Any

import attrs

from .identity import Pid, Ref

__all__ = ["Down", "Exit", "Timeout", "TimerExpired"]


@attrs.frozen
class Exit:
    """An exit signal, delivered to a process that traps exits; Erlang's `{'EXIT', Pid, Reason}`.

    `reason` is the exit reason of `pid`: for a crash the exception object, otherwise what
    `exit` was given.
    """

    pid: Pid
    reason: Any


@attrs.frozen
class Down:
    """A monitored process has ended; Erlang's `{'DOWN', Ref, process, Pid, Reason}`.

    `pid` is what was monitored: the pid, or the registered name when the monitor was put on a
    name. `reason` is `"noproc"` when there was no such process.
    """

    ref: Ref
    pid: Pid | str
    reason: Any


@attrs.frozen
class TimerExpired:
    """A timer made by `start_timer` has run out; Erlang's `{timeout, Ref, Message}`."""

    ref: Ref
    message: Any


@attrs.frozen
class Timeout:
    """`receive` waited for as long as it was told to and nothing matched; Erlang's `after`."""
