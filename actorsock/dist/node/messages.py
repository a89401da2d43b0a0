"""Messages between nodes: the library's own records as the tuples of Erlang, and back.

A record of the table in `_FORMS` is sent as Erlang's tuple. A received tuple of a form that the
behaviours of Erlang send is the record, at the top of a message alone: so that
a `GenServer` here can be called from there, and `otp.call` gets the answer of one there.
"""

from collections.abc import Callable
from typing import Any, Final

from ...otp.calls.protocol import Answer, Call, Caller, Cast, StopRequest, SystemCall
from ...otp.calls.travelling import TravellingCall, TravellingCast
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, Exit, Timeout, TimerExpired
from ...runtime.core.remote import RemoteRef
from ..terms.values import Atom, ImproperList
from ..terms.writing import Write, Writer
from .identities import FarPid, FarRef, Identities, Neighbour, pid_in_short, ref_in_short
from .reasons import write_reason
from .records import STRUCT, Record, RecordWriter, record_of, registered_struct
from .system_messages import DROPPED, ByRelease, system_message

__all__ = [
    "DROPPED",
    "ReturnAddress",
    "from_term",
    "kin_struct",
    "kin_writer",
    "messages_writer",
    "short_writer",
    "to_term",
]

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
            return
        try:
            dest.deliver((self.tag, value))
        except TypeError:
            dest.peer.writer.write(bytearray(), value)  # raises for the server's own mistake
            # The caller has given a tag that can't be sent back: that must not end a server here.


def _alias_in(tag: Any) -> FarRef | None:
    # [alias | Ref], and [[alias | Ref] | More] of functions that make many calls.
    if type(tag) is ImproperList and tag.items:
        if tag.items[0] == "alias" and type(tag.tail) is FarRef:
            return tag.tail
        return _alias_in(tag.items[0])
    return None


def to_term(message: Any, kin: bool = False) -> Any:
    """Return what is sent for a message; the fewest are others to a node of this library."""
    cls = type(message)
    form = None if kin and cls in _KIN_RECORDS else _FORMS.get(cls)
    return message if form is None else form(message)


def _stop(request: StopRequest) -> Any:
    # Nobody waits for its answer: the end is awaited.
    caller = _From(Caller(current_process().pid, Ref()))
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
    Call: lambda call: (_A("$gen_call"), _From(call.caller), call.request),
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

# The values that travel stay in this program.
_FORMS[TravellingCall], _FORMS[TravellingCast] = _FORMS[Call], _FORMS[Cast]


def _named(pid: Any) -> Any:
    return tuple(map(_A, pid)) if type(pid) is tuple else _A(pid) if type(pid) is str else pid


class _From:
    """A caller as a part of a call, in Erlang's form to every node."""

    __slots__ = ("caller",)

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


def messages_writer(identities: Identities, none: str) -> Writer:
    """Return a writer that also knows pids, refs, callers, results and registered classes."""
    return _writer(none, False, _identity_writes(identities))


def kin_writer(identities: Identities, none: str) -> Writer:
    """Return a writer for nodes of this library: text stays text, and records stay records."""
    return _writer(none, True, _identity_writes(identities))


def kin_struct(found: dict[Any, Any]) -> Any:
    """Return what a map with a `__struct__` from a node of this library stands for."""
    name = found[STRUCT]
    record = _KIN_NAMES.get(name) if type(name) is Atom else None
    return registered_struct(found) if record is None else record.read(found)


def _identity_writes(identities: Identities) -> dict[type, Write]:
    pid_as_bytes, ref_as_bytes = identities.pid_as_bytes, identities.ref_as_bytes

    def wire(writer: Writer, out: bytearray, value: FarPid | FarRef) -> None:
        out += value.wire

    def pid(writer: Writer, out: bytearray, value: Pid) -> None:
        out += pid_as_bytes(value)

    def ref(writer: Writer, out: bytearray, value: Ref) -> None:
        out += ref_as_bytes(value)

    return {Pid: pid, Ref: ref, FarPid: wire, FarRef: wire}


def short_writer(identities: Identities, none: str, peer: Neighbour, kin: bool) -> Writer:
    """Return a writer for one connection, which keeps the names of its two nodes."""

    def pid(writer: Writer, out: bytearray, value: Pid) -> None:
        out += pid_in_short(identities.pid_as_bytes(value), 0)

    def ref(writer: Writer, out: bytearray, value: Ref) -> None:
        out += ref_in_short(identities.ref_as_bytes(value), 0)

    def far_pid(writer: Writer, out: bytearray, value: FarPid) -> None:
        out += pid_in_short(value.wire, 1) if value.peer is peer else value.wire

    def far_ref(writer: Writer, out: bytearray, value: FarRef) -> None:
        out += ref_in_short(value.wire, 1) if value.peer is peer else value.wire

    return _writer(none, kin, {Pid: pid, Ref: ref, FarPid: far_pid, FarRef: far_ref})


def _writer(none: str, kin: bool, identities: dict[type, Write]) -> Writer:
    records = {cls: record.write for cls, record in _KIN_RECORDS.items()} if kin else _RECORDS
    return RecordWriter(none, "kin" if kin else "binary", {**identities, **_PARTS, **records})


def _timeout(writer: Writer, out: bytearray, value: Timeout) -> None:
    writer.write(out, _A("timeout"))


def _caller(writer: Writer, out: bytearray, caller: Caller) -> None:
    writer.write(out, (caller.pid, _tag_of(caller.ref)))


def _tag_of(ref: Ref) -> Any:
    return ref if type(ref) is ReturnAddress else ImproperList(_ALIAS, ref)


def _caller_of(pid: Pid, ref: Any) -> Caller:
    """Return the caller that another node has passed on: the answer goes where it waits."""
    if type(ref) is ImproperList and ref.items == _ALIAS and type(ref.tail) is Ref:
        return Caller(pid, ref.tail)
    return Caller(pid, ReturnAddress(pid, ref))


def _part(attribute: str, value: Any) -> Any:
    return _Reason(value) if attribute == "reason" else value


_KIN_RECORDS: Final[dict[type, Record]] = {
    Caller: Record(
        "actorsock.Caller",
        _caller_of,
        (("pid", "pid"), ("ref", "ref")),
        lambda attribute, value: _tag_of(value) if attribute == "ref" else value,
    ),
    **{
        cls: record_of(cls, f"actorsock.{cls.__name__}", _part)
        for cls in (Ok, Error, Exit, Down, TimerExpired, Timeout)
    },
}
"""The library's own classes whose objects travel to nodes of this library alone."""

_KIN_NAMES: Final = {record.name: record for record in _KIN_RECORDS.values()}


def _ok(writer: Writer, out: bytearray, result: Ok[Any]) -> None:
    writer.write(out, _A("ok") if result.value is None else (_A("ok"), result.value))


def _error(writer: Writer, out: bytearray, result: Error[Any]) -> None:
    reason: Any = _Reason(result.reason)
    writer.write(out, (_A("error"), reason if result.data is None else (reason, result.data)))


_PARTS: Final[dict[type, Write]] = {
    ReturnAddress: lambda writer, out, value: writer.write(out, value.tag),
    _From: lambda writer, out, value: _caller(writer, out, value.caller),
    _Reason: lambda writer, out, value: write_reason(writer, out, value.reason),
}
"""What is written alike for every node."""

_RECORDS: Final[dict[type, Write]] = {
    Caller: _caller,
    Ok: _ok,
    Error: _error,
    Timeout: _timeout,
    **dict.fromkeys(
        (Exit, Down, TimerExpired),
        lambda writer, out, value: writer.write(out, _FORMS[type(value)](value)),
    ),
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
