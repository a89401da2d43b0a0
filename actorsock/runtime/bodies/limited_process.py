"""A process whose mailbox has a limit, and what happens to the messages above it.

Such a process is of another class: others are not asked at each message whether they have a limit.
It becomes one at its start or later, by an assignment to its `__class__`.

What the runtime owes to a process is always put into its mailbox: notices of ends, answers, the
messages of sockets, requests of `sys` and `stop`. Only what `send`, `cast` and timers bring is
dropped. The modules that define such messages enter their classes into `owed`, or into `refused`
those of requests: they are refused when they come, and stay if they are in the mailbox already.
"""

import logging
from contextlib import suppress
from typing import Any, Final, Literal

import attrs
from trio.lowlevel import current_task

from ...arguments import check_int, check_word, shown
from ..core.identity import Pid
from ..core.mailbox import Mailbox
from ..core.messages import owed, refused
from ..core.node import Node
from ..core.process import Process, alive
from ..core.reductions import SCAN_QUANTUM
from .running import by_task, local

__all__ = [
    "Limit",
    "LimitedProcess",
    "change_limit",
    "check_limit",
    "dropped_by",
    "dropped_in",
    "limit_mailbox",
    "limit_of",
    "limited_classes",
]

_log: Final = logging.getLogger("actorsock")


def _check_length(instance: object, attribute: object, value: int) -> None:
    check_int("length", value, "a number of messages > 0", 1)


def _check_action(instance: object, attribute: object, value: str) -> None:
    check_word("action", value, ("kill", "drop_new", "drop_old"))


@attrs.frozen
class Limit:
    """The limit of a mailbox, for `spawn(..., max_mailbox=Limit(1000, "drop_old"))`.

    `max_mailbox` gives the caller one later. All messages in the mailbox count, also those that a
    server leaves there while `sys` has suspended it.

    What the runtime owes to the process is put in all the same: `Down`, `Exit`, answers, the
    messages of sockets, and requests of `sys` and `stop`. A `call` above the limit fails at once
    with `CallError("overloaded")`; one that is in the mailbox already is never dropped. `send`
    returns as ever: what happens to a message is for the receiver to say. Erlang has no such limit.

    Attributes:
        length: how many messages the mailbox may have.
        action: what happens to a further one:

            - `"kill"`: the process ends with the reason `"max_mailbox"`, also if it traps exits
            - `"drop_new"`: it is dropped
            - `"drop_old"`: it is put in, and the oldest message that may be dropped is

    Raises:
        TypeError, ValueError: `length` is not a number > 0, or `action` none of these words.

    Example::

        log = spawn(write_log, max_mailbox=Limit(10_000, "drop_old"))
    """

    length: int = attrs.field(validator=_check_length)
    action: Literal["kill", "drop_new", "drop_old"] = attrs.field(
        default="kill", validator=_check_action
    )


def check_limit(limit: object, argument: str = "max_mailbox") -> None:
    """Raise `TypeError` unless it is a `Limit` or None."""
    if limit is not None and type(limit) is not Limit:
        raise TypeError(f"{argument}: expected a Limit or None, got {shown(limit)}")


@attrs.define
class _State:
    limit: Limit
    dropped: int = 0
    full: bool = False
    """Messages are dropped, and the mailbox has not been half empty since."""


_states: Final[dict[Pid, _State]] = {}


def limit_of(process: Process) -> Limit | None:
    """Return the limit of a process, if it has one."""
    state = _states.get(process.pid)
    return None if state is None else state.limit


def dropped_by(process: Process) -> int:
    """Return how many messages to a process were dropped since it has a limit."""
    state = _states.get(process.pid)
    return 0 if state is None else state.dropped


_DROPPED: Final = "messages dropped by processes that have ended"


def dropped_in(node: Node) -> int:
    """Return how many messages the limits of all mailboxes of a runtime have dropped."""
    dropped: int = node.services.get(_DROPPED, 0)
    for pid, state in _states.copy().items():
        process = alive.get(pid)
        if process is not None and process.node is node:
            dropped += state.dropped
    return dropped


class LimitedProcess(Process):
    """A process whose mailbox has a limit."""

    __slots__ = ()

    def deliver(self, message: Any) -> None:
        """Deliver `message`, if the limit is not reached or the runtime owes it."""
        state = _states.get(self.pid)
        if state is None:
            Process.deliver(self, message)
            return
        length = len(self.mailbox)
        if state.full and length <= state.limit.length // 2:
            state.full = False
            _note_end(self, state)
        if length < state.limit.length or type(message) in owed:
            Process.deliver(self, message)
        elif (refuse := refused.get(type(message))) is not None:
            refuse(self, message)
        else:
            self._above(state, message)

    def end(self, reason: Any) -> None:
        """End, and forget the limit."""
        Process.end(self, reason)
        if self.pid not in alive:
            _forget(self)

    def _above(self, state: _State, message: Any) -> None:
        action = state.limit.action
        if action == "kill":
            if not self.ending:
                _note(self, f"has {state.limit.length} messages in its mailbox, and is killed")
                self._die("max_mailbox")
                self.mailbox.clear()
            return
        if not state.full:
            state.full = True
            _note(self, f"has {state.limit.length} messages in its mailbox, and drops some")
        state.dropped += 1
        if action == "drop_old" and _drop_oldest(self):
            Process.deliver(self, message)


limited_classes: Final[dict[type[Process], type[Process]]] = {Process: LimitedProcess}
"""The class that a process of each class has while its mailbox has a limit.

Tracing enters its own."""


def limit_mailbox(process: Process, limit: Limit) -> None:
    """Give `process`, which has none, a limit."""
    _states[process.pid] = _State(limit)
    process.__class__ = limited_classes[type(process)]


def change_limit(process: Process, limit: Limit | None) -> Limit | None:
    """Give `process` a limit, another one, or none any more; return the former."""
    state = _states.get(process.pid)
    if state is None:
        if limit is not None and process.pid in alive:
            limit_mailbox(process, limit)
        return None
    former = state.limit
    if limit is not None:
        state.limit = limit
        return former
    if state.full:
        _note_end(process, state)
    _forget(process)
    process.__class__ = next(
        plain for plain, limited in limited_classes.items() if limited is type(process)
    )
    return former


def _forget(process: Process) -> None:
    """Forget the limit of a process that has ended, or has none any more."""
    state = _states.pop(process.pid, None)
    if state is not None:
        services = process.node.services
        services[_DROPPED] = services.get(_DROPPED, 0) + state.dropped


def _drop_oldest(process: Process) -> bool:
    """Drop the oldest message that may be dropped; return False if there is none."""
    mailbox = process.mailbox
    itself = _sends(process)
    # Not while the process itself is going through them: a search of many messages is suspended in
    # the middle, where the process does not wait; and a predicate may send to its own process.
    saved = mailbox.saved
    searched = mailbox.wanted is None and process.body.kind != "handler"
    if saved and not itself and not (searched and len(saved) > SCAN_QUANTUM):
        for number, (message, _) in saved.items():
            if _may_be_dropped(message):
                mailbox.drop_saved(number)
                return True
    return _drop_arrival(mailbox, 1 if itself else 0)


def _drop_arrival(mailbox: Mailbox, first: int) -> bool:
    arrivals = mailbox.arrivals
    for place, message in enumerate(arrivals or ()):
        if place >= first and _may_be_dropped(message):
            del arrivals[place]  # type: ignore[union-attr]  # it is not empty
            return True
    return False


def _may_be_dropped(message: Any) -> bool:
    kind = type(message)
    return kind not in owed and kind not in refused


def _sends(process: Process) -> bool:
    if local.step.process is not None:
        return local.step.process is process
    try:
        return by_task.get(current_task()) is process
    except RuntimeError:
        return False


def _note_end(process: Process, state: _State) -> None:
    _note(process, f"drops messages no more: {state.dropped} by now")


def _note(process: Process, what: str) -> None:
    name = f" ({process.name})" if process.name is not None else ""
    with suppress(Exception):
        _log.warning(
            "process %r%s running %s %s",
            process.pid,
            name,
            process.body.describe(),
            what,
            extra={"pid": process.pid, "function": process.body.describe()},
        )
