"""The rules of supervision: which children are stopped and started, and when to give up.

No process and no clock: `Family` is a supervisor's record of its children, and says what to do as a
`Plan`. It is changed in place, and finds a child by its id or pid without a search: what happens to
one child takes the same time with ten thousand of them.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Literal

import attrs

from ...runtime.core.identity import Pid
from ..behaviour.exit_reasons import is_orderly
from .child_ids import key_of
from .child_spec import ChildSpec, Restart, SupervisorFlags

__all__ = ["Child", "Family", "Plan", "Restarts", "after_end"]


@attrs.define(eq=False)
class Child:
    """One child. Only `Family` changes it."""

    spec: ChildSpec
    key: Any = attrs.Factory(lambda self: key_of(self.spec.id), takes_self=True)
    """The id, in a form that can be looked up whatever its class does."""
    pid: Pid | None = None
    """None: it does not run."""
    restarting: bool = False
    """The last attempt to restart it has failed, or was put off; it will be repeated."""


@attrs.frozen
class Plan:
    """The actions that follow from the end of a child, in this order.

    The supervisor notes each of them in the family when it is done: `stopped`, `started`.
    """

    stop: tuple[Child, ...] = ()
    start: tuple[Any, ...] = ()
    """Keys. If one of them can't be started, those after it are not started either."""
    give_up: bool = False
    """There were too many restarts: stop all children and end."""
    shut_down: bool = False
    """Automatic shutdown, because significant children have ended: stop the others and end."""


def after_end(restart: Restart, reason: Any) -> Literal["restart", "keep", "forget"]:
    """Return what happens to a child that has ended by itself.

    `"keep"`: it stays in the list without running, so that `restart_child` can start it again.
    """
    if restart == "temporary":
        return "forget"
    return "keep" if restart == "transient" and is_orderly(reason) else "restart"


class Restarts:
    """The restarts within the period of a supervisor."""

    def __init__(self, flags: SupervisorFlags) -> None:
        self._flags = flags
        self._times: deque[float] = deque()

    def count(self, now: float) -> bool:
        """Add a restart at the time `now`; return True if there are too many in the period.

        The period includes its end: a restart exactly `flags.period` seconds ago still counts.
        Erlang counts in whole seconds, so its period is up to one second longer.
        """
        times = self._times
        while times and now - times[0] > self._flags.period:
            times.popleft()
        times.append(now)
        return len(times) > self._flags.intensity


class Family:
    """A supervisor's children, in the order of their start, and its newest restarts.

    An argument `id` is the id of a child or its key.
    """

    def __init__(self, flags: SupervisorFlags) -> None:
        self.flags = flags
        self._children: dict[Any, Child] = {}
        self._by_pid: dict[Pid, Child] = {}
        self._restarts = Restarts(flags)
        self._significant = 0
        """The number of significant children that run or are restarting."""

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children.values())

    def __reversed__(self) -> Iterator[Child]:
        return reversed(self._children.values())

    def __len__(self) -> int:
        return len(self._children)

    def find(self, id: Any) -> Child | None:
        """Return the child of that id, or None."""
        return self._children.get(key_of(id))

    def with_pid(self, pid: Pid) -> Child | None:
        """Return the child that runs as `pid`, or None."""
        return self._by_pid.get(pid)

    def add(self, child: Child, pid: Pid | None) -> None:
        """Add a new child, the last in order."""
        self._children[child.key] = child
        self._set(child, pid, restarting=False)

    def forget(self, id: Any) -> None:
        """Remove the child of that id."""
        child = self._children.pop(key_of(id), None)
        if child is not None:
            self._set(child, None, restarting=False)

    def started(self, id: Any, pid: Pid | None) -> None:
        """Note that the child runs as `pid`; None: it has ended, or its start was ignored."""
        self._set(self._children[key_of(id)], pid, restarting=False)

    def start_failed(self, id: Any) -> None:
        """Note that a restart of the child has failed, and will be repeated."""
        self._set(self._children[key_of(id)], None, restarting=True)

    def stopped(self, id: Any) -> None:
        """Note that the supervisor has stopped the child; a temporary one is removed."""
        child = self.find(id)
        if child is None:
            return
        if child.spec.restart == "temporary":
            self.forget(child.key)
        else:
            self._set(child, None, restarting=False)

    def clear(self) -> None:
        """Remove all children."""
        self._children.clear()
        self._by_pid.clear()
        self._significant = 0

    def child_ended(self, pid: Pid, reason: Any, now: float, counts: bool = True) -> Plan:
        """Return what follows when a child has ended by itself, at the time `now`.

        Unless it `counts`, its end is no restart within the period: the child was lost with its
        node.
        """
        child = self._by_pid.get(pid)
        if child is None:
            return Plan()
        match after_end(child.spec.restart, reason):
            case "restart":
                self._set(child, None, restarting=False)
                return self._restart(child, now) if counts else self._plan(child)
            case "forget":
                self.forget(child.key)
            case "keep":
                self._set(child, None, restarting=False)
        return Plan(shut_down=self._was_significant(child))

    def try_again(self, id: Any, now: float) -> Plan:
        """Return what follows from another attempt at a failed restart. It counts as a restart."""
        child = self.find(id)
        if child is None or not child.restarting:
            return Plan()
        return self._restart(child, now)

    def resume(self, id: Any) -> Plan:
        """Return what is left of a restart that was put off. It has been counted already."""
        child = self.find(id)
        return Plan() if child is None or not child.restarting else self._plan(child)

    def _restart(self, child: Child, now: float) -> Plan:
        # One end counts as one restart, however many children the strategy restarts with it.
        return Plan(give_up=True) if self._restarts.count(now) else self._plan(child)

    def _plan(self, child: Child) -> Plan:
        affected = self._affected(child)
        return Plan(
            tuple(c for c in reversed(affected) if c.pid is not None),
            # Temporary children are stopped with the others, and not started again.
            tuple(c.key for c in affected if c is child or c.spec.restart != "temporary"),
        )

    def _affected(self, child: Child) -> list[Child]:
        """Return the children that the strategy restarts with this one, itself included."""
        match self.flags.strategy:
            case "one_for_all":
                return list(self)
            case "rest_for_one":
                # From the end back to this child, since a dict has no positions.
                later = []
                for other in reversed(self):
                    later.append(other)
                    if other is child:
                        break
                return later[::-1]
            case _:
                return [child]

    def _was_significant(self, ended: Child) -> bool:
        """Return True if the end of this child ends the supervisor."""
        if not ended.spec.significant or self.flags.auto_shutdown == "never":
            return False
        return self.flags.auto_shutdown == "any_significant" or self._significant == 0

    def _set(self, child: Child, pid: Pid | None, *, restarting: bool) -> None:
        # All changes of a child are made here, so that index and count always agree with it.
        if child.spec.significant:
            before = child.pid is not None or child.restarting
            self._significant += (pid is not None or restarting) - before
        if child.pid is not None:
            self._by_pid.pop(child.pid, None)
        if pid is not None:
            self._by_pid[pid] = child
        child.pid = pid
        child.restarting = restarting
