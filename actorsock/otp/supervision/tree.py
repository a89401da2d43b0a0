"""The tree of a supervisor, its children and what these have started, read from the tables.

Nobody is asked: an answer would not come from a supervisor that waits for a slow child.
"""

from collections.abc import Iterator
from typing import Any, Literal

import attrs
from trio.lowlevel import enable_ki_protection

from ...runtime.core.identity import Pid, check_pid
from ...runtime.core.process import Process, alive
from ...runtime.core.remote import refuse_remote
from ..behaviour.engine import Engine
from .requests import ChildInfo
from .supervisor import SupervisorServer

__all__ = ["TreeNode", "supervision_tree"]


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
    return _node(root, None, started, depth)


def _node(
    process: Process, id_: Any, started: dict[Pid, list[Process]], depth: int | None
) -> TreeNode:
    supervisor = _supervisor_in(process)
    listed = [] if supervisor is None else supervisor.which()
    in_list = {child.pid for child in listed}
    others = [one for one in started.get(process.pid, ()) if one.pid not in in_list]
    below = None if depth is None else depth - 1
    return TreeNode(
        process.pid,
        id_,
        process.name,
        process.label,
        process.body.describe(),
        "worker" if supervisor is None else "supervisor",
        len(listed) + len(others),
        []
        if depth == 0
        else [
            *_listed(listed, started, below),
            *(_node(other, None, started, below) for other in others),
        ],
    )


def _listed(
    children: list[ChildInfo], started: dict[Pid, list[Process]], depth: int | None
) -> Iterator[TreeNode]:
    for child in children:
        process = alive.get(child.pid) if isinstance(child.pid, Pid) else None
        if process is not None:
            yield _node(process, child.id, started, depth)
        else:
            pid = child.pid if isinstance(child.pid, Pid) else None
            yield TreeNode(pid, child.id, None, None, "", child.type, 0, [])


def _supervisor_in(process: Process) -> SupervisorServer | None:
    engine = process.body.function
    behaviour = engine.behaviour if isinstance(engine, Engine) else None
    return behaviour if isinstance(behaviour, SupervisorServer) else None
