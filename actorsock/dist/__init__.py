"""A runtime as a node of an Erlang cluster, which real Erlang nodes take for one of theirs.

`async with dist.start("py@host", cookie=...)` makes it one. Inside, the functions of the library
lead to other nodes: `send`, `link`, `monitor`, `exit`, the calls of `otp`. Here are those that have
to do with nodes: which are there, calling functions and starting processes on them, and what may be
called here. `dist.terms` has Erlang's terms by themselves.
"""

from . import erpc, peer, pg, terms
from .api.cookies import cookie_from_file
from .api.multi_call import abcast, multi_call
from .api.nodes import (
    NodeDown,
    NodeUp,
    connect_node,
    disconnect_node,
    monitor_node,
    monitor_nodes,
    node,
    nodes,
    ping,
)
from .api.spawning import SpawnError, spawn, spawn_link, spawn_monitor
from .api.starting import LocalNode, start
from .node.asking import ErpcError
from .node.channel import Tls
from .node.epmd import NotRegistered
from .node.records import register_type
from .observed.observable import Observable
from .served.exports import export
from .terms.values import Atom, charlist, text

__all__ = [
    "Atom",
    "ErpcError",
    "LocalNode",
    "NodeDown",
    "NodeUp",
    "NotRegistered",
    "Observable",
    "SpawnError",
    "Tls",
    "abcast",
    "charlist",
    "connect_node",
    "cookie_from_file",
    "disconnect_node",
    "erpc",
    "export",
    "monitor_node",
    "monitor_nodes",
    "multi_call",
    "node",
    "nodes",
    "peer",
    "pg",
    "ping",
    "register_type",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "start",
    "terms",
    "text",
]
