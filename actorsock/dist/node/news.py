"""Who is told of nodes that come and go: monitors of one node, of all, and calls that wait."""

from collections.abc import Callable
from typing import Final

import attrs

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import Process, alive

__all__ = ["News", "NodeDown", "NodeUp", "Settled"]


@attrs.frozen
class NodeUp:
    """A node has connected. Erlang's `{nodeup, Node}`, for `dist.monitor_nodes`."""

    node: str


@attrs.frozen
class NodeDown:
    """The connection with a node has ended, or could not be made. Erlang's `{nodedown, Node}`.

    Attributes:
        node: its name.
        reason: a word: `"connection_closed"`, `"net_tick_timeout"`, `"disconnect"`,
            `"noconnection"` if there never was a connection, ...
    """

    node: str
    reason: str


@attrs.frozen
class Settled:
    """An attempt to connect is over."""

    ref: Ref
    up: bool


class News:
    """The processes that want to hear of nodes; `connect` begins to connect with one."""

    def __init__(self, connect: Callable[[str], object]) -> None:
        self._connect: Final = connect
        self._watchers: dict[str, list[Pid]] = {}
        """Who gets one `NodeDown` of a node, as often as it stands here."""
        self._subscribers: dict[Pid, int] = {}
        """Who is told of every node, and how often it has asked for that."""
        self._awaiting: dict[str, dict[Ref, Process]] = {}
        """Who waits for a node to be connected, or not."""

    def watch(self, name: str, process: Process, flag: bool) -> None:
        """Add, or remove, one `NodeDown` for `process`; `monitor_node`."""
        watchers = self._watchers.setdefault(name, [])
        if flag:
            # Those that have ended are forgotten here: the connection may last for ever.
            watchers[:] = [pid for pid in watchers if pid in alive]
            watchers.append(process.pid)
            self._connect(name)
            return
        if process.pid in watchers:
            watchers.remove(process.pid)
        if not watchers:
            del self._watchers[name]

    def subscribe(self, process: Process, flag: bool) -> None:
        """Have `process` told of every node, or not any more; as often as it has asked for."""
        times = self._subscribers.pop(process.pid, 0)
        if flag:
            for pid in [pid for pid in self._subscribers if pid not in alive]:
                del self._subscribers[pid]
            self._subscribers[process.pid] = times + 1

    def await_settled(self, name: str, process: Process, ref: Ref) -> None:
        """Connect, and have `process` told by a `Settled` with `ref` how that has ended."""
        self._awaiting.setdefault(name, {})[ref] = process
        self._connect(name)

    def forget_settled(self, name: str, ref: Ref) -> None:
        """Do not tell the process that waits for `ref`."""
        waiting = self._awaiting.get(name)
        if waiting is not None:
            waiting.pop(ref, None)
            if not waiting:
                del self._awaiting[name]

    def came_up(self, name: str) -> None:
        """Tell that a node has connected."""
        self._settle(name, True)
        self._publish(NodeUp(name))

    def went_down(self, name: str, reason: str, was_up: bool) -> None:
        """Tell that a connection has ended, or could not be made."""
        down = NodeDown(name, reason)
        if was_up:
            self._publish(down)
        self._settle(name, False)
        for pid in self._watchers.pop(name, ()):
            if (process := alive.get(pid)) is not None:
                process.deliver(down)

    def _settle(self, name: str, up: bool) -> None:
        for ref, process in self._awaiting.pop(name, {}).items():
            process.deliver(Settled(ref, up))

    def _publish(self, message: NodeUp | NodeDown) -> None:
        for pid, times in list(self._subscribers.items()):
            process = alive.get(pid)
            if process is None:
                del self._subscribers[pid]
                continue
            for _ in range(times):
                process.deliver(message)
