"""The node as a whole: `observer_backend:sys_info/0`, `erlang:system_info/1` and load charts."""

import os
import platform
import select
import struct
import sysconfig
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import trio

from ...observing.machine import program_memory
from ...runtime.api.linking import trap_exit
from ...runtime.api.messaging import receive, send
from ...runtime.core.identity import Pid
from ...runtime.core.messages import Timeout
from ...runtime.core.process import processes_of
from ..node.pressure import BUSY
from ..terms.values import Atom
from .load import allocators, memory, run_queue, scheduler_wall_time
from .names import UNDEFINED, text
from .observable import Look

__all__ = ["fetch_stats", "net_ticktime", "sys_info", "system_info", "vsn"]

_A: Final = Atom


def sys_info(look: Look) -> list[tuple[Atom, Any]]:
    """Return the facts of the tabs System and Memory Allocators."""
    processes = processes_of(look.node.node)
    read, written = look.traffic.totals()
    now: dict[str, Any] = {
        "uptime": round(1000 * (time.monotonic() - min(one.began for one in processes))),
        "run_queue": run_queue(),
        "io_input": read,
        "io_output": written,
        "alloc_info": allocators(program_memory()),
        "process_count": len(processes),
    }
    facts = {**now, **{name: fact() for name, fact in _FACTS.items()}}
    return [*((_A(name), fact) for name, fact in facts.items()), *memory(look.node.node)]


def system_info(look: Look, asked: Any) -> Any:
    """Return one fact, as `erlang:system_info/1`; raise `ValueError` if it is unknown here."""
    if isinstance(asked, str) and asked in _FACTS:
        return _FACTS[asked]()
    raise ValueError(f"badarg: there is no fact {asked!r}")


async def fetch_stats(look: Look, to: Pid, milliseconds: int) -> None:
    """Send `to` the load, again and again, until any message or exit signal comes."""
    trap_exit(True)
    while isinstance(await receive(after=milliseconds / 1000), Timeout):
        read, written = look.traffic.totals()
        traffic = (_A("input"), read), (_A("output"), written)
        wall_time = scheduler_wall_time()
        send(to, (_A("stats"), 1, wall_time, traffic, memory(look.node.node)))


def vsn(look: Look) -> tuple[Atom, list[int]]:
    """Return the version of this library, where etop expects that of `runtime_tools`."""
    return _A("ok"), text(_version())


def net_ticktime(look: Look) -> int:
    """Return the time, in seconds, after which a silent node is taken for down."""
    return round(look.node.settings.ticktime)


def _version() -> str:
    try:
        return version("actorsock")
    except PackageNotFoundError:  # used from a folder, without installing it
        return "0"


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads() -> int | Atom:
    most = trio.to_thread.current_default_thread_limiter().total_tokens
    return most if isinstance(most, int) else UNDEFINED


def _unknown() -> Atom:
    return UNDEFINED


_FACTS: Final[dict[str, Callable[[], Any]]] = {
    "logical_processors": lambda: os.cpu_count() or UNDEFINED,
    "logical_processors_online": lambda: os.cpu_count() or UNDEFINED,
    "logical_processors_available": _usable,
    # A runtime is one thread.
    "schedulers": lambda: 1,
    "schedulers_online": lambda: 1,
    "schedulers_available": lambda: 1,
    "dirty_cpu_schedulers": lambda: 0,
    "otp_release": lambda: text(f"actorsock {_version()}"),
    "version": lambda: text(f"{platform.python_implementation()} {platform.python_version()}"),
    "system_architecture": lambda: text(sysconfig.get_platform()),
    "kernel_poll": lambda: hasattr(select, "epoll"),
    "smp_support": lambda: False,
    "threads": lambda: True,
    "thread_pool_size": _threads,
    "wordsize": lambda: struct.calcsize("P"),
    "wordsize_internal": lambda: struct.calcsize("P"),
    "wordsize_external": lambda: struct.calcsize("P"),
    # The observer shows "Not available" for each of these: there are no such limits or tables.
    **dict.fromkeys(
        ("process_limit", "atom_count", "atom_limit", "port_count", "port_limit"), _unknown
    ),
    "ets_count": _unknown,
    "ets_limit": _unknown,
    "dist_buf_busy_limit": lambda: BUSY,
}
"""The facts that the observer asks for and that do not change."""
