"""A process: mailbox, links, monitors and exit reason, whatever body runs it.

Messages, exit signals and monitor notices arrive here, and an ended process notifies its links and
monitors here. `signals` decides the effect of an exit signal; the body runs the code and waits.
"""

from threading import get_ident
from time import monotonic
from typing import Any, Final

import attrs

from ..._native import twin
from .body import Body
from .identity import Pid, Ref
from .mailbox import Mailbox, anything, may_match
from .messages import Down, Exit
from .node import Node
from .remote import Remote, RemotePid, RemoteRef
from .signals import Origin, effect_of
from .table import Table

__all__ = [
    "EndedBy",
    "ExitError",
    "ExitSignal",
    "Process",
    "ProcessExit",
    "aliased",
    "alive",
    "exit_signal",
    "new_process",
    "note_end",
    "processes_of",
]

alive: Final[dict[Pid, "Process"]] = {}
"""Every process that has not ended. The only way from a pid to its process.

The function that starts a process adds it last, when nothing can fail any more.
"""


def processes_of(node: Node) -> list["Process"]:
    """Return the living processes of one runtime, oldest first."""
    # Other threads change the table too: not during `copy`, but during an iteration.
    return [process for process in alive.copy().values() if process.node is node]


_OTHER_THREAD: Final = (
    "this is not the thread of the receiver's runtime: from here only `send` works"
)

aliased: Final[dict[Ref, "Process"]] = {}
"""The process behind every active alias."""


class _Ends(BaseException):
    # No `Exception`, like `trio.Cancelled`: `except Exception` must not catch an end.

    reason: Any
    """The exit reason."""

    ended_by: "EndedBy | None" = None
    """The exit signal that has ended the process; None if none did."""

    def __init__(self, reason: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        # Not isinstance: it runs the `__class__` of the program's object if it defines one, and an
        # exit signal must reach all links whatever its reason does.
        if issubclass(type(reason), BaseException):
            self.__cause__ = reason  # the crash, with its traceback

    def __str__(self) -> str:
        return f"the process ends with reason {self.reason!r}"


class ProcessExit(_Ends):
    """Ends the process in which it is raised; raised by `exit(reason)`.

    Like `trio.Cancelled` it is not an `Exception`, so that `except Exception` does not catch it.
    Outside a process, `run` and `open_runtime` raise it when the first process has ended with
    a reason other than `"normal"`. Erlang's exception of class `exit`.

    Attributes:
        reason: the exit reason. If it is an exception (a crash), it is the `__cause__` too.
        ended_by: the `EndedBy` of the exit signal that has ended the first process; None if it has
            ended by itself.

    Example::

        try:
            run(main)
        except ProcessExit as exc:
            print(f"the program has ended: {exc.reason!r}")
    """


class ExitError(Exception):
    """The base of errors that carry an exit reason: `otp.CallError`.

    A program may catch one like any exception. A process that does not catch it ends with `reason`
    and without a crash report, as in Erlang, where such a failure is an exception of class `exit`.

    Attributes:
        reason: the exit reason. If it is an exception (a crash), it is the `__cause__` too.
    """

    reason: Any

    def __init__(self, reason: Any, *args: Any) -> None:
        super().__init__(reason, *args)
        self.reason = reason
        if issubclass(type(reason), BaseException):  # as in `_Ends`
            self.__cause__ = reason


class ExitSignal(_Ends):
    """Unwinds a process that an exit signal has ended, where trio's cancellation can't.

    Raised by this library's functions in a light process, and in a trio task that was adopted. Let
    it propagate: `finally` clauses run as usual, and every further call raises it again. It is not
    a `ProcessExit`, so that code which catches an `exit` of its own does not catch a signal.

    Attributes:
        reason: the exit reason of the process.
        ended_by: the `EndedBy` that tells who has sent the signal, and along which links it came.
    """


@attrs.frozen(eq=False, repr=False)
class EndedBy:
    """The path of the exit signal that has ended a process.

    It is the `ended_by` of `ExitSignal`, `ProcessExit` and `ProcessInfo`, and of the log record of
    a process that crashes while it unwinds. As text: "through the link with <0.3.0>, sent by
    <0.5.0>".
    """

    sender: Pid
    """The process that has sent the signal, or has ended with a link to this one."""
    origin: Origin
    """`"exit"`: sent by `exit(pid, reason)`; `"self"`: so, by the process itself; `"link"`."""
    itself: bool
    """True if `sender` is the process itself."""
    cause: "EndedBy | None" = None
    """For a link: the signal that has ended `sender`; None if no signal did."""

    def __str__(self) -> str:
        steps: list[str] = []
        step: EndedBy | None = self
        while step is not None and len(steps) < _STEPS_SHOWN:
            steps.append(step._step())
            step = step.cause
        return ", ".join(steps if step is None else [*steps, "..."])

    def _step(self) -> str:
        if self.origin == "link":
            return f"through the link with {self.sender!r}"
        if self.itself:
            return "sent by itself" if self.origin == "self" else "at the end of the runtime"
        return f"sent by {self.sender!r}"


_STEPS_SHOWN: Final = 10


@attrs.define(eq=False, weakref_slot=False)
class Process:
    """One process of one node."""

    node: Node
    body: Body
    pid: Pid = attrs.field(factory=Pid)
    mailbox: Mailbox = attrs.field(factory=Mailbox)
    name: str | None = None
    trapping: bool = False
    ending: bool = False
    """True once an exit signal ends the process, also while its code still unwinds."""
    reason: Any = None
    """The exit reason, once `ending`."""
    ended_by: EndedBy | None = None
    """The exit signal that ends it; None if none does."""

    # Most processes use few of these tables, so each is made when something is put into it.
    links: Table[Pid, None] | None = None
    """Linked processes, in the order in which the links were made: a dict serves as ordered set."""
    monitors: Table[Ref, Pid | Remote] | None = None
    """The processes that this one monitors; a `RemoteName` for one known by its name there."""
    watchers: Table[Ref, Pid | tuple[Pid, Any]] | None = None
    """The processes that monitor this one, each with the argument of its `monitor`.

    Without the argument if that is the pid of this process, as it mostly is.
    """
    timers: Table[Ref, Node] | None = None
    """Message timers that will send to this process, and the node that keeps them."""
    aliases: Table[Ref, str] | None = None
    """The active aliases of this process, and the mode of each (see `api.aliases`)."""

    # Only for tools that show the process.
    parent: Pid | None = None
    """The process that has spawned it; None for the first one and for tasks that were adopted."""
    began: float = attrs.field(factory=monotonic)
    """When it was made, on Python's monotonic clock."""
    label: Any = None
    """What `set_label` has been given."""
    calling: tuple[Ref, float] | None = None
    """The ref of its latest call that had to wait, and when that began, on trio's clock."""

    @twin
    def deliver(self, message: Any) -> None:
        """Put `message` into the mailbox; wake the process if it waits for it."""
        mailbox = self.mailbox
        # Reads the fields of the mailbox, which saves a method call for each message.
        if mailbox.arrivals is None:
            mailbox.put(message)
        else:
            mailbox.arrivals.append(message)
        wanted = mailbox.wanted
        if wanted is not None and (wanted is anything or may_match(wanted, message)):
            # Now, not when the process runs: further messages until then need no test and no wake.
            mailbox.wanted = None
            try:
                self.body.wake()
            except BaseException:
                # The caller is in another thread, or at the end of its stack: deliver nothing.
                mailbox.take_back(message, wanted)
                # Compare threads only now, for the callers other than `send`, which does before.
                if get_ident() == self.node.thread:
                    raise
                raise RuntimeError(_OTHER_THREAD) from None

    def deliver_if_alive(self, message: Any) -> None:
        """Do the same as `deliver` for a message that was sent a while ago, in another thread."""
        if self.pid in alive:
            self.deliver(message)

    def signal(
        self, sender: Pid, reason: Any, origin: Origin, cause: EndedBy | None = None
    ) -> None:
        """Receive an exit signal. `cause` is the one that has ended `sender`, for a link."""
        if self.ending:
            return  # the reason is decided, and later signals change nothing
        match effect_of(reason, origin, self.trapping):
            case "deliver":
                self.deliver(Exit(sender, reason))
            case "die":
                self.ended_by = EndedBy(sender, origin, sender is self.pid, cause)
                self._die(reason)
            case "die killed":
                self.ended_by = EndedBy(sender, origin, sender is self.pid, cause)
                self._die("killed")
            case "ignore":
                pass

    def link(self, other: "Process") -> None:
        """Link both processes; there is at most one link for a pair."""
        for one, another in ((self, other), (other, self)):
            if one.links is None:
                one.links = Table()
            one.links[another.pid] = None

    def link_elsewhere(self, pid: RemotePid) -> None:
        """Link the process with one of another node."""
        if self.links is None:
            self.links = Table()
        if pid not in self.links:
            self.links[pid] = None
            pid.linked(self.pid)

    def unlink(self, pid: Pid) -> None:
        """Remove the link with `pid`, if any, from both processes."""
        linked = self.links is not None and self.links.pop(pid, self) is None
        if (other := alive.get(pid)) is not None:
            if other.links:
                other.links.pop(self.pid, None)
        elif linked and isinstance(pid, RemotePid):
            pid.unlinked(self.pid)

    @twin
    def monitor(self, target: "Process | None", named: Any, ref: Ref | None = None) -> Ref:
        """Request a `Down` for the end of `target`; if there is none, deliver `"noproc"` at once.

        The `Down` carries `ref`, or a new ref if None. A process that monitors itself gets a ref
        and no monitor, since it could never read the message.
        """
        if ref is None:
            ref = Ref()
        if target is None:
            self.deliver(Down(ref, named, "noproc"))
        elif target is not self:
            if target.watchers is None:
                target.watchers = Table()
            target.watchers[ref] = self.pid if named is target.pid else (self.pid, named)
            if self.monitors is None:
                self.monitors = Table()
            self.monitors[ref] = target.pid
        return ref

    def monitor_elsewhere(self, target: Remote, ref: Ref | None = None) -> Ref:
        """Request a `Down` for the end of a process of another node."""
        if ref is None:
            ref = Ref()
        if self.monitors is None:
            self.monitors = Table()
        self.monitors[ref] = target
        target.monitored(self.pid, ref)
        return ref

    @twin
    def demonitor(self, ref: Ref) -> None:
        """Remove the monitor `ref`, if any: no `Down` for it will be delivered."""
        target = self.monitors.pop(ref, None) if self.monitors else None
        if isinstance(target, Remote):
            target.demonitored(self.pid, ref)
        elif target is not None and (process := alive.get(target)) is not None:
            assert process.watchers is not None
            process.watchers.pop(ref, None)
        if self.aliases:
            self._drop_alias_of_monitor(ref)

    def linked_from(self, pid: RemotePid) -> None:
        """Keep the link that a process of another node has made."""
        if self.links is None:
            self.links = Table()
        self.links[pid] = None

    def unlinked_from(self, pid: RemotePid) -> None:
        """Forget the link that a process of another node has removed."""
        if self.links:
            self.links.pop(pid, None)

    def link_ended(self, pid: RemotePid, reason: Any) -> None:
        """Receive the exit signal of a link with a process of another node."""
        if self.links and self.links.pop(pid, self) is None:
            self.signal(pid, reason, "link")

    def watched_by(self) -> list[Pid]:
        """Return the processes that monitor this one, one of them as often as it does."""
        entries = (self.watchers or {}).values()
        return [entry[0] if isinstance(entry, tuple) else entry for entry in entries]

    def watched_from(self, pid: RemotePid, ref: RemoteRef, named: Pid | str) -> None:
        """Keep the monitor that a process of another node has asked for."""
        if self.watchers is None:
            self.watchers = Table()
        self.watchers[ref] = (pid, named)

    def unwatched_from(self, ref: RemoteRef) -> None:
        """Forget the monitor that a process of another node has removed."""
        if self.watchers:
            self.watchers.pop(ref, None)

    def add_alias(self, ref: Ref, mode: str) -> None:
        """Make `ref` an alias: messages sent to it are delivered to this process."""
        if self.aliases is None:
            self.aliases = Table()
        self.aliases[ref] = mode
        aliased[ref] = self

    def drop_alias(self, ref: Ref) -> bool:
        """End the alias `ref`; return False if it was not active."""
        if not self.aliases or self.aliases.pop(ref, None) is None:
            return False
        del aliased[ref]
        return True

    def alias_used(self, ref: Ref) -> None:
        """Record a message through the alias `ref`, which ends an alias of a `reply` mode."""
        mode = self._mode_of(ref)
        if mode == "reply_demonitor":
            self.demonitor(ref)
        elif mode == "reply":
            self.drop_alias(ref)

    def be_named(self, name: str | None) -> None:
        """Set the name with which the process is registered from now on; None: it has no name."""
        self.name = name

    def add_timer(self, ref: Ref, node: Node) -> None:
        """Record that `node` keeps a timer, `ref`, which will send to this process."""
        if self.timers is None:
            self.timers = Table()
        self.timers[ref] = node

    def drop_timer(self, ref: Ref) -> None:
        """Forget the timer `ref`, which has sent its message or was cancelled."""
        if self.timers:
            del self.timers[ref]

    @twin
    def end(self, reason: Any) -> None:
        """End the process: leave every table, then notify links and monitors, in that order.

        If an exit signal has decided the reason, that one stands. The name is free, and the
        process no longer alive, before any other process is notified.
        """
        # The first call wins. There may be two: an exit signal ends the process of an adopted task,
        # and later the task itself ends.
        if alive.pop(self.pid, None) is None:
            return
        if self.ending:
            reason = self.reason
        self.ending = True
        self.reason = reason
        if self.name is not None:
            self.node.names.pop(self.name, None)
            self.name = None
        if self.timers:
            # Taken first: a dropped message may have a finalizer, which cancels other timers.
            timers, self.timers = self.timers, None
            for ref, node in timers.items():
                # None if the memory was used up while the timer was made.
                if (timer := node.pending.pop(ref, None)) is not None:
                    node.timers.cancel(timer.entry)
        if self.monitors:
            for ref in list(self.monitors):
                self.demonitor(ref)
        if self.aliases:
            for ref in list(self.aliases):
                self.drop_alias(ref)
        if self.links or self.watchers:
            self._notify(reason)
        self.mailbox.clear()
        self.body.release()

    def _notify(self, reason: Any) -> None:
        # A notified handler runs at once and may unlink or demonitor. So the tables are taken
        # before the first notice, and each entry is looked up again on the other side.
        links, self.links = self.links, None
        watchers, self.watchers = self.watchers, None
        for pid in links or ():
            other = alive.get(pid)
            if other is not None and other.links and self.pid in other.links:
                del other.links[self.pid]
                other.signal(self.pid, reason, "link", self.ended_by)
            elif isinstance(pid, RemotePid):
                pid.partner_ended(self.pid, reason)
        for ref, entry in (watchers or {}).items():
            watcher, named = entry if isinstance(entry, tuple) else (entry, self.pid)
            other = alive.get(watcher)
            if other is not None:
                other.watched_ended(ref, named, reason)
            elif isinstance(watcher, RemotePid):
                watcher.watched_ended(ref, self.pid, named, reason)

    def watched_ended(self, ref: Ref, named: Any, reason: Any) -> None:
        """Deliver the `Down` of the monitor `ref`, if it has not been removed."""
        if self.monitors and self.monitors.pop(ref, None) is not None:
            if self.aliases:
                self._drop_alias_of_monitor(ref)
            self.deliver(Down(ref, named, reason))

    def _drop_alias_of_monitor(self, ref: Ref) -> None:
        if self._mode_of(ref) in ("demonitor", "reply_demonitor"):
            self.drop_alias(ref)

    def _mode_of(self, ref: Ref) -> str | None:
        return self.aliases.get(ref) if self.aliases else None

    def _die(self, reason: Any) -> None:
        self.ending = True
        self.reason = reason
        if self.body.stop(reason, self.ended_by):
            # Through the run queue, not by a call: ends travel along links, and a long chain of
            # linked processes would need a deep stack.
            self.node.run_queue.run(lambda: self.end(reason))


@twin
def new_process(node: Node, body: Body) -> Process:
    """Return a new process, which is not yet alive."""
    return Process(node, body)


def exit_signal(reason: Any, ended_by: object) -> ExitSignal:
    """Return the exception that unwinds a process, with the path of the signal as a note."""
    exc = ExitSignal(reason)
    note_end(exc, ended_by)
    return exc


def note_end(exc: ExitSignal | ProcessExit, ended_by: object) -> None:
    """Put the path of the exit signal that has caused `exc` into its attribute and a note."""
    if isinstance(ended_by, EndedBy):
        exc.ended_by = ended_by
        exc.add_note(str(ended_by))
