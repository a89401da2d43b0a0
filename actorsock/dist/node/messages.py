"""Messages between nodes: the library's own records as the tuples of Erlang, and back.

A record of the table in `_FORMS` is sent as Erlang's tuple. A received tuple of a form that the
behaviours of Erlang send is the record, at the top of a message alone: so that
a `GenServer` here can be called from there, and `otp.call` gets the answer of one there.
"""

from collections.abc import Callable
from typing import Any, Final

from ...otp.calls.protocol import Answer, Call, Caller, Cast, StopRequest, SystemCall
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, Exit, TimerExpired
from ...runtime.core.remote import RemoteRef
from ..terms.values import Atom, ImproperList
from ..terms.writing import Write, Writer
from .identities import FarPid, FarRef, Identities, Neighbour, pid_in_short, ref_in_short
from .reasons import write_reason
from .system_messages import DROPPED, ByRelease, system_message

__all__ = ["DROPPED", "ReturnAddress", "from_term", "messages_writer", "short_writer", "to_term"]

_A: Final = Atom
_ALIAS: Final = (Atom("alias"),)


class ReturnAddress(RemoteRef):
    """Where the answer to a call of another node goes: Erlang's tag, with which it is sent back."""

    __slots__ = ("form", "pid", "tag")

    def __init__(self, pid: Pid, tag: Any, form: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.pid = pid
        self.tag = tag
        self.form = form
        """Makes the term of an answer, where that is not the answer itself."""

    def deliver(self, message: Any) -> None:
        value = message.value if type(message) is Answer else message
        dest = _alias_in(self.tag) or self.pid
        if self.form is not None:
            value = self.form(value)
        if not isinstance(dest, (FarPid, FarRef)):
            return
        if type(value) is ByRelease:
            form, tag = value.form, self.tag
            dest.peer.with_release(lambda release: dest.deliver((tag, form(release))))
        else:
            dest.deliver((self.tag, value))


def _alias_in(tag: Any) -> FarRef | None:
    # [alias | Ref], and [[alias | Ref] | More] of functions that make many calls.
    if type(tag) is ImproperList and tag.items:
        if tag.items[0] == "alias" and type(tag.tail) is FarRef:
            return tag.tail
        return _alias_in(tag.items[0])
    return None


def to_term(message: Any) -> Any:
    """Return what is sent for a message."""
    form = _FORMS.get(type(message))
    return message if form is None else form(message)


def _stop(request: StopRequest) -> Any:
    caller = Caller(current_process().pid, Ref())  # nobody waits for its answer: the end is awaited
    return _A("system"), caller, (_A("terminate"), _Reason(request.reason))


def _answer(answer: Answer) -> Any:
    return ImproperList(_ALIAS, answer.ref), answer.value


def _no_system_call(call: SystemCall) -> Any:
    raise TypeError(
        "the functions of otp.sys reach behaviours of this program: of another node, ask by "
        'dist.erpc.call(node, "sys", "get_state", [pid])'
    )


class _Reason:
    """An exit reason as a part of a message."""

    __slots__ = ("reason",)

    def __init__(self, reason: Any) -> None:
        self.reason = reason


_FORMS: Final[dict[type, Callable[[Any], Any]]] = {
    Call: lambda call: (_A("$gen_call"), call.caller, call.request),
    Cast: lambda cast: (_A("$gen_cast"), cast.request),
    Answer: _answer,
    StopRequest: _stop,
    SystemCall: _no_system_call,
    Exit: lambda exit: (_A("EXIT"), exit.pid, _Reason(exit.reason)),
    Down: lambda down: (
        _A("DOWN"),
        down.ref,
        _A("process"),
        _named(down.pid),
        _Reason(down.reason),
    ),
    TimerExpired: lambda timer: (_A("timeout"), timer.ref, timer.message),
}


def _named(pid: Any) -> Any:
    return tuple(map(_A, pid)) if type(pid) is tuple else _A(pid) if type(pid) is str else pid


def messages_writer(identities: Identities, none: str) -> Writer:
    """Return a writer that also knows pids and refs, callers and results."""
    pid_as_bytes, ref_as_bytes = identities.pid_as_bytes, identities.ref_as_bytes

    def wire(writer: Writer, out: bytearray, value: FarPid | FarRef) -> None:
        out += value.wire

    def pid(writer: Writer, out: bytearray, value: Pid) -> None:
        out += pid_as_bytes(value)

    def ref(writer: Writer, out: bytearray, value: Ref) -> None:
        out += ref_as_bytes(value)

    more: dict[type, Write] = {Pid: pid, Ref: ref, FarPid: wire, FarRef: wire, **_RECORDS}
    return Writer(none, more=more)


def short_writer(identities: Identities, none: str, peer: Neighbour) -> Writer:
    """Return a writer for one connection, which keeps the names of its two nodes."""

    def pid(writer: Writer, out: bytearray, value: Pid) -> None:
        out += pid_in_short(identities.pid_as_bytes(value), 0)

    def ref(writer: Writer, out: bytearray, value: Ref) -> None:
        out += ref_in_short(identities.ref_as_bytes(value), 0)

    def far_pid(writer: Writer, out: bytearray, value: FarPid) -> None:
        out += pid_in_short(value.wire, 1) if value.peer is peer else value.wire

    def far_ref(writer: Writer, out: bytearray, value: FarRef) -> None:
        out += ref_in_short(value.wire, 1) if value.peer is peer else value.wire

    more: dict[type, Write] = {Pid: pid, Ref: ref, FarPid: far_pid, FarRef: far_ref, **_RECORDS}
    return Writer(none, more=more)


def _caller(writer: Writer, out: bytearray, caller: Caller) -> None:
    ref = caller.ref
    tag = ref if type(ref) is ReturnAddress else ImproperList(_ALIAS, ref)
    writer.write(out, (caller.pid, tag))


def _ok(writer: Writer, out: bytearray, result: Ok[Any]) -> None:
    writer.write(out, _A("ok") if result.value is None else (_A("ok"), result.value))


def _error(writer: Writer, out: bytearray, result: Error[Any]) -> None:
    reason: Any = _Reason(result.reason)
    writer.write(out, (_A("error"), reason if result.data is None else (reason, result.data)))


_RECORDS: Final[dict[type, Write]] = {
    ReturnAddress: lambda writer, out, value: writer.write(out, value.tag),
    Caller: _caller,
    Ok: _ok,
    Error: _error,
    _Reason: lambda writer, out, value: write_reason(writer, out, value.reason),
}


def from_term(term: Any) -> Any:
    """Return the message that a received term is; `DROPPED` if it was dealt with."""
    if type(term) is not tuple or not term:
        return term
    head = term[0]
    if type(head) is Atom:
        received = _RECEIVED.get(head)
        return term if received is None else received(term)
    if type(head) is ImproperList and len(term) == 2 and head.items == _ALIAS:
        return Answer(head.tail, term[1]) if isinstance(head.tail, Ref) else term
    return term


def _received_cast(term: tuple[Any, ...]) -> Any:
    return Cast(term[1]) if len(term) == 2 else term


def _received_call(term: tuple[Any, ...]) -> Any:
    to = _from(term[1]) if len(term) == 3 else None
    return term if to is None else Call(Caller(to.pid, to), term[2])


def _received_system(term: tuple[Any, ...]) -> Any:
    to = _from(term[1]) if len(term) == 3 else None
    return term if to is None else system_message(to, term[2])


_RECEIVED: Final[dict[str, Callable[[tuple[Any, ...]], Any]]] = {
    "$gen_cast": _received_cast,
    "$gen_call": _received_call,
    "system": _received_system,
}


def _from(term: Any) -> ReturnAddress | None:
    if type(term) is tuple and len(term) == 2 and isinstance(term[0], Pid):
        return ReturnAddress(term[0], term[1])
    return None
