"""The trees of processes: supervisors, their children, and what was spawned otherwise."""

from ...log_text import text_of
from ...otp.supervision.tree import TreeNode, supervision_tree
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks, processes_of
from .processes import is_socket
from .texts import label_text, pid_of

__all__ = ["tree"]

_MOST_CHILDREN = 500
_MOST_LEVELS = 20


async def tree(looks: Looks, own: Pid, parameters: Parameters) -> Json:
    """Return the trees of all processes that no living process has started, or one of them.

    Without `own`, the observer's process, and what it has started.

    Parameters of the question: `root`, a pid, for that one; `depth`, the levels below a root;
    `count`, how many children of one process are told: the rest is a number.
    """
    depth = parameters.number("depth", 3, _MOST_LEVELS)
    count = parameters.number("count", 6, _MOST_CHILDREN)
    if parameters.text("root"):
        roots = [parameters.found("root", pid_of, "process")]
    else:
        roots = [
            process.pid
            for process in processes_of(looks.node)
            if process.parent not in alive and not is_socket(process) and process.pid is not own
        ]
    found = (supervision_tree(root, depth) for root in roots[:count])
    return {
        "roots": [_told(node, own, count) for node in found if node is not None],
        "more": max(0, len(roots) - count),
    }


def _told(node: TreeNode, own: Pid, count: int) -> dict[str, Json]:
    children = [child for child in node.children if child.pid is not own]
    shown = _shown(children, count)
    return {
        "pid": None if node.pid is None else repr(node.pid),
        "id": None if node.id is None else text_of(node.id),
        "name": node.registered_name,
        "label": label_text(node.label),
        "function": node.function,
        "type": node.type,
        "children": [_told(child, own, count) for child in shown],
        "more": node.count - len(shown) - (len(node.children) - len(children)),
    }


def _shown(children: list[TreeNode], count: int) -> list[TreeNode]:
    """Return so many of the children, in their order: those with a name or children rather."""
    by_weight = sorted(children, key=lambda child: not (child.registered_name or child.count))
    chosen = {id(child) for child in by_weight[:count]}
    return [child for child in children if id(child) in chosen]
