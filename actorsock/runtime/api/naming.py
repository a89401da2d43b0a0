"""Registered names: a process can be sent to by name instead of by pid."""

from typing import Any

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ..bodies.current import current_process, node_of_caller
from ..core.identity import Pid, check_pid
from ..core.node import Node
from ..core.process import Process, alive
from ..core.remote import Remote

__all__ = [
    "check_free",
    "elsewhere",
    "exact",
    "give_name",
    "register",
    "registered",
    "resolve",
    "unregister",
    "whereis",
]


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
    if isinstance(pid, Remote):
        raise ValueError(f"pid: {pid!r} is of another node: names lead to processes of this one")
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
    alive[pid].be_named(None)


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
    if not issubclass(type(name), str):
        raise TypeError(f"name: expected a str, got {shown(name)}")
    return exact(name)


def exact(name: str) -> str:
    """Return the characters of `name` as a plain string.

    A subclass may define `__eq__` and `__hash__`, which would run in every process that looks up
    a name.
    """
    return name if type(name) is str else str.__str__(name)


def check_free(node: Node, name: str) -> None:
    """Raise `ValueError` or `TypeError` unless `name` can be given to a process of `node`."""
    name = _check_name(name)
    if name in node.names:
        raise ValueError(f"name: {name!r} is already registered, for {node.names[name]!r}")


def give_name(node: Node, name: str, process: Process) -> None:
    """Register `name`, which must be free, for `process` until it ends."""
    name = exact(name)
    node.names[name] = process.pid
    process.be_named(name)


def elsewhere(node: Node, dest: Any) -> Remote | str | None:
    """Return the process of another node that `dest` names, or a name here; None if it is neither.

    In a runtime that has joined a cluster, the pair `(name, node)` is a name on that node, which
    may be this one.
    """
    if issubclass(type(dest), Remote):
        return dest  # type: ignore[no-any-return]
    if node.elsewhere is not None and type(dest) is tuple and len(dest) == 2:
        name, where = dest
        if issubclass(type(name), str) and issubclass(type(where), str):
            return node.elsewhere.at(exact(name), exact(where))
    return None


def resolve(dest: Any) -> Pid | Remote | None:
    """Return the process that `dest` names, here or on another node.

    Raises `ValueError` if a plain name is not registered. `(name, node)` with the name of this
    node is None then: as in Erlang, what is sent to a name of a node is never refused.
    """
    if not issubclass(type(dest), str):
        found = elsewhere(node_of_caller(), dest)
        if found is None:
            raise TypeError(
                f"dest: expected a Pid, a registered name or an alias, got {shown(dest)}"
            )
        return node_of_caller().names.get(found) if isinstance(found, str) else found
    pid = node_of_caller().names.get(exact(dest))
    if pid is None:
        raise ValueError(f"dest: no process is registered as {dest!r}")
    return pid
