"""The class of a process that is traced.

A process becomes one, and a plain one again, by an assignment to its `__class__`. So nothing is
tested while nothing is traced; and the native core, which looks for the plain class, leaves what is
done to a traced process to the Python. What such a process does itself is as ever.

What a process sends is seen where it arrives. So while one is traced with `send`, all others have a
class of their own, `SeenProcess`: the native core delivers what they send to each other as ever.
"""

from typing import Any, Final

from trio.lowlevel import current_task

from ...otp.calls.protocol import BY_ALIAS, PENDING, Answer, Call
from ...runtime.bodies.limited_process import LimitedProcess, limited_classes
from ...runtime.bodies.running import by_task, local
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, Exit
from ...runtime.core.process import Process, alive
from ...socket.core.notifications import AbortMessage, CounterWrap, SelectMessage, SocketDown
from .events import TraceEvent
from .table import record, table_of

__all__ = [
    "SeenLimitedProcess",
    "SeenProcess",
    "TracedLimitedProcess",
    "TracedProcess",
    "running_pid",
]


class TracedProcess(Process):
    """A process that is traced."""

    __slots__ = ()

    def deliver(self, message: Any) -> None:
        """Record the message, and deliver it."""
        # Looked up first, here and below: a session that ends meanwhile takes this class away.
        deliver = super().deliver
        table = table_of(self.node)
        if table is None or type(message) is TraceEvent:
            deliver(message)
            return
        sender = _sender_of(message)
        if isinstance(sender, Pid):
            table.record("send", sender, "send", message, self.pid)
        table.record("receive", self.pid, "receive", message, sender)
        deliver(message)
        if issubclass(type(message), Call):
            answer = message.caller.answer
            if answer is not PENDING and answer is not BY_ALIAS:
                # Answered in place: there is no message, but people look for one.
                caller = message.caller.pid
                reply = Answer(_IN_PLACE, answer)
                table.record("send", self.pid, "send", reply, caller)
                table.record("receive", caller, "receive", reply, self.pid)

    def link(self, other: Process) -> None:
        """Record the link, and make it."""
        make_link = super().link
        record(self, "procs", "link", None, other.pid)
        record(other, "procs", "getting_linked", None, self.pid)
        make_link(other)
        table = table_of(self.node)
        if table is not None:
            table.inherit(self.pid, other, "set_on_link")

    def unlink(self, pid: Pid) -> None:
        """Record that the link is removed, and remove it."""
        remove_link = super().unlink
        record(self, "procs", "unlink", None, pid)
        remove_link(pid)

    def be_named(self, name: str | None) -> None:
        """Record that the process gets a name, or loses it."""
        note, former = super().be_named, self.name
        if name is None:
            record(self, "procs", "unregister", former)
        else:
            record(self, "procs", "register", name)
            table = table_of(self.node)
            for session in () if table is None else table.flags.get(self.pid, ()):
                session.names[self.pid] = name
        note(name)

    def end(self, reason: Any) -> None:
        """Record the end, and end."""
        end = super().end
        if self.pid in alive:
            record(self, "procs", "exit", self.reason if self.ending else reason)
            if self.name is not None:
                record(self, "procs", "unregister", self.name)
            table = table_of(self.node)
            if table is not None:
                table.flags.pop(self.pid, None)
        end(reason)


class TracedLimitedProcess(TracedProcess, LimitedProcess):
    """The same, with a limit to its mailbox. A message is recorded also if it is dropped."""

    __slots__ = ()


class SeenProcess(TracedProcess):
    """A process that is not traced, but may be sent something by one that is."""

    __slots__ = ()


class SeenLimitedProcess(TracedLimitedProcess):
    """The same, with a limit to its mailbox."""

    __slots__ = ()


limited_classes[TracedProcess] = TracedLimitedProcess
limited_classes[SeenProcess] = SeenLimitedProcess

_IN_PLACE: Final = Ref()
"""The ref of answers that were given in place, of which there is no message."""


def _sender_of(message: Any) -> Any:
    """Return the process or the socket from which a message comes; None if that is not known."""
    kind = type(message)
    if kind is Exit or kind is Down:
        return message.pid
    if kind in _OF_SOCKETS:
        return message.socket
    return running_pid()


def running_pid() -> Pid | None:
    """Return the process that runs at this moment; None in a timer, or in another thread."""
    process = local.step.process
    if process is None:
        try:
            process = by_task.get(current_task())
        except RuntimeError:
            return None
    return None if process is None else process.pid


_OF_SOCKETS: Final = (SelectMessage, AbortMessage, CounterWrap, SocketDown)
