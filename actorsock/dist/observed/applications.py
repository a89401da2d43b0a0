"""The tab Applications: a server that sends an observer the trees of processes as they change.

What stands for an application here is the process of an `otp.Application`, or a process that has
started others and that no living process has started.
"""

from collections.abc import Callable
from typing import Any, Final

import attrs

from ...otp.application import Application
from ...otp.behaviour.engine import Engine
from ...otp.behaviour.starting import start
from ...otp.server.gen_server import GenServer
from ...otp.server.outcomes import NoReply, Reply
from ...otp.supervision.tree import TreeNode, supervision_tree
from ...runtime.api.linking import exit, link, trap_exit
from ...runtime.api.message_timers import send_after
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Pid
from ...runtime.core.messages import Exit
from ...runtime.core.node import Node
from ...runtime.core.process import Process, alive, processes_of
from ..terms.values import Atom
from .names import function_name, text, title, word
from .observable import Look

__all__ = ["listed", "start_link2", "tree_of", "which_applications"]

_A: Final = Atom

_PERIOD: Final = 2.0
"""Seconds between two looks, as in Erlang's `appmon_info`."""

_MOST_PROCESSES: Final = 300
"""Of a larger tree the rest is left out: the observer draws all that it gets."""


async def start_link2(look: Look, starter: Pid, client: Pid, options: list[Any]) -> Any:
    """Start the server for one observer. It ends with the observer. `appmon_info:start_link2/3`."""
    if not look.control:
        look.windows.note(client)
    return await start(_Teller, look.node.node, client)


@attrs.frozen
class _Again:
    """It is time for another look."""


class _Teller(GenServer):
    """Sends one observer what it has asked for, whenever that has changed."""

    def init(self, node: Node, client: Pid) -> None:
        trap_exit(True)
        link(client)
        self.node = node
        self.client = client
        self.told: dict[tuple[Any, str, Any], Any] = {}
        """What was asked, `{Client, Command, Argument}`, and the last answer to it."""
        send_after(_PERIOD, current_pid(), _Again())

    def handle_call(self, request: Any, caller: Any) -> Reply | NoReply:
        return Reply(_A("ok"))

    def handle_cast(self, request: Any) -> None:
        match request:
            case (Pid() as asking, str("app_ctrl" | "app" as command), argument, wanted, list()):
                self.told.pop((asking, command, argument), None)
                if wanted is True:
                    self.told[asking, command, argument] = None
                    self.tell()

    def handle_info(self, message: Any) -> None:
        match message:
            case _Again():
                self.tell()
                send_after(_PERIOD, current_pid(), _Again())
            case Exit(pid) if pid is self.client:
                exit("normal")

    def tell(self) -> None:
        """Send each answer that has changed."""
        for (asking, command, argument), before in list(self.told.items()):
            now = _ANSWERS[command](self.node, argument)
            if now != before:
                self.told[asking, command, argument] = now
                told = (_A("delivery"), current_pid(), _A(command), argument, now)
                send(asking, told)

    def format_status(self) -> Any:
        return {"client": self.client}


def which_applications(look: Look) -> list[Any]:
    """Return the applications as `application:which_applications/0` does."""
    return [description for _, _, description in listed(look.node.node)]


def listed(node: Node, argument: Any = None) -> list[Any]:
    """Return pid, name and description of each application."""
    return [
        (process.pid, name, (name, text(process.body.describe()), text("")))
        for name, process in _applications(node).items()
    ]


def tree_of(node: Node, name: Any) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """Return the tree of one application: its root, its processes, and who has started whom."""
    root = _applications(node).get(name)
    tree = None if root is None else supervision_tree(root.pid)
    if tree is None:
        return [], [], [], []
    nodes: list[Any] = []
    edges: list[Any] = []
    left: list[tuple[TreeNode, Any]] = [(tree, None)]
    while left and len(nodes) < _MOST_PROCESSES:
        found, above = left.pop(0)
        process = None if found.pid is None else alive.get(found.pid)
        if process is None:
            continue
        shown = text(title(process))
        nodes.append((process.pid, shown))
        if above is not None:
            edges.append((above, shown))
        left.extend((child, shown) for child in found.children)
    return nodes[0][1], nodes, edges, []


_ANSWERS: Final[dict[str, Callable[[Node, Any], Any]]] = {"app_ctrl": listed, "app": tree_of}


def _applications(node: Node) -> dict[Atom, Process]:
    everything = processes_of(node)
    parents = {process.parent for process in everything}
    found: dict[Atom, Process] = {}
    for process in everything:
        is_root = process.parent not in alive and process.pid in parents
        if is_root or _is_application(process):
            name = word(process.name or function_name(process))
            found[word(title(process)) if name in found else name] = process
    return found


def _is_application(process: Process) -> bool:
    engine = process.body.function
    return isinstance(engine, Engine) and issubclass(engine.__wrapped__, Application)
