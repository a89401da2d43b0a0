"""The rules of supervision: who is stopped, who is started, when a supervisor gives up.

Pure: no process and no clock. A `Family` is what a supervisor knows of its children; each rule
takes one and returns the next, and a `Plan` when there is something to do.
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
    "child_ended",
    "count_restart",
    "find",
    "forget",
    "start_failed",
    "started",
    "stopped",
    "try_again",
    "verdict",
]


@attrs.frozen
class Child:
    """What is known of one child."""

    spec: ChildSpec
    pid: Pid | None = None
    """None: it does not run."""
    restarting: bool = False
    """It is to run, but the last attempt to start it again has failed."""


@attrs.frozen
class Family:
    """A supervisor's children, in the order in which they are started."""

    flags: SupervisorFlags
    children: tuple[Child, ...] = ()
    restarts: tuple[float, ...] = ()
    """When the restarts that still count took place, newest first."""


@attrs.frozen
class Plan:
    """What has to be done, in this order."""

    stop: tuple[Child, ...] = ()
    start: tuple[Any, ...] = ()
    """Ids. If one of them can't be started the rest is not tried."""
    give_up: bool = False
    """There were too many restarts: stop every child and end."""
    shut_down: bool = False
    """The children that count have done what they were for: stop the others and end."""


def find(family: Family, id: Any) -> Child | None:
    """The child of that id."""
    return next((child for child in family.children if child.spec.id == id), None)


def add(family: Family, spec: ChildSpec, pid: Pid | None) -> Family:
    """A new child, the last in order."""
    return attrs.evolve(family, children=(*family.children, Child(spec, pid)))


def forget(family: Family, id: Any) -> Family:
    """There is no such child any more."""
    return attrs.evolve(family, children=tuple(c for c in family.children if c.spec.id != id))


def started(family: Family, id: Any, pid: Pid | None) -> Family:
    """The child runs as `pid`; None: its start function had nothing to start."""
    return _put(family, id, pid, restarting=False)


def start_failed(family: Family, id: Any) -> Family:
    """The child could not be started again: it will be tried again."""
    return _put(family, id, None, restarting=True)


def stopped(family: Family, id: Any) -> Family:
    """The child was stopped on purpose; one that never restarts is not needed any more."""
    child = find(family, id)
    if child is not None and child.spec.restart == "temporary":
        return forget(family, id)
    return _put(family, id, None, restarting=False)


def child_ended(family: Family, pid: Pid, reason: Any, now: float) -> tuple[Family, Plan]:
    """A child has ended by itself."""
    child = next((child for child in family.children if child.pid is pid), None)
    if child is None:
        return family, Plan()
    id = child.spec.id
    match verdict(child.spec.restart, reason):
        case "restart":
            return _restart(started(family, id, None), id, now)
        case "forget":
            family = forget(family, id)
        case "keep":
            family = started(family, id, None)
    return family, Plan(shut_down=_was_significant(family, child))


def try_again(family: Family, id: Any, now: float) -> tuple[Family, Plan]:
    """Another attempt at a child that could not be started again; it counts as a restart."""
    child = find(family, id)
    if child is None or not child.restarting:
        return family, Plan()
    return _restart(family, id, now)


def verdict(restart: Restart, reason: Any) -> Literal["restart", "keep", "forget"]:
    """What becomes of a child that has ended; `keep`: it stays in the list, but does not run."""
    if restart == "temporary":
        return "forget"
    return "keep" if restart == "transient" and is_orderly(reason) else "restart"


def count_restart(
    flags: SupervisorFlags, restarts: tuple[float, ...], now: float
) -> tuple[tuple[float, ...], bool]:
    """The restarts that count, with one more `now`; and whether they are too many."""
    counted = (now, *(before for before in restarts if now - before <= flags.period))
    return counted, len(counted) > flags.intensity


def _was_significant(family: Family, ended: Child) -> bool:
    """The end of the child, after which the others are `family`, ends the supervisor too."""
    if not ended.spec.significant or family.flags.auto_shutdown == "never":
        return False
    if family.flags.auto_shutdown == "any_significant":
        return True
    return not any(
        child.spec.significant and (child.pid is not None or child.restarting)
        for child in family.children
    )


def _restart(family: Family, id: Any, now: float) -> tuple[Family, Plan]:
    restarts, too_many = count_restart(family.flags, family.restarts, now)
    family = attrs.evolve(family, restarts=restarts)
    if too_many:
        return family, Plan(give_up=True)
    affected = _affected(family, id)
    others = tuple(child for child in affected if child.spec.id != id)
    # Those that never restart end with the others, and do not come back.
    gone = {child.spec.id for child in others if child.spec.restart == "temporary"}
    stop = tuple(child for child in reversed(others) if child.pid is not None)
    start = tuple(child.spec.id for child in affected if child.spec.id not in gone)
    for other in others:
        family = stopped(family, other.spec.id)
    return family, Plan(stop, start)


def _affected(family: Family, id: Any) -> tuple[Child, ...]:
    """Whom a restart of the child concerns, itself included, in order."""
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
