"""Registered names: a process can be sent to by name instead of by pid."""

from typing import Any

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ..bodies.current import current_process
from ..core.identity import Pid, check_pid
from ..core.node import Node
from ..core.process import Process, alive

__all__ = ["check_free", "give_name", "register", "registered", "resolve", "unregister", "whereis"]


@enable_ki_protection
def register(name: str, pid: Pid) -> None:
    """Register a name for a process, which can then be sent to by it. Erlang's `register/2`.

    The name is free again when the process ends. `spawn` and its relatives take a `name` too.

    Args:
        name: a string; unique in the runtime.
        pid: a process of this runtime; it has at most one name.

    Raises:
        ValueError: the name is taken; or the process has ended, belongs to another runtime, or has
            a name already.
        TypeError: `name` is not a string, or `pid` not a `Pid`.

    Example::

        register("logger", spawn(logger))
        send("logger", "hello")
    """
    node = current_process().node
    process = alive.get(check_pid(pid))
    if process is None or process.ending:
        raise ValueError(f"pid: {pid!r} has ended")
    if process.node is not node:
        raise ValueError(f"pid: {pid!r} belongs to another runtime")
    if process.name is not None:
        raise ValueError(f"pid: {pid!r} is already registered as {process.name!r}")
    check_free(node, name)
    give_name(node, name, process)


@enable_ki_protection
def unregister(name: str) -> None:
    """Remove a registered name. Erlang's `unregister/1`.

    Args:
        name: the registered name.

    Raises:
        ValueError: no process is registered as `name`.
        TypeError: `name` is not a string.

    Example::

        unregister("logger")
        register("logger", new_logger)
    """
    pid = current_process().node.names.pop(_check_name(name), None)
    if pid is None:
        raise ValueError(f"name: no process is registered as {name!r}")
    alive[pid].name = None


@enable_ki_protection
def whereis(name: str) -> Pid | None:
    """Return the pid registered as `name`, or None. Erlang's `whereis/1`.

    Args:
        name: any string.

    Raises:
        TypeError: `name` is not a string.

    Example::

        if (logger := whereis("logger")) is not None:
            monitor(logger)
    """
    return current_process().node.names.get(_check_name(name))


@enable_ki_protection
def registered() -> list[str]:
    """Return every registered name of the runtime, oldest first. Erlang's `registered/0`.

    Example::

        pids = {name: whereis(name) for name in registered()}
    """
    return list(current_process().node.names)


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, got {shown(name)}")
    return name


def check_free(node: Node, name: str) -> None:
    """Raise `ValueError` or `TypeError` unless `name` can be given to a process of `node`."""
    if _check_name(name) in node.names:
        raise ValueError(f"name: {name!r} is already registered, for {node.names[name]!r}")


def give_name(node: Node, name: str, process: Process) -> None:
    """Register `name`, which must be free, for `process` until it ends."""
    node.names[name] = process.pid
    process.name = name


def resolve(dest: Any) -> Pid:
    """Return the pid registered as `dest`; raise `ValueError` if there is none."""
    if not isinstance(dest, str):
        raise TypeError(f"dest: expected a Pid, a registered name or an alias, got {shown(dest)}")
    pid = current_process().node.names.get(dest)
    if pid is None:
        raise ValueError(f"dest: no process is registered as {dest!r}")
    return pid
