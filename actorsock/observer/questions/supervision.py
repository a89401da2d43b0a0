"""The trees of processes: supervisors, their children, and what was spawned otherwise.

The answer has what `otp.supervision_tree` returns, but only of the children that the page shows: a
process may have started thousands.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...log_text import text_of
from ...observing.parts import by_parts
from ...observing.process_items import parent_of
from ...otp.supervision.requests import ChildInfo
from ...otp.supervision.tree import supervisor_in
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive, processes_of
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks
from .processes import is_socket
from .texts import label_text, pid_of

__all__ = ["tree"]

_MOST_CHILDREN: Final = 500
_MOST_LEVELS: Final = 20

_MOST_BOXES: Final = 500
"""Processes of one answer. Of a larger tree the deepest ones are left out, and counted."""

Started: TypeAlias = Mapping[Pid | None, list[Process]]
"""The living processes that each process has started; by None: those whose starter has ended."""


@attrs.frozen
class _Child:
    """A process below another one, or a child that does not run."""

    process: Process | None
    id: Any = None
    type: Literal["worker", "supervisor"] = "worker"


async def tree(looks: Looks, own: Pid, parameters: Parameters) -> Json:
    """Return the tree of each process that no living process has started, or that of one process.

    The tree of `own`, the observer's process, is left out.

    Parameters of the question: `root`, a pid, for the tree of that process alone; `depth`, the
    levels below a root; `count`, the most children of one process (the others are counted).
    """
    depth = parameters.number("depth", 3, _MOST_LEVELS)
    count = parameters.number("count", 6, _MOST_CHILDREN)
    root = parameters.found("root", pid_of, "process") if parameters.text("root") else None
    started = await _started(looks, own)
    first = alive.get(root) if root is not None else None
    roots = started.get(None, []) if root is None else [] if first is None else [first]
    told: list[Any] = []
    waiting: deque[tuple[Process, dict[str, Any], int]] = deque()
    left = _MOST_BOXES

    def tell(child: _Child, into: list[Any], levels: int) -> None:
        nonlocal left
        left -= 1
        box = _box(child)
        into.append(box)
        if child.process is not None:
            waiting.append((child.process, box, levels))

    for process in roots[:count]:
        tell(_Child(process), told, depth)
    # Level by level: if there are too many, none of the upper ones is missing.
    while waiting:
        process, box, levels = waiting.popleft()
        listed, others = _children(process, started)
        shown = await _shown(listed, others, started, min(count, left)) if levels else []
        for child in shown:
            tell(child, box["children"], levels - 1)
        box["more"] = len(listed) + len(others) - len(shown)
    return {"roots": told, "more": max(0, len(roots) - count)}


async def _started(looks: Looks, own: Pid) -> Started:
    started: dict[Pid | None, list[Process]] = {}
    async for part in by_parts(processes_of(looks.node)):
        for process in part:
            parent = parent_of(process)
            parent = parent if parent in alive else None
            if process.pid is not own and not (parent is None and is_socket(process)):
                started.setdefault(parent, []).append(process)
    return started


def _children(process: Process, started: Started) -> tuple[list[ChildInfo], list[Process]]:
    """Return the children of a supervisor, and what was started otherwise."""
    supervisor = supervisor_in(process)
    others = started.get(process.pid, [])
    if supervisor is None:
        return [], others
    listed = supervisor.which()
    in_list = {child.pid for child in listed}
    return listed, [one for one in others if one.pid not in in_list]


async def _shown(
    listed: list[ChildInfo], others: list[Process], started: Started, count: int
) -> list[_Child]:
    """Choose `count` children, if possible with a name or children; return them in their order."""
    chosen: list[int] = []
    rest: list[int] = []
    size = len(listed)

    def process_of(number: int) -> Process | None:
        if number >= size:
            return others[number - size]
        pid = listed[number].pid
        return alive.get(pid) if isinstance(pid, Pid) else None

    async for part in by_parts(range(size + len(others))):
        for number in part:
            process = process_of(number)
            preferred = process is not None and (process.name or process.pid in started)
            (chosen if preferred else rest).append(number)
        if len(chosen) >= count:
            break
    return [
        _Child(process_of(number), listed[number].id, listed[number].type)
        if number < size
        else _Child(process_of(number))
        for number in sorted([*chosen, *rest][:count])
    ]


def _box(child: _Child) -> dict[str, Any]:
    process = child.process
    box: dict[str, Any] = {
        "pid": None,
        "id": None if child.id is None else text_of(child.id),
        "name": None,
        "label": None,
        "function": "",
        "type": child.type,
        "children": [],
        "more": 0,
    }
    if process is not None:
        box |= {
            "pid": repr(process.pid),
            "name": process.name,
            "label": label_text(process.label),
            "function": process.body.describe(),
            "type": "worker" if supervisor_in(process) is None else "supervisor",
        }
    return box
