"""What leads over the connection with one other node: links, monitors and requests to spawn.

Each is kept twice: in the tables of the process on this side, as if the other one were here, and in
the tables of this module, by which all of them end when the connection does.
"""

from itertools import count
from typing import Any, Final

import attrs

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import Process, alive
from ..terms.values import Atom
from ..terms.writing import Writer, atom_bytes
from ..wire import control
from . import reasons
from .identities import FarName, FarPid, FarRef
from .outgoing import Outgoing

__all__ = ["SpawnReply", "Ties"]

_ACTIVE: Final = 0

_NOCONNECTION: Final = "noconnection"


@attrs.frozen
class SpawnReply:
    """The answer to a request to spawn: a pid, or the reason why there is none."""

    ref: Ref
    result: Any


class Ties:
    """The ties with one node. `on_...` is what that node tells; the rest is what this one does."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._out = outgoing
        self.links: dict[tuple[Pid, FarPid], int] = {}
        """Every link: `_ACTIVE`, or the number of the unlink that is under way."""
        self.monitors: dict[Ref, tuple[Pid, FarPid | FarName]] = {}
        """The monitors of processes here, of processes there."""
        self.watchers: dict[Ref, Pid] = {}
        """The monitors of processes there: which process here each of them is about."""
        self._spawning: dict[Ref, Pid] = {}
        """Requests to spawn there that are not answered."""
        self._unlinks: Final = count(1)

    # --- links ------------------------------------------------------------------------------------

    def link(self, process: Pid, to: FarPid) -> None:
        """Tell that `process`, here, is linked with `to`."""
        if self.links.get((process, to)) != _ACTIVE:
            self.links[process, to] = _ACTIVE
            self._out.operate(control.LINK, process, to, sender=process)

    def unlink(self, process: Pid, to: FarPid) -> None:
        """Tell that the link is removed; until it is acknowledged the other side may not know."""
        if self.links.get((process, to)) == _ACTIVE:
            number = self.links[process, to] = next(self._unlinks)
            self._out.operate(control.UNLINK, number, process, to, sender=process)

    def exit(self, process: Pid, to: FarPid, reason: Any) -> None:
        """Send the exit signal of a link, whose process here has ended."""
        if self.links.pop((process, to), None) == _ACTIVE:
            self._out.operate(control.EXIT, process, to, sender=process, reason=reason)

    def exit2(self, process: Pid, to: FarPid, reason: Any) -> None:
        """Send the exit signal of `exit(pid, reason)`."""
        self._out.operate(control.EXIT2, process, to, sender=process, reason=reason)

    def on_link(self, sender: FarPid, to: Pid) -> None:
        if (to, sender) in self.links:
            return
        process = self._out.host.here(to)
        if process is None or process.ending:
            self._out.operate(control.EXIT, to, sender, sender=to, reason="noproc")
        else:
            self.links[to, sender] = _ACTIVE
            process.linked_from(sender)

    def on_unlink(self, id: int, sender: FarPid, to: Pid) -> None:
        self._out.operate(control.UNLINK_ACK, id, to, sender, sender=to)
        if self.links.get((to, sender)) == _ACTIVE:
            del self.links[to, sender]
            if (process := self._out.host.here(to)) is not None:
                process.unlinked_from(sender)

    def on_unlink_ack(self, id: int, sender: FarPid, to: Pid) -> None:
        if self.links.get((to, sender)) == id:
            del self.links[to, sender]

    def on_exit(self, sender: FarPid, to: Pid, reason: Any) -> None:
        if self.links.get((to, sender)) == _ACTIVE:
            del self.links[to, sender]
            if (process := self._out.host.here(to)) is not None:
                process.link_ended(sender, reasons.from_term(reason))

    def on_exit2(self, sender: FarPid, to: Pid, reason: Any) -> None:
        process = self._out.host.here(to)
        if process is not None and self._out.host.takes_exit(sender, reason):
            process.signal(sender, reasons.from_term(reason), "exit")

    # --- monitors ---------------------------------------------------------------------------------

    def monitor(self, process: Pid, to: FarPid | FarName, ref: Ref) -> None:
        """Ask for a `Down` for the end of `to`."""
        self.monitors[ref] = process, to
        self._out.tell(self._about_monitor(_MONITOR, process, to, ref), process)

    def demonitor(self, process: Pid, to: FarPid | FarName, ref: Ref) -> None:
        """Withdraw that."""
        if self.monitors.pop(ref, None) is not None:
            # It does no harm to be told later: a `Down` that comes until then is not delivered.
            # Each call ends with this, and a system call for it would double the price.
            self._out.tell(self._about_monitor(_DEMONITOR, process, to, ref), process, soon=False)

    def _about_monitor(
        self, head: bytes, process: Pid, to: FarPid | FarName, ref: Ref
    ) -> bytearray:
        body = bytearray(head)
        body += self._out.host.sender_as_bytes(process)
        body += atom_bytes(to.name) if isinstance(to, FarName) else to.wire
        self._out.host.writer.write(body, ref)
        return body

    def monitor_exit(self, process: Pid, named: Any, to: FarPid, ref: Ref, reason: Any) -> None:
        """Tell that `process`, which `to` monitors, has ended."""
        if self.watchers.pop(ref, None) is not None:
            self._down(process, named, to, ref, reason)

    def _down(self, process: Pid | None, named: Any, to: FarPid, ref: Ref, reason: Any) -> None:
        target = Atom(named) if isinstance(named, str) else named
        self._out.operate(control.MONITOR_EXIT, target, to, ref, sender=process, reason=reason)

    def on_monitor(self, sender: FarPid, to: Pid | str, ref: FarRef) -> None:
        named: Pid | str = str(to) if isinstance(to, str) else to
        if isinstance(to, str):
            process = self._out.host.process_named(to)
        else:
            process = self._out.host.here(to)
        if process is None or process.ending:
            self._down(None if process is None else process.pid, named, sender, ref, "noproc")
        else:
            self.watchers[ref] = process.pid
            process.watched_from(sender, ref, named)

    def on_demonitor(self, sender: FarPid, to: Pid | str, ref: FarRef) -> None:
        pid = self.watchers.pop(ref, None)
        if pid is not None and (process := self._out.host.here(pid)) is not None:
            process.unwatched_from(ref)

    def on_monitor_exit(self, sender: Pid | str, to: Pid, ref: Ref, reason: Any) -> None:
        monitor = self.monitors.pop(ref, None)
        if monitor is not None and (process := self._out.host.here(monitor[0])) is not None:
            process.watched_ended(ref, _named(monitor[1]), reasons.from_term(reason))

    # --- processes that are spawned for the other side --------------------------------------------

    def spawn(
        self, process: Pid, ref: Ref, leader: Pid, function: tuple[str, str], args: list[Any],
        options: list[Any],
    ) -> None:  # fmt: skip
        """Ask for a process there; a `SpawnReply` comes to `process`."""
        module, name = function
        mfa = Atom(module), Atom(name), len(args)

        def body(writer: Writer) -> bytearray:
            body = bytearray()
            writer.write(body, (control.SPAWN, ref, process, leader, mfa, options))
            writer.write(body, args)
            return body

        told = body(self._out.writer)
        for_kin = self._out.for_kin(body)
        self._spawning[ref] = process
        if Atom("monitor") in options:
            self.monitors[ref] = process, FarName("", self._out.peer)
        self._out.tell(told, process, for_kin=for_kin)

    def abandon_spawn(self, ref: Ref) -> None:
        """Forget a request to spawn that may still be answered: nobody waits for it."""
        self._spawning.pop(ref, None)

    def spawned(self, to: Pid, ref: Ref, flags: int, result: Any) -> None:
        """Answer a request to spawn here."""
        sender = result if isinstance(result, Pid) else None
        self._out.operate(control.SPAWN_REPLY, ref, to, flags, result, sender=sender)

    def adopt(self, process: Process, parent: FarPid, ref: Ref, link: bool, monitor: bool) -> None:
        """Link and monitor a process that was spawned for `parent`, before it runs."""
        if link:
            self.links[process.pid, parent] = _ACTIVE
            process.linked_from(parent)
        if monitor:
            assert isinstance(ref, FarRef)
            self.watchers[ref] = process.pid
            process.watched_from(parent, ref, process.pid)

    def on_spawn_reply(self, ref: Ref, to: Pid, flags: int, result: Any) -> None:
        asking = self._spawning.pop(ref, None)
        process = None if asking is None else self._out.host.here(asking)
        if process is None:
            # Abandoned. A process that was to be linked must not live on, unknown to anybody.
            if flags & 1 and isinstance(result, FarPid):
                self._out.operate(control.EXIT, to, result, sender=to, reason="abandoned")
            return
        if isinstance(result, FarPid):
            if flags & 1:
                self.links[process.pid, result] = _ACTIVE
                process.linked_from(result)
            if ref in self.monitors:
                self.monitors[ref] = process.pid, result
                if process.monitors is not None and ref in process.monitors:
                    process.monitors[ref] = result
        else:
            self.monitors.pop(ref, None)
            if process.monitors is not None:
                process.monitors.pop(ref, None)
        process.deliver(SpawnReply(ref, result))

    # --- the end of the connection ----------------------------------------------------------------

    def lost(self) -> None:
        """End every tie, because there is no way to the node any more."""
        links, self.links = self.links, {}
        monitors, self.monitors = self.monitors, {}
        watchers, self.watchers = self.watchers, {}
        spawning, self._spawning = self._spawning, {}
        for ref, pid in watchers.items():
            if (process := alive.get(pid)) is not None and isinstance(ref, FarRef):
                process.unwatched_from(ref)
        for (pid, to), state in links.items():
            if state == _ACTIVE and (process := alive.get(pid)) is not None:
                process.link_ended(to, _NOCONNECTION)
        for ref, pid in spawning.items():
            monitors.pop(ref, None)
            if (process := alive.get(pid)) is not None:
                if process.monitors is not None:
                    process.monitors.pop(ref, None)
                process.deliver(SpawnReply(ref, _NOCONNECTION))
        for ref, (pid, target) in monitors.items():
            if (process := alive.get(pid)) is not None:
                process.watched_ended(ref, _named(target), _NOCONNECTION)


def _named(target: FarPid | FarName) -> Any:
    return (target.name, target.node) if isinstance(target, FarName) else target


_MONITOR: Final = b"h\x04a" + bytes((control.MONITOR,))
_DEMONITOR: Final = b"h\x04a" + bytes((control.DEMONITOR,))
