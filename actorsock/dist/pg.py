"""Groups of processes on all nodes. Erlang's `pg`, and one with it: both see the same groups.

A group is a name and the processes that have joined it, on whichever nodes; it exists as long as
it has members. Each node where `start_link` has started the scope knows all of them, and reading
needs no message. Scopes are independent of one another; the default one is `"pg"`, as in Erlang,
whose nodes start it by themselves only with `-kernel start_pg true`.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ..arguments import shown
from ..otp.behaviour import starting
from ..otp.calls.calling import call
from ..otp.calls.waiting import forget
from ..results import Error, Ok
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid, Ref, check_ref
from ..runtime.core.remote import RemotePid
from .api.checking import check_word_of
from .groups.names import Group, Names
from .groups.scope import Joined, Left, Scope, running_scope
from .node.distribution import distribution

__all__ = [
    "Joined",
    "Left",
    "demonitor",
    "get_local_members",
    "get_members",
    "join",
    "leave",
    "monitor",
    "monitor_scope",
    "start",
    "start_link",
    "which_groups",
    "which_local_groups",
]

_PG: Final = "pg"


async def start(scope: str = _PG) -> Ok[Pid] | Error[Any]:
    """Start the server of a scope. Erlang's `pg:start/1`.

    Args:
        scope: its name, under which the server is registered.

    Returns:
        The same as `otp.start`, such as `Error("already_started", pid)`.

    Raises:
        RuntimeError: this runtime is no node.
        TypeError, ValueError: `scope` is no name.
    """
    distribution()
    return await starting.start(Scope, check_word_of("scope", scope), name=scope)


async def start_link(scope: str = _PG) -> Ok[Pid] | Error[Any]:
    """Start the server of a scope, linked with the caller. Erlang's `pg:start_link/0,1`.

    Args:
        scope: as `start`.

    Returns:
        The same as `otp.start_link`.

    Raises:
        RuntimeError, TypeError, ValueError: as `start`.

    Example::

        ChildSpec("pg", dist.pg.start_link)
    """
    distribution()
    return await starting.start_link(Scope, check_word_of("scope", scope), name=scope)


@enable_ki_protection
async def join(group: Any, pids: Pid | Iterable[Pid], *, scope: str = _PG) -> None:
    """Add processes of this node to a group. Erlang's `pg:join/2,3`.

    A process that joins several times has to leave as often. It leaves when it ends.

    Args:
        group: the name of the group, any term. A str alone is an atom, as names are in Erlang;
            inside of another term it is a binary.
        pids: a pid, or several.
        scope: the name of the scope.

    Raises:
        CallError: the scope does not run here.
        TypeError: an argument is wrong, or `group` stands for no term.
        ValueError: a process is of another node.

    Example::

        await dist.pg.join("workers", current_pid())
        send(random.choice(dist.pg.get_members("workers")), work)
    """
    await _asked(scope, ("join_local", _group(group), _local(pids)))


@enable_ki_protection
async def leave(group: Any, pids: Pid | Iterable[Pid], *, scope: str = _PG) -> Ok[None] | Error:
    """Remove processes of this node from a group. Erlang's `pg:leave/2,3`.

    Args:
        group, pids, scope: as for `join`.

    Returns:
        `Ok()`; or `Error("not_joined")` if none of the processes was in the group.

    Raises:
        CallError, TypeError, ValueError: as `join`.
    """
    result: Ok[None] | Error = await _asked(scope, ("leave_local", _group(group), _local(pids)))
    return result


@enable_ki_protection
def get_members(group: Any, *, scope: str = _PG) -> list[Pid]:
    """Return the processes in a group, on all nodes, in any order. Erlang's `pg:get_members/1,2`.

    Args:
        group: its name.
        scope: the name of the scope.

    Returns:
        The pids, one as often as it has joined; an empty list if the scope does not run here.

    Raises:
        TypeError: `group` stands for no term.
        RuntimeError: this runtime is no node.
    """
    name, found = _group(group), _running(scope)
    return [] if found is None else found.membership.members(name)


@enable_ki_protection
def get_local_members(group: Any, *, scope: str = _PG) -> list[Pid]:
    """Return the processes of this node in a group. Erlang's `pg:get_local_members/1,2`.

    Args:
        group, scope: as for `get_members`.

    Returns:
        The pids.

    Raises:
        TypeError, RuntimeError: as `get_members`.
    """
    name, found = _group(group), _running(scope)
    return [] if found is None else found.membership.local_members(name)


@enable_ki_protection
def which_groups(*, scope: str = _PG) -> list[Any]:
    """Return the names of the groups. Erlang's `pg:which_groups/0,1`.

    A name is what a received term is: an `Atom`, which equals its text, or bytes for a binary.

    Args:
        scope: the name of the scope.

    Raises:
        RuntimeError: this runtime is no node.
    """
    found = _running(scope)
    return [] if found is None else [group.name for group in found.membership.groups()]


@enable_ki_protection
def which_local_groups(*, scope: str = _PG) -> list[Any]:
    """Return the names of the groups with processes of this node. `pg:which_local_groups/0,1`.

    Args:
        scope: the name of the scope.

    Raises:
        RuntimeError: this runtime is no node.
    """
    found = _running(scope)
    return [] if found is None else [group.name for group in found.membership.local_groups()]


@enable_ki_protection
async def monitor(group: Any, *, scope: str = _PG) -> tuple[Ref, list[Pid]]:
    """Ask for a `Joined` or `Left` with each change of a group. Erlang's `pg:monitor/1,2`.

    Args:
        group: its name.
        scope: the name of the scope.

    Returns:
        The ref that these messages carry, and the members now.

    Raises:
        CallError: the scope does not run here.
        TypeError: `group` stands for no term.

    Example::

        ref, members = await dist.pg.monitor("workers")
        while not members:
            match await receive(ref):
                case dist.pg.Joined(pids=pids):
                    members += pids
    """
    result: tuple[Ref, list[Pid]] = await _asked(scope, ("monitor", _group(group)))
    return result


@enable_ki_protection
async def monitor_scope(*, scope: str = _PG) -> tuple[Ref, list[tuple[Any, list[Pid]]]]:
    """Ask for a `Joined` or `Left` with each change in a scope. Erlang's `pg:monitor_scope/0,1`.

    Args:
        scope: its name.

    Returns:
        The ref that these messages carry, and each group with its members now. In Erlang that is
        a map; not every name of a group can be a key here.

    Raises:
        CallError: the scope does not run here.
    """
    result: tuple[Ref, list[tuple[Any, list[Pid]]]] = await _asked(scope, "monitor")
    return result


@enable_ki_protection
async def demonitor(ref: Ref, *, scope: str = _PG) -> bool:
    """End a `monitor` or `monitor_scope`; remove its messages. Erlang's `pg:demonitor/1,2`.

    Args:
        ref: what that has returned.
        scope: the name of the scope.

    Returns:
        True if there was such a monitor.

    Raises:
        CallError: the scope does not run here.
        TypeError: `ref` is not a `Ref`.
    """
    known: bool = await _asked(scope, ("demonitor", check_ref(ref)))
    if known:
        forget(current_process(), ref)
    return known


async def _asked(scope: str, request: Any) -> Any:
    distribution()
    return await call(check_word_of("scope", scope), request, timeout=inf)


def _running(scope: str) -> Scope | None:
    return running_scope(distribution().node, check_word_of("scope", scope))


def _group(group: Any) -> Group:
    return Names(distribution()).of_program(group)


def _local(pids: Any) -> list[Pid]:
    several = list(pids) if isinstance(pids, Iterable) else [pids]
    for pid in several:
        if not isinstance(pid, Pid):
            raise TypeError(f"pids: expected a Pid or several, got {shown(pid)}")
        if isinstance(pid, RemotePid):
            raise ValueError(f"pids: {pid!r} is of another node; it has to join there")
    return several
