"""The functions that Erlang's programs call to look at a node, and the ones that answer here."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ...runtime.core.identity import Pid
from ..node.distribution import Distribution
from ..terms.values import Atom
from .applications import start_link2, which_applications
from .behaviours import get_status, module_info, translate_initial_call
from .names import UNDEFINED
from .observable import Look, Observable
from .process_items import process_info
from .processes import etop_collect, procs_info
from .sockets import get_socket_list, socket_info
from .system import fetch_stats, net_ticktime, sys_info, system_info, vsn
from .top import observer_cli
from .trace_port import TRACING, localhost, whereis_dbg

__all__ = ["offer"]

_A: Final = Atom

_ANY: Final = "_"
"""In place of a module: every module has this function, which gets the name of the module."""


def offer(node: Distribution, observable: Observable) -> None:
    """Let other nodes look at this one."""
    look = Look(node, observable)
    table = {**_TABLE, **(_CONTROL if look.control else {}), **(TRACING if look.tracing else {})}

    def find(module: str, name: str, arity: int) -> Callable[..., Any] | None:
        function = table.get((module, name, arity))
        if function is not None:
            return partial(function, look)
        function = table.get((_ANY, name, arity))
        return None if function is None else partial(function, look, module)

    node.offered = find
    if not look.control:
        node.keeps_out = look.windows.keeps_out


def _nothing(look: Look, *asked: Any) -> list[Any]:
    return []


def _ensure_loaded(look: Look, module: Any) -> tuple[Atom, Any]:
    if any(module == there for there, _, _ in _TABLE):
        return _A("module"), module
    return _A("error"), _A("nofile")


def _function_exported(look: Look, module: Any, name: Any, arity: Any) -> bool:
    return (module, name, arity) in _TABLE


def _whereis(look: Look, name: Any) -> Pid | Atom:
    if name == "dbg":
        return whereis_dbg(look)
    return look.node.node.names.get(name, UNDEFINED)


def _garbage_collect(look: Look, pid: Pid) -> bool:
    # All processes share the one collector.
    gc.collect()
    return look.node.here(pid) is not None


_TABLE: Final[dict[tuple[str, str, int], Callable[..., Any]]] = {
    ("observer_backend", "vsn", 0): vsn,
    ("observer_backend", "sys_info", 0): sys_info,
    ("observer_backend", "fetch_stats", 2): fetch_stats,
    ("observer_backend", "procs_info", 1): procs_info,
    ("observer_backend", "etop_collect", 1): etop_collect,
    # Neither ports nor tables of ETS exist here.
    ("observer_backend", "get_port_list", 0): _nothing,
    ("observer_backend", "get_table_list", 2): _nothing,
    ("observer_backend", "get_socket_list", 0): get_socket_list,
    ("observer_backend", "socket_info", 0): socket_info,
    ("appmon_info", "start_link2", 3): start_link2,
    ("application", "which_applications", 0): which_applications,
    ("erlang", "process_info", 2): process_info,
    ("erlang", "system_info", 1): system_info,
    ("erlang", "whereis", 1): _whereis,
    ("erlang", "function_exported", 3): _function_exported,
    ("code", "ensure_loaded", 1): _ensure_loaded,
    ("proc_lib", "translate_initial_call", 1): translate_initial_call,
    (_ANY, "module_info", 1): module_info,
    ("sys", "get_status", 2): get_status,
    ("net_adm", "localhost", 0): localhost,
    ("net_kernel", "get_net_ticktime", 0): net_ticktime,
    ("observer_cli", "start", 1): observer_cli,
}

_CONTROL: Final[dict[tuple[str, str, int], Callable[..., Any]]] = {
    ("erlang", "garbage_collect", 1): _garbage_collect,
}
"""The functions that change something; only with `control`."""
