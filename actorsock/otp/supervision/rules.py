"""The rules of supervision: which children are stopped and started, and when to give up.

Pure: no process and no clock. `Family` is a supervisor's record of its children. Each rule takes
one and returns the next; a rule that may demand action returns a `Plan` as well.
"""

from typing import Any, Literal

import attrs

from ...runtime.core.identity import Pid
from ..behaviour.exit_reasons import is_orderly
from .child_spec import ChildSpec, Restart, SupervisorFlags

__all__ = [
    "Child",
    "Family",
    "Plan",
    "add",
    "after_end",
    "child_ended",
    "count_restart",
    "find",
    "forget",
    "start_failed",
    "started",
    "stopped",
    "try_again",
]


@attrs.frozen
class Child:
    """One child."""

    spec: ChildSpec
    pid: Pid | None = None
    """None: it does not run."""
    restarting: bool = False
    """The last attempt to restart it has failed, and will be repeated."""


@attrs.frozen
class Family:
    """A supervisor's children, in the order of their start, and its newest restarts."""

    flags: SupervisorFlags
    children: tuple[Child, ...] = ()
    restarts: tuple[float, ...] = ()
    """The times of the restarts within the period, newest first."""


@attrs.frozen
class Plan:
    """The actions that follow from the end of a child, in this order."""

    stop: tuple[Child, ...] = ()
    start: tuple[Any, ...] = ()
    """Ids. If one of them can't be started, those after it are not started either."""
    give_up: bool = False
    """There were too many restarts: stop all children and end."""
    shut_down: bool = False
    """Automatic shutdown, because significant children have ended: stop the others and end."""


def find(family: Family, id: Any) -> Child | None:
    """Return the child of that id, or None."""
    return next((child for child in family.children if child.spec.id == id), None)


def add(family: Family, spec: ChildSpec, pid: Pid | None) -> Family:
    """Add a child, the last in order."""
    return attrs.evolve(family, children=(*family.children, Child(spec, pid)))


def forget(family: Family, id: Any) -> Family:
    """Remove the child of that id."""
    return attrs.evolve(family, children=tuple(c for c in family.children if c.spec.id != id))


def started(family: Family, id: Any, pid: Pid | None) -> Family:
    """Note that the child runs as `pid`; None: it has ended, or its start was ignored."""
    return _put(family, id, pid, restarting=False)


def start_failed(family: Family, id: Any) -> Family:
    """Note that a restart of the child has failed, and will be repeated."""
    return _put(family, id, None, restarting=True)


def stopped(family: Family, id: Any) -> Family:
    """Note that the supervisor has stopped the child; a temporary one is removed."""
    child = find(family, id)
    if child is not None and child.spec.restart == "temporary":
        return forget(family, id)
    return _put(family, id, None, restarting=False)


def child_ended(family: Family, pid: Pid, reason: Any, now: float) -> tuple[Family, Plan]:
    """Return what follows when a child has ended by itself, at the time `now`."""
    child = next((child for child in family.children if child.pid is pid), None)
    if child is None:
        return family, Plan()
    id = child.spec.id
    match after_end(child.spec.restart, reason):
        case "restart":
            return _restart(started(family, id, None), id, now)
        case "forget":
            family = forget(family, id)
        case "keep":
            family = started(family, id, None)
    return family, Plan(shut_down=_was_significant(family, child))


def try_again(family: Family, id: Any, now: float) -> tuple[Family, Plan]:
    """Return what follows from another attempt at a failed restart. Each counts as a restart."""
    child = find(family, id)
    if child is None or not child.restarting:
        return family, Plan()
    return _restart(family, id, now)


def after_end(restart: Restart, reason: Any) -> Literal["restart", "keep", "forget"]:
    """Return what happens to a child that has ended by itself.

    `"keep"`: it stays in the list without running, so that `restart_child` can start it again.
    """
    if restart == "temporary":
        return "forget"
    return "keep" if restart == "transient" and is_orderly(reason) else "restart"


def count_restart(
    flags: SupervisorFlags, restarts: tuple[float, ...], now: float
) -> tuple[tuple[float, ...], bool]:
    """Add a restart at the time `now`; return the restarts in the period, and if they are too many.

    The period includes its end: a restart exactly `flags.period` seconds ago still counts. Erlang
    counts in whole seconds, so its period is up to one second longer.
    """
    counted = (now, *(before for before in restarts if now - before <= flags.period))
    return counted, len(counted) > flags.intensity


def _was_significant(family: Family, ended: Child) -> bool:
    """Return True if the end of this child ends the supervisor; `family` are the others."""
    if not ended.spec.significant or family.flags.auto_shutdown == "never":
        return False
    if family.flags.auto_shutdown == "any_significant":
        return True
    return not any(
        child.spec.significant and (child.pid is not None or child.restarting)
        for child in family.children
    )


def _restart(family: Family, id: Any, now: float) -> tuple[Family, Plan]:
    # One end counts as one restart, however many children the strategy restarts with it.
    restarts, too_many = count_restart(family.flags, family.restarts, now)
    family = attrs.evolve(family, restarts=restarts)
    if too_many:
        return family, Plan(give_up=True)
    affected = _affected(family, id)
    others = tuple(child for child in affected if child.spec.id != id)
    # Temporary children are stopped with the others, and not started again.
    gone = {child.spec.id for child in others if child.spec.restart == "temporary"}
    stop = tuple(child for child in reversed(others) if child.pid is not None)
    start = tuple(child.spec.id for child in affected if child.spec.id not in gone)
    # Noted as stopped before it is done: the rules are pure, and the plan names the pids.
    for other in others:
        family = stopped(family, other.spec.id)
    return family, Plan(stop, start)


def _affected(family: Family, id: Any) -> tuple[Child, ...]:
    """Return the children that the strategy restarts with this one, itself included, in order."""
    children = family.children
    place = next(n for n, child in enumerate(children) if child.spec.id == id)
    match family.flags.strategy:
        case "one_for_all":
            return children
        case "rest_for_one":
            return children[place:]
        case _:
            return children[place : place + 1]


def _put(family: Family, id: Any, pid: Pid | None, restarting: bool) -> Family:
    return attrs.evolve(
        family,
        children=tuple(
            Child(child.spec, pid, restarting) if child.spec.id == id else child
            for child in family.children
        ),
    )
