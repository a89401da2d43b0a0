"""The server of one scope, registered by its name on every node that has the scope.

The messages between these servers are those of Erlang's `pg`: `discover`, `sync`, `join`, `leave`.
A hidden node is not in the lists of others, so it discovers them, and they answer.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, TypeGuard

import attrs

from ...log_text import text_of
from ...otp.calls.protocol import Caller, Cast
from ...otp.server.gen_server import GenServer
from ...otp.server.outcomes import Reply
from ...results import Error, Ok
from ...runtime.api.linking import demonitor, monitor
from ...runtime.api.message_timers import send_after
from ...runtime.api.messaging import current_pid, send
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.node import Node
from ..node.distribution import distribution
from ..node.identities import FarPid
from ..node.news import NodeDown, NodeUp
from ..terms.values import Atom
from .membership import Change, Membership
from .names import Group, Names

__all__ = ["Joined", "Left", "Scope", "running_scope"]

_log: Final = logging.getLogger("actorsock.dist")

_PAUSE: Final = 2.0
"""Seconds between two searches."""

_JOIN, _LEAVE, _DISCOVER, _SYNC = map(Atom, ("join", "leave", "discover", "sync"))


@attrs.frozen
class Joined:
    """Processes have joined a group. Erlang's `{Ref, join, Group, Pids}`, for `pg.monitor`."""

    ref: Ref
    """What `monitor` or `monitor_scope` has returned."""
    group: Any
    pids: list[Pid]


@attrs.frozen
class Left:
    """Processes have left a group, or ended. Erlang's `{Ref, leave, Group, Pids}`."""

    ref: Ref
    group: Any
    pids: list[Pid]


@attrs.frozen
class _Search:
    """The message to oneself to look for the scope on other nodes."""


@attrs.frozen
class _Subscriber:
    pid: Pid
    group: Group | None
    """None: all groups."""


class Scope(GenServer):
    """The server."""

    def init(self, scope: str) -> None:
        self.name = scope
        self.node = distribution()
        self.names = Names(self.node)
        self.membership = Membership()
        self._ends: dict[Pid, Ref] = {}
        """The monitors of members here, and of the servers of other nodes."""
        self._subscribers: dict[Ref, _Subscriber] = {}
        process = current_process()
        self.node.news.subscribe(process, True)
        process.node.services[_SERVICE, scope] = process.pid, self
        self._discover_all()

    def format_status(self) -> Any:
        """Return the members by group."""
        return {"members": [(g.name, self.membership.members(g)) for g in self.membership.groups()]}

    # --- what processes of this node ask for ------------------------------------------------------

    def handle_call(self, request: Any, caller: Caller) -> Reply:
        match request:
            case ("join_local", Group() as group, pids):
                for pid in pids:
                    self._watch(pid)
                self._announce(self.membership.join(group, pids))
                self._tell(_JOIN, current_pid(), group.name, list(pids))
                return Reply(Ok())
            case ("leave_local", Group() as group, pids):
                changes = self.membership.leave([group], pids)
                if not changes:
                    return Reply(Error("not_joined"))
                for pid in pids:
                    if not self.membership.is_local(pid):
                        self._unwatch(pid)
                self._announce(changes)
                self._tell(_LEAVE, current_pid(), list(changes[0].pids), [group.name])
                return Reply(Ok())
            case ("monitor", Group() as group):
                return Reply((self._subscribe(caller.pid, group), self.membership.members(group)))
            case "monitor":
                ref = self._subscribe(caller.pid, None)
                groups = self.membership.groups()
                return Reply((ref, [(g.name, self.membership.members(g)) for g in groups]))
            case ("demonitor", Ref() as ref):
                known = self._subscribers.pop(ref, None) is not None
                if known:
                    demonitor(ref)
                return Reply(known)
        return Reply(Error("badarg"))

    def _subscribe(self, pid: Pid, group: Group | None) -> Ref:
        ref = monitor(pid)
        self._subscribers[ref] = _Subscriber(pid, group)
        return ref

    def _watch(self, pid: Pid) -> None:
        if pid not in self._ends:
            self._ends[pid] = monitor(pid)

    def _unwatch(self, pid: Pid) -> None:
        ref = self._ends.pop(pid, None)
        if ref is not None:
            demonitor(ref)

    def _announce(self, changes: list[Change]) -> None:
        for change in changes:
            name, pids = change.group.name, list(change.pids)
            for ref, subscriber in self._subscribers.items():
                if subscriber.group not in (None, change.group):
                    continue
                if isinstance(subscriber.pid, FarPid):
                    send(subscriber.pid, (ref, Atom(change.what), name, pids))
                else:
                    send(subscriber.pid, _NEWS[change.what](ref, name, pids))

    # --- between the servers ----------------------------------------------------------------------

    def handle_cast(self, request: Any) -> None:
        match request:
            case (str("sync"), FarPid() as server, list(groups)):
                found: dict[Group, list[Pid]] = {}
                for name, pids in filter(_is_pair, groups):
                    found[self.names.of_node(name)] = _pids(server, pids)
                self._watch(server)
                self._announce(self.membership.told_all(server, found))
            case _:
                _log.debug("pg drops %s", text_of(request))

    def handle_info(self, message: Any) -> None:
        membership = self.membership
        match message:
            case (str("discover"), FarPid() as server):
                local = membership.local_groups()
                groups = [(group.name, pids) for group, pids in local.items()]
                send(server, Cast((_SYNC, current_pid(), groups)))
                if not membership.knows(server):
                    self._watch(server)
                    membership.met(server)
                    send(server, (_DISCOVER, current_pid()))
            case (str("join"), FarPid() as server, name, pids):
                group = self.names.of_node(name)
                self._announce(membership.told_join(server, group, _pids(server, pids)))
            case (str("leave"), FarPid() as server, pids, list(names)):
                groups_left = self.names.of_node_each(names)
                self._announce(membership.told_leave(server, groups_left, _pids(server, pids)))
            case Down(ref, pid):
                self._ended(ref, pid)
            case NodeUp(node):
                self._discover(node)
            case _Search():
                self._discover_all()
            case NodeDown():
                pass
            case _:
                _log.debug("pg drops %s", text_of(message))

    def _ended(self, ref: Ref, pid: Any) -> None:
        if self._subscribers.pop(ref, None) is not None or self._ends.get(pid) is not ref:
            return
        del self._ends[pid]
        if self.membership.knows(pid):
            self._announce(self.membership.lost(pid))
        else:
            groups, changes = self.membership.ended(pid)
            self._announce(changes)
            self._tell(_LEAVE, current_pid(), pid, [group.name for group in groups])

    def _discover_all(self) -> None:
        """Discover the scope on connected nodes where it is not known, now and from time to time.

        An Erlang node where it starts later tells only the nodes that it sees, and not hidden ones.
        """
        known = {server.peer.name for server in self.membership.servers() if _is_far(server)}
        for node in self.node.connected.keys() - known:
            self._discover(node)
        send_after(_PAUSE, current_pid(), _Search())

    def _discover(self, node: str) -> None:
        send((self.name, node), (_DISCOVER, current_pid()))

    def _tell(self, *message: Any) -> None:
        """Tell all servers that can be reached: of the others a `Down` is on its way."""
        for server in self.membership.servers():
            if _is_far(server) and server.peer.name in self.node.connected:
                send(server, message)


def _is_far(server: Pid) -> TypeGuard[FarPid]:
    return isinstance(server, FarPid)


def _is_pair(each: Any) -> bool:
    return type(each) is tuple and len(each) == 2


def _pids(server: FarPid, pids: Any) -> list[Pid]:
    """Return one pid, or a list of them, as a list: those of the node that `server` speaks for."""
    told = pids if isinstance(pids, list) else [pids]
    return [pid for pid in told if isinstance(pid, FarPid) and pid.peer is server.peer]


_NEWS: Final[dict[str, Callable[[Ref, Any, list[Pid]], Joined | Left]]] = {
    "join": Joined,
    "leave": Left,
}

_SERVICE: Final = "actorsock pg"


def running_scope(node: Node, scope: str) -> Scope | None:
    """Return the scope of this name, if its server runs."""
    pid, server = node.services.get((_SERVICE, scope), (None, None))
    return server if pid is not None and node.names.get(scope) is pid else None
