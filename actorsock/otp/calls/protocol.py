"""What callers and servers send each other, whatever the behaviour of the server.

`Call` and `Cast` are requests, `Answer` comes back through the caller's alias. A process that
is no behaviour may receive calls too: it matches `Call(caller, request)` and uses `reply`.
"""

from typing import Any, Final

import attrs

from ...results import Error
from ...runtime.api.aliases import send_through
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import alive

__all__ = [
    "BY_ALIAS",
    "OPEN",
    "Answer",
    "Begin",
    "Begun",
    "Call",
    "Caller",
    "Cast",
    "StopRequest",
    "SystemCall",
    "Tick",
    "send_answer",
    "standing_by",
]

OPEN: Final = object()
"""In place of an answer: the caller stands by, and takes what is put here."""

BY_ALIAS: Final = object()
"""In place of an answer: it goes through the alias."""


@attrs.frozen(init=False)
class Caller:
    """Who waits for an answer; Erlang's `From`."""

    pid: Pid
    ref: Ref
    """The alias that the answer goes to. It is active for as long as the caller waits."""
    answer: Any = attrs.field(init=False, eq=False, repr=False)
    """`BY_ALIAS`, or of a caller that stands by: `OPEN`, or the answer."""

    def __init__(self, pid: Pid, ref: Ref) -> None:
        _set_pid(self, pid)
        _set_ref(self, ref)
        _set_answer(self, BY_ALIAS)

    def __getattr__(self, name: str) -> Any:
        # Of a caller that stands by: most never need their ref. Whoever asks for it may answer
        # through it at once, so from here on that is the way.
        if name != "ref":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        ref = Ref()
        _set_ref(self, ref)
        if self.answer is OPEN:
            _set_answer(self, BY_ALIAS)
            process = alive.get(self.pid)
            if process is not None:
                process.add_alias(ref, "reply")
        return ref

    def __copy__(self) -> "Caller":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Caller":
        return self  # a second one would wait for an answer of its own


# Every call makes a caller: through their descriptors, which the type checker does not know, its
# fields are set without a detour.
_set_pid: Final = Caller.pid.__set__  # type: ignore[attr-defined]
_set_ref: Final = Caller.ref.__set__  # type: ignore[attr-defined]
_set_answer: Final = Caller.answer.__set__
_new: Final = Caller.__new__


def standing_by(pid: Pid) -> Caller:
    """A caller that looks for its answer in `answer`, unless that has become `BY_ALIAS`."""
    caller = _new(Caller)
    _set_pid(caller, pid)
    _set_answer(caller, OPEN)
    return caller


def send_answer(caller: Caller, value: Any) -> None:
    """Bring the answer to whoever waits for it; the first one counts."""
    answer = caller.answer
    if answer is OPEN:
        _set_answer(caller, value)
    elif answer is BY_ALIAS:
        send_through(caller.ref, Answer(caller.ref, value))


@attrs.frozen
class Call:
    """A request that is to be answered."""

    caller: Caller
    request: Any


@attrs.frozen
class Cast:
    """A request that is not answered."""

    request: Any


@attrs.frozen
class Answer:
    """The answer to a call."""

    ref: Ref
    value: Any


@attrs.frozen
class SystemCall:
    """A request that every behaviour serves by itself; see `sys`."""

    caller: Caller
    request: Any


@attrs.frozen
class StopRequest:
    """What `stop` asks for."""

    reason: Any


@attrs.frozen
class Begin:
    """The first message to a new server."""

    parent: Pid
    """Whose exit signal ends it even if it traps exits: who has linked it, or else itself."""
    starter: Ref
    """Where it says how `init` went."""
    args: tuple[Any, ...]


@attrs.frozen
class Begun:
    """How `init` went: None is well."""

    ref: Ref
    error: Error | None


@attrs.frozen
class Tick:
    """A server's own timer has run out; a stamp that is no longer valid says: ignore it."""

    name: Any
    stamp: int
