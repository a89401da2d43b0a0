"""A process: mailbox, links, monitors and exit reason, whatever body runs it.

This is where signals arrive (messages, exit signals, monitor notices) and where an ended
process tells those who asked. What an exit signal does is decided in `signals`; running and
waiting is the body's.
"""

from threading import get_ident
from typing import Any, Final

import attrs

from .body import Body
from .identity import Pid, Ref
from .mailbox import Mailbox, Matcher, anything
from .messages import Down, Exit
from .node import Node
from .signals import Origin, effect_of

__all__ = ["ExitSignal", "Process", "ProcessExit", "aliased", "alive"]

alive: Final[dict[Pid, "Process"]] = {}
"""Every process that has not ended. The only way from a pid to its process.

Who starts a process puts it in, when nothing can go wrong any more.
"""

_OTHER_THREAD: Final = (
    "send: this is not the thread of the receiver's runtime: use "
    "`trio.from_thread.run_sync(send, dest, message)`"
)

aliased: Final[dict[Ref, "Process"]] = {}
"""The process behind every alias that is active."""


class _Ends(BaseException):
    # Like `trio.Cancelled` no `Exception`: a handler for mistakes must not catch an end.

    reason: Any
    """The exit reason."""

    def __init__(self, reason: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        if isinstance(reason, BaseException):
            self.__cause__ = reason  # what has crashed, with its traceback

    def __str__(self) -> str:
        return f"the process ends with reason {self.reason!r}"


class ProcessExit(_Ends):
    """Ends the process in which it is raised; what `exit(reason)` raises, and a failed `call`.

    Like `trio.Cancelled` it is not an `Exception`, so that a handler for mistakes does not
    catch a decision to end. `reason` is the exit reason.
    """


class ExitSignal(_Ends):
    """An exit signal has ended the process: unwinds its code where trio's cancellation can't.

    That is in a light process, and in a task that somebody else made. It is no `ProcessExit`, so
    that who catches that of a `call` that failed does not catch its own end.
    """


@attrs.define(eq=False)
class Process:
    """One process of one node."""

    node: Node
    body: Body
    pid: Pid = attrs.field(factory=Pid)
    mailbox: Mailbox = attrs.field(factory=Mailbox)
    name: str | None = None
    trapping: bool = False
    ending: bool = False
    """An exit signal has decided that the process ends; its code may still be unwinding."""
    reason: Any = None
    """The exit reason, once `ending`."""

    # What a process has to do with others. Most have nothing of most kinds, so each table is made
    # when something is put into it.
    links: dict[Pid, None] | None = None
    monitors: dict[Ref, Pid] | None = None
    """What this process monitors."""
    watchers: dict[Ref, tuple[Pid, Pid | str]] | None = None
    """Who monitors this process, and as what they named it."""
    timers: dict[Ref, Node] | None = None
    """Message timers that will send to this process, and the node that keeps them."""
    aliases: dict[Ref, str] | None = None
    """The refs that this process can be sent to by, and what ends that: the mode."""

    def deliver(self, message: Any) -> None:
        """Put `message` into the mailbox; wake the process if it waits for it."""
        mailbox = self.mailbox
        if mailbox.arrivals is None:
            mailbox.put(message)
        else:
            mailbox.arrivals.append(message)
        wanted = mailbox.wanted
        if wanted is not None and (wanted is anything or _wakes(wanted, message)):
            mailbox.wanted = None
            try:
                self.body.wake()
            except BaseException:
                # In another thread, or at the end of the stack: nothing has been sent.
                if mailbox.arrivals and mailbox.arrivals[-1] is message:
                    mailbox.arrivals.pop()
                mailbox.wanted = wanted
                if get_ident() == self.node.thread:
                    raise
                raise RuntimeError(_OTHER_THREAD) from None

    def signal(self, sender: Pid, reason: Any, origin: Origin) -> None:
        """An exit signal arrives."""
        if self.ending:
            return
        match effect_of(reason, origin, self.trapping):
            case "deliver":
                self.deliver(Exit(sender, reason))
            case "die":
                self._die(reason)
            case "die killed":
                self._die("killed")
            case "ignore":
                pass

    def link(self, other: "Process") -> None:
        """Link both ways; once, however often it is asked for."""
        for one, another in ((self, other), (other, self)):
            if one.links is None:
                one.links = {}
            one.links[another.pid] = None

    def unlink(self, pid: Pid) -> None:
        """From here on neither hears of the other's end."""
        if self.links:
            self.links.pop(pid, None)
        if (other := alive.get(pid)) is not None and other.links:
            other.links.pop(self.pid, None)

    def monitor(self, target: "Process | None", named: Pid | str, ref: Ref | None = None) -> Ref:
        """Ask for a `Down` when `target` ends; at once, with `"noproc"`, if there is none.

        It carries `ref`, a new one if None.
        """
        if ref is None:
            ref = Ref()
        if target is None:
            self.deliver(Down(ref, named, "noproc"))
        elif target is not self:
            if target.watchers is None:
                target.watchers = {}
            target.watchers[ref] = (self.pid, named)
            if self.monitors is None:
                self.monitors = {}
            self.monitors[ref] = target.pid
        return ref

    def demonitor(self, ref: Ref) -> None:
        """No `Down` for `ref` arrives from here on."""
        target = self.monitors.pop(ref, None) if self.monitors else None
        if target is not None and (process := alive.get(target)) is not None:
            assert process.watchers is not None
            process.watchers.pop(ref, None)
        if self.aliases:
            self._alias_ends_with_monitor(ref)

    def add_alias(self, ref: Ref, mode: str) -> None:
        """From here on a message to `ref` comes to this process."""
        if self.aliases is None:
            self.aliases = {}
        self.aliases[ref] = mode
        aliased[ref] = self

    def drop_alias(self, ref: Ref) -> bool:
        """No message to `ref` comes here any more; False if none would have."""
        if not self.aliases or self.aliases.pop(ref, None) is None:
            return False
        del aliased[ref]
        return True

    def heard_through(self, ref: Ref) -> None:
        """A message comes through the alias `ref`: for some of them it is the last."""
        mode = self._mode_of(ref)
        if mode == "reply_demonitor":
            self.demonitor(ref)
        elif mode == "reply":
            self.drop_alias(ref)

    def timer_set(self, ref: Ref, node: Node) -> None:
        """`node` keeps a timer, `ref`, that is going to send to this process."""
        if self.timers is None:
            self.timers = {}
        self.timers[ref] = node

    def timer_gone(self, ref: Ref) -> None:
        """The timer `ref` has run out, or has been cancelled."""
        assert self.timers is not None
        del self.timers[ref]

    def end(self, reason: Any) -> None:
        """The code has ended: leave every table and tell links and monitors, in that order.

        A reason that an exit signal has decided stands; the name is free, and the process no
        longer alive, before anybody hears of it.
        """
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
            for ref, node in self.timers.items():
                node.timers.cancel(node.pending.pop(ref).entry)
            self.timers = None
        if self.monitors:
            for ref in list(self.monitors):
                self.demonitor(ref)
        if self.aliases:
            for ref in list(self.aliases):
                self.drop_alias(ref)
        if self.links or self.watchers:
            self._tell(reason)
        self.mailbox.clear()
        self.body.release()

    def _tell(self, reason: Any) -> None:
        """Links first, then monitors."""
        # A handler that is told acts at once: who unlinks or demonitors now hears nothing more.
        links, self.links = self.links, None
        watchers, self.watchers = self.watchers, None
        for pid in links or ():
            other = alive.get(pid)
            if other is not None and other.links and self.pid in other.links:
                del other.links[self.pid]
                other.signal(self.pid, reason, "link")
        for ref, (watcher, named) in (watchers or {}).items():
            other = alive.get(watcher)
            if other is not None and other.monitors and ref in other.monitors:
                del other.monitors[ref]
                if other.aliases:
                    other._alias_ends_with_monitor(ref)
                other.deliver(Down(ref, named, reason))

    def _alias_ends_with_monitor(self, ref: Ref) -> None:
        if self._mode_of(ref) in ("demonitor", "reply_demonitor"):
            self.drop_alias(ref)

    def _mode_of(self, ref: Ref) -> str | None:
        return self.aliases.get(ref) if self.aliases else None

    def _die(self, reason: Any) -> None:
        self.ending = True
        self.reason = reason
        if self.body.stop(reason):
            # A turn of its own: a long chain of links needs no deep stack.
            self.node.run_queue.run(lambda: self.end(reason))


def _wakes(wanted: Matcher, message: Any) -> bool:
    try:
        return wanted(message)
    except Exception:  # isinstance can run anybody's code: the receiver will hear of it
        return True
