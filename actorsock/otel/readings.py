"""What the instruments read of one node.

A reader of the SDK collects in a thread of its own, while the runtime goes on. So each table is
copied first, which is one step of the interpreter. And nothing here waits for the runtime: a
process that computes for long must show in the metrics, and a runtime that waits until the SDK has
shut down would wait for ever.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final

from ..observing.traffic import bytes_received, bytes_sent
from ..otp.supervision.reports import restarts_of
from ..runtime.bodies.crash_report import crash_observers
from ..runtime.bodies.limited_process import dropped_in
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process, processes_of
from ..socket.core.registry import Registry
from ..socket.core.service import registry_of
from ..socket.core.socket_object import Socket

__all__ = ["Readings"]

_KINDS: Final = ("task", "light", "handler")


class Readings:
    """Reads one node. An instrument calls each of the methods without arguments."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._crashes = 0
        self._registry = registry_of(node)
        self._traffic = _Traffic(self._registry)
        self._asked: float | None = None
        self._delay: float | None = None

    def begin(self) -> None:
        """Begin to count crashes and the bytes of sockets that close, which no table has."""
        crash_observers.append(self)
        self._traffic.begin()

    def end(self) -> None:
        """End what `begin` has begun."""
        crash_observers.remove(self)
        self._traffic.end()

    def processes(self) -> dict[str, int]:
        """Return how many processes there are of each kind."""
        kinds = Counter(process.body.kind for process in self._processes())
        return {kind: kinds[kind] for kind in _KINDS}

    def messages(self) -> int:
        """Return how many messages wait in all mailboxes."""
        return sum(len(process.mailbox) for process in self._processes())

    def longest(self) -> int:
        """Return how many messages wait in the longest mailbox."""
        return max((len(process.mailbox) for process in self._processes()), default=0)

    def dropped(self) -> int:
        """Return how many messages the limits of mailboxes have dropped."""
        return dropped_in(self._node)

    def crashes(self) -> int:
        """Return how many processes and event handlers have crashed since `begin`."""
        return self._crashes

    def restarts(self) -> int:
        """Return how often supervisors have restarted children."""
        return restarts_of(self._node)

    def timers(self) -> int:
        """Return how many timers of `send_after` and `start_timer` run."""
        return len(self._node.pending)

    def sockets(self) -> int:
        """Return how many sockets are open."""
        return len(self._registry.kinds)

    def traffic(self) -> dict[str, int]:
        """Return the bytes received and sent: by the sockets open at `begin`, and later ones."""
        return self._traffic.read()

    def connections(self) -> int:
        """Return how many nodes of a cluster this one is connected with."""
        elsewhere = self._node.elsewhere
        return 0 if elsewhere is None else len(elsewhere.connected)

    def delay(self) -> float | None:
        """Return how many seconds the runtime took to answer the last reading, and ask again.

        If it has not answered yet: the seconds so far. At the first reading: None.
        """
        now, asked = monotonic(), self._asked
        if asked is not None:
            return now - asked
        self._asked = now
        self._node.deliver_soon(self._answer, now)
        return self._delay

    def _answer(self, asked: float) -> None:
        self._delay = monotonic() - asked
        self._asked = None

    def _processes(self) -> list[Process]:
        return processes_of(self._node)

    # --- as a `CrashObserver` ---

    def crashed(
        self, process: Process, exc: BaseException, told: Collection[Pid] | None = None
    ) -> None:
        """Count a crash."""
        if process.node is self._node:
            self._crashes += 1

    def call_failed(self, caller: Process, server: Process) -> None:
        """Do nothing: if the server has crashed, that is counted already."""


class _Traffic:
    """The bytes of all sockets of a registry, also of those that have closed since `begin`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._received = self._sent = 0
        self._counted: set[Socket] = set()
        """Sockets that are still in the table, and whose bytes are in the sums already."""
        # The thread of a reader must count a socket that closes once, neither twice nor not at all.
        self._lock = threading.Lock()

    def begin(self) -> None:
        _traffic_of[id(self._registry)] = self
        self._registry.__class__ = _CountedRegistry

    def end(self) -> None:
        self._registry.__class__ = Registry
        del _traffic_of[id(self._registry)]

    def read(self) -> dict[str, int]:
        with self._lock:
            received, sent = self._received, self._sent
            for sock in list(self._registry.kinds):
                if sock not in self._counted:
                    received += bytes_received(sock._actor)
                    sent += bytes_sent(sock._actor)
        return {"receive": received, "transmit": sent}

    def closed(self, sock: Socket, close: Callable[[Socket], None]) -> None:
        with self._lock:
            self._received += bytes_received(sock._actor)
            self._sent += bytes_sent(sock._actor)
            self._counted.add(sock)
        try:
            close(sock)  # without the lock: it sends messages, by which code of the program runs
        finally:
            self._counted.discard(sock)


_traffic_of: Final[dict[int, _Traffic]] = {}
"""By the `id` of a registry, while it is counted."""


class _CountedRegistry(Registry):
    """The class of a registry while its node is instrumented: a plain one pays nothing for it."""

    __slots__ = ()

    def closed(self, sock: Socket) -> None:
        _traffic_of[id(self)].closed(sock, super().closed)
