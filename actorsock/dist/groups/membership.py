"""Who is in which group, on this node and on others. No processes, no messages.

A process may be in a group several times. What another node has told is kept by its scope server,
so that all of it can go when that ends. Each change is returned as news for those who monitor.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import attrs

from ...runtime.core.identity import Pid
from .names import Group

__all__ = ["Change", "Membership"]


@attrs.frozen
class Change:
    """Processes have come to a group, or have gone."""

    what: Literal["join", "leave"]
    group: Group
    pids: tuple[Pid, ...]


@attrs.define
class _Members:
    all: list[Pid] = attrs.field(factory=list)
    local: list[Pid] = attrs.field(factory=list)


class Membership:
    """The groups of one scope."""

    def __init__(self) -> None:
        self._groups: dict[Group, _Members] = {}
        self._joined: dict[Pid, list[Group]] = {}
        """The groups of each process of this node, once for each time that it has joined."""
        self._told: dict[Pid, dict[Group, list[Pid]]] = {}
        """What each scope server of another node has told."""

    # --- asked ------------------------------------------------------------------------------------

    def members(self, group: Group) -> list[Pid]:
        """Return the processes in a group."""
        found = self._groups.get(group)
        return [] if found is None else list(found.all)

    def local_members(self, group: Group) -> list[Pid]:
        """Return those of this node."""
        found = self._groups.get(group)
        return [] if found is None else list(found.local)

    def groups(self) -> list[Group]:
        """Return the groups in which there is a process."""
        return list(self._groups)

    def local_groups(self) -> dict[Group, list[Pid]]:
        """Return the groups in which there is a process of this node, with these."""
        return {
            group: list(members.local) for group, members in self._groups.items() if members.local
        }

    def servers(self) -> list[Pid]:
        """Return the scope servers of other nodes that are known."""
        return list(self._told)

    def is_local(self, pid: Pid) -> bool:
        """Return True if a process of this node is in a group."""
        return pid in self._joined

    # --- processes of this node -------------------------------------------------------------------

    def join(self, group: Group, pids: Sequence[Pid]) -> list[Change]:
        """Add processes of this node."""
        for pid in pids:
            self._joined.setdefault(pid, []).append(group)
        return self._add(group, pids, local=True)

    def leave(self, groups: Iterable[Group], pids: Sequence[Pid]) -> list[Change]:
        """Remove processes of this node, each once from each group; who is in none is no change."""
        changes = []
        for group in groups:
            gone = []
            for pid in pids:
                joined = self._joined.get(pid, [])
                if group in joined:
                    joined.remove(group)
                    gone.append(pid)
                    if not joined:
                        del self._joined[pid]
            changes += self._remove(group, gone)
        return changes

    def ended(self, pid: Pid) -> tuple[list[Group], list[Change]]:
        """Remove a process of this node that has ended; return its groups, each as often as joined.

        There is one change for each time.
        """
        groups = self._joined.pop(pid, [])
        return groups, [change for group in groups for change in self._remove(group, [pid])]

    # --- what other nodes tell --------------------------------------------------------------------

    def knows(self, server: Pid) -> bool:
        """Return True if this scope server is known."""
        return server in self._told

    def met(self, server: Pid) -> None:
        """Note a scope server."""
        self._told.setdefault(server, {})

    def told_all(self, server: Pid, groups: dict[Group, list[Pid]]) -> list[Change]:
        """Note all that a scope server has, in place of what it had told before."""
        before = self._told.get(server, {})
        self._told[server] = {group: list(pids) for group, pids in groups.items() if pids}
        changes = []
        for group in {**before, **groups}:
            old, new = Counter(before.get(group, ())), Counter(groups.get(group, ()))
            changes += self._remove(group, list((old - new).elements()))
            changes += self._add(group, list((new - old).elements()))
        return changes

    def told_join(self, server: Pid, group: Group, pids: Sequence[Pid]) -> list[Change]:
        """Note that processes of another node have joined; of an unknown server it is ignored."""
        told = self._told.get(server)
        if told is None:
            return []
        told.setdefault(group, []).extend(pids)
        return self._add(group, pids)

    def told_leave(self, server: Pid, groups: Iterable[Group], pids: Sequence[Pid]) -> list[Change]:
        """Note that processes of another node have left groups."""
        changes = []
        told = self._told.get(server, {})
        for group in groups:
            there = told.get(group, [])
            gone = []
            for pid in pids:
                if pid in there:
                    there.remove(pid)
                    gone.append(pid)
            if not there:
                told.pop(group, None)
            changes += self._remove(group, gone)
        return changes

    def lost(self, server: Pid) -> list[Change]:
        """Remove all that a scope server has told: it has ended, or can't be reached."""
        told = self._told.pop(server, {})
        return [change for group, pids in told.items() for change in self._remove(group, pids)]

    # --- the groups -------------------------------------------------------------------------------

    def _add(self, group: Group, pids: Sequence[Pid], local: bool = False) -> list[Change]:
        if not pids:
            return []
        members = self._groups.setdefault(group, _Members())
        members.all += pids
        if local:
            members.local += pids
        return [Change("join", group, tuple(pids))]

    def _remove(self, group: Group, pids: Sequence[Pid]) -> list[Change]:
        members = self._groups.get(group)
        if members is None or not pids:
            return []
        for pid in pids:
            members.all.remove(pid)
            if pid in members.local:
                members.local.remove(pid)
        if not members.all:
            del self._groups[group]
        return [Change("leave", group, tuple(pids))]
