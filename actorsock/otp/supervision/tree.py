"""The tree of a supervisor, its children and what these have started, read from the tables.

Nobody is asked: an answer would not come from a supervisor that waits for a slow child.
"""

from typing import Any, Literal

import attrs
from trio.lowlevel import enable_ki_protection

from ...runtime.core.identity import Pid, check_pid
from ...runtime.core.process import Process, alive
from ...runtime.core.remote import refuse_remote
from ..behaviour.engine import Engine
from .requests import ChildInfo
from .supervisor import SupervisorServer

__all__ = ["TreeNode", "supervision_tree", "supervisor_in"]


@attrs.frozen
class TreeNode:
    """One process in the result of `supervision_tree`.

    Attributes:
        pid: the process; None for a child that does not run, or is just restarted.
        id: the id of the child in the spec of its supervisor; None for a process that was not
            started by one, and for the children of one that is simple_one_for_one.
        registered_name: its name, if it has one.
        label: what it has given to `set_label`; None if it has not.
        function: the function or class that it runs, as `module:qualified name`.
        type: `"supervisor"` or `"worker"`.
        count: how many processes it has started that are alive, and children that do not run.
        children: these, unless they are below the depth that was asked for. The children of a
            supervisor come first, in the order in which it starts them.
    """

    pid: Pid | None
    id: Any
    registered_name: str | None
    label: Any
    function: str
    type: Literal["supervisor", "worker"]
    count: int
    children: list["TreeNode"]


@enable_ki_protection
def supervision_tree(pid: Pid, depth: int | None = None) -> TreeNode | None:
    """Return the processes that a process has started, and those that these have started.

    For a supervisor it is the tree that Erlang's `observer` draws. Processes that were spawned
    otherwise are in it too, below the one that has spawned them. It takes some microseconds for
    each process of the runtime.

    Args:
        pid: the process at the root, a supervisor or any other.
        depth: how many levels below the root; None is all.

    Returns:
        The `TreeNode` of the root, or None if the process has ended.

    Raises:
        TypeError: `pid` is not a `Pid`, or `depth` not an int.
        ValueError: `pid` is of another node, or `depth` is negative.

    Example::

        def show(node, indent=""):
            print(indent, node.id or node.registered_name or node.function, node.pid)
            for child in node.children:
                show(child, indent + "  ")

        show(otp.supervision_tree(whereis("shop")))
    """
    if depth is not None and type(depth) is not int:
        raise TypeError(f"depth: expected an int or None, got {depth!r}")
    if depth is not None and depth < 0:
        raise ValueError(f"depth: expected None or a number >= 0, got {depth}")
    root = alive.get(check_pid(pid))
    if root is None:
        refuse_remote(pid)
        return None
    started: dict[Pid, list[Process]] = {}
    for process in alive.copy().values():
        if process.parent is not None:
            started.setdefault(process.parent, []).append(process)
    return _tree(root, started, depth)


@attrs.frozen
class _Below:
    """A process below another one, or a child that does not run."""

    process: Process | None
    info: ChildInfo | None = None
    """What a supervisor tells of it; None for a process that was started otherwise."""


def _tree(root: Process, started: dict[Pid, list[Process]], depth: int | None) -> TreeNode:
    top = _Below(root)
    below = _below(top, started)
    tree = _node(top, len(below))
    # A list in place of recursion: each process of a long chain may have started the next one.
    waiting = [(tree, below, depth)]
    while waiting:
        node, below, levels = waiting.pop()
        if levels == 0:
            continue
        for one in below:
            its_own = _below(one, started)
            child = _node(one, len(its_own))
            node.children.append(child)
            waiting.append((child, its_own, None if levels is None else levels - 1))
    return tree


def _below(one: _Below, started: dict[Pid, list[Process]]) -> list[_Below]:
    process = one.process
    if process is None:
        return []
    supervisor = supervisor_in(process)
    listed = [] if supervisor is None else supervisor.which()
    in_list = {child.pid for child in listed}
    return [
        *(_Below(_running(child), child) for child in listed),
        *(_Below(other) for other in started.get(process.pid, ()) if other.pid not in in_list),
    ]


def _running(child: ChildInfo) -> Process | None:
    return alive.get(child.pid) if isinstance(child.pid, Pid) else None


def _node(one: _Below, count: int) -> TreeNode:
    process, info = one.process, one.info
    id_ = None if info is None else info.id
    if process is None:
        assert info is not None
        pid = info.pid if isinstance(info.pid, Pid) else None
        return TreeNode(pid, id_, None, None, "", info.type, 0, [])
    return TreeNode(
        process.pid,
        id_,
        process.name,
        process.label,
        process.body.describe(),
        "worker" if supervisor_in(process) is None else "supervisor",
        count,
        [],
    )


def supervisor_in(process: Process) -> SupervisorServer | None:
    """Return the supervisor that a process runs; None if it runs something else."""
    engine = process.body.function
    behaviour = engine.behaviour if isinstance(engine, Engine) else None
    return behaviour if isinstance(behaviour, SupervisorServer) else None
