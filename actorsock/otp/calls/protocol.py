"""The messages that callers and servers exchange, and the delivery of an answer.

These messages are the same for every behaviour. A process without a behaviour can serve calls
too: it receives `Call(caller, request)` and calls `reply(caller, value)`.

An answer takes one of two ways, and `Caller.answer` says which:

- In place. A `call` first delivers its request with a *pending* caller. If the server is a handler
  process that answers before `deliver` returns, the answer is stored in the caller object, and
  `call` returns it: no ref, no monitor, no alias and no message. This is the usual case.
- By alias. Otherwise the answer is an `Answer` message, sent through the alias `Caller.ref`. The
  alias is inactive once the caller has stopped waiting, so a late answer is dropped.
"""

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs
from trio.lowlevel import enable_ki_protection

from ...runtime.api.aliases import send_through
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, owed, refused
from ...runtime.core.process import Process, alive
from .registries import Via

__all__ = [
    "BY_ALIAS",
    "PENDING",
    "Answer",
    "Begin",
    "Begun",
    "Call",
    "Caller",
    "Cast",
    "Request",
    "RequestRef",
    "StopRequest",
    "SystemCall",
    "SystemMessage",
    "Tick",
    "deliver_call",
    "pending_caller",
    "send_answer",
]

T = TypeVar("T")


class Request(Generic[T]):
    """The base of a request whose answer is of type `T`. For type checkers only.

    A request may be any value; `call` then returns `Any`. If its class derives from `Request[T]`,
    `call` returns `T`, and `receive_response` `Ok[T]`. The server is not checked: it is the
    program's promise that it answers so.

    Example::

        @attrs.frozen
        class Price(otp.Request[int]):
            article: str

        total = 2 * await otp.call("till", Price("apple"))  # an int
    """

    __slots__ = ()


if TYPE_CHECKING:

    class RequestRef(Ref, Generic[T]):
        """The ref of a request whose answer is of type `T`. There is only `Ref` at run time."""

else:
    RequestRef = Ref


PENDING: Final = object()
"""A value of `Caller.answer`: no answer yet, and the server may store it here."""

BY_ALIAS: Final = object()
"""A value of `Caller.answer`: the answer has to be sent through the alias `Caller.ref`."""


@attrs.frozen(init=False)
class Caller:
    """The return address of a call, for `reply`. Erlang's `From`.

    Two callers are equal if their `pid` and `ref` are.
    """

    pid: Pid
    """The process that waits for the answer."""
    ref: Ref
    """The alias that the answer is sent to. It is active for as long as the process waits."""
    answer: Any = attrs.field(init=False, eq=False, repr=False)
    """Internal: `PENDING`, `BY_ALIAS`, or the answer itself."""

    def __init__(self, pid: Pid, ref: Ref) -> None:
        _set_pid(self, pid)
        _set_ref(self, ref)
        _set_answer(self, BY_ALIAS)

    def __getattr__(self, name: str) -> Any:
        # Python calls this only for a missing attribute: the ref of a pending caller. It is made on
        # first use, because most calls are answered in place and need none. The code that reads the
        # ref may send an answer through it at once, and so the caller has to stop being pending:
        # from here on the alias is the only way.
        if name != "ref":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        ref = Ref()
        _set_ref(self, ref)
        if self.answer is PENDING:
            _set_answer(self, BY_ALIAS)
            process = alive.get(self.pid)
            if process is not None:
                process.add_alias(ref, "reply")
        return ref

    # A copy of a pending caller would get an answer that `call` does not look at.
    def __copy__(self) -> "Caller":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Caller":
        return self


# Each call makes a caller. The class is frozen, and writing through the descriptors of its slots is
# faster than `object.__setattr__`. The type checker does not know that they are descriptors.
_set_pid: Final = Caller.pid.__set__  # type: ignore[attr-defined]
_set_ref: Final = Caller.ref.__set__  # type: ignore[attr-defined]
_set_answer: Final = Caller.answer.__set__
_new: Final = Caller.__new__


@enable_ki_protection
def deliver_call(target: Process, pid: Pid, request: Any) -> Caller:
    """Deliver a call of `pid` to `target`; return its caller, in which the answer may be already.

    The answer can be stored there until the ref of the caller is used.
    """
    caller = _new(Caller)
    _set_pid(caller, pid)
    _set_answer(caller, PENDING)
    target.deliver(Call(caller, request))
    return caller


def pending_caller(pid: Pid) -> Caller:
    """Return a caller of `pid` in which the answer can be stored, as `deliver_call` makes it."""
    caller = _new(Caller)
    _set_pid(caller, pid)
    _set_answer(caller, PENDING)
    return caller


def send_answer(caller: Caller, value: Any) -> None:
    """Deliver the answer of a call. Only the first answer has an effect."""
    answer = caller.answer
    if answer is PENDING:
        _set_answer(caller, value)
    elif answer is BY_ALIAS:
        send_through(caller.ref, Answer(caller.ref, value))


@attrs.frozen
class Call:
    """A request that expects an answer. Erlang's `{'$gen_call', From, Request}`.

    A `GenServer` gets it as `handle_call(request, caller)`; a `StateMachine` gets the record
    itself, as an event; a process without a behaviour receives it like any message.

    Example::

        match await receive(Call):
            case Call(caller, ("add", a, b)):
                otp.reply(caller, a + b)
    """

    caller: Caller
    """The return address, for `reply`."""
    request: Any
    """The value that was passed to `call` or `send_request`."""


@attrs.frozen
class Cast:
    """A request that expects no answer. Erlang's `{'$gen_cast', Request}`."""

    request: Any
    """The value that was passed to `cast`."""


@attrs.frozen
class Answer:
    """The message that answers a `send_request`. Erlang's `{[alias | Ref], Reply}`."""

    ref: Ref
    """The ref that `send_request` returned."""
    value: Any
    """The value that the server answered with."""


class SystemMessage:
    """A request of `sys` or `stop`. Erlang's `{system, From, Request}`.

    Behaviours serve it themselves, without the program's callbacks. A process without a behaviour
    that receives one passes it to `sys.handle_system_msg`.
    """

    __slots__ = ()


@attrs.frozen
class SystemCall(SystemMessage):
    """A request of `sys`."""

    caller: Caller
    request: Any


@attrs.frozen
class StopRequest(SystemMessage):
    """The request of `stop`: call `terminate`, and end with `reason`."""

    reason: Any


@attrs.frozen
class Begin:
    """The first message to a new behaviour process: call `init`."""

    parent: Pid
    """The process whose exit signal ends this one even if it traps exits: the caller of
    `start_link`; for `start` the new process itself."""
    starter: Ref
    """The alias that the result of `init` (`Begun`) is sent to."""
    args: tuple[Any, ...]
    name: Via | None = None
    """The name that the process registers before `init`, if it is in a registry of the program."""


@attrs.frozen
class Begun:
    """The first news of a new process, for the function that has started it."""

    ref: Ref
    result: Any
    """What that function returns."""
    failed: bool
    """The process is about to end. The function waits for that before it returns."""


@attrs.frozen
class Tick:
    """The message of a behaviour's own timer.

    A timer that is stopped may have fired already. Its message is then in the mailbox, and is
    recognised by its old `stamp` and ignored.
    """

    name: Any
    stamp: int


def _refuse(server: Process, call: Call) -> None:
    """Fail a call that comes above the limit of the server's mailbox."""
    ref = call.caller.ref
    send_through(ref, Down(ref, server.pid, "overloaded"))


owed.update((Answer, SystemCall, StopRequest, Begin, Begun, Tick))
refused[Call] = _refuse
