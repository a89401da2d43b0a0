"""Starting processes on other nodes."""

from collections.abc import Sequence
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...runtime.core.identity import Pid, Ref
from ..node.asking import SpawnError, ask_for_process
from .checking import check_node, check_word_of, list_of

__all__ = ["SpawnError", "spawn", "spawn_link", "spawn_monitor"]


@enable_ki_protection
async def spawn(node: str, module: str, function: str, args: Sequence[Any] = ()) -> Pid:
    """Start a process on another node. Erlang's `spawn/4`.

    What it prints is shown here: its group leader is of this node.

    Args:
        node: the name of the node, which is connected with if it is not yet.
        module, function: the names of the function that it runs. If there is none, the process
            ends with a reason that begins with `undef`: a monitor tells.
        args: the arguments of the function.

    Returns:
        The pid of the new process.

    Raises:
        SpawnError: the node can't be reached, or refuses.
        TypeError, ValueError: an argument is wrong, or stands for no term.
        RuntimeError: this runtime is no node.

    Example::

        pid = await dist.spawn("a@host", "shop", "serve", [current_pid()])
    """
    return (await _spawn(node, module, function, args))[0]


@enable_ki_protection
async def spawn_link(node: str, module: str, function: str, args: Sequence[Any] = ()) -> Pid:
    """Start a process on another node, linked with the caller. Erlang's `spawn_link/4`.

    Args:
        node, module, function, args: as for `spawn`.

    Returns:
        The pid of the new process.

    Raises:
        SpawnError, TypeError, ValueError, RuntimeError: as `spawn`.

    Example::

        # A supervisor with a child on an Erlang node.
        ChildSpec("worker", dist.spawn_link, ("a@host", "shop", "serve", [10]))
    """
    return (await _spawn(node, module, function, args, "link"))[0]


@enable_ki_protection
async def spawn_monitor(
    node: str, module: str, function: str, args: Sequence[Any] = ()
) -> tuple[Pid, Ref]:
    """Start a process on another node, monitored by the caller. Erlang's `spawn_monitor/4`.

    Args:
        node, module, function, args: as for `spawn`.

    Returns:
        The pid of the new process, and the ref that its `Down` will carry.

    Raises:
        SpawnError, TypeError, ValueError, RuntimeError: as `spawn`.
    """
    return await _spawn(node, module, function, args, "monitor")


async def _spawn(
    node: str, module: str, function: str, args: Sequence[Any], *options: str
) -> tuple[Pid, Ref]:
    names = check_word_of("module", module), check_word_of("function", function)
    return await ask_for_process(check_node(node), names, list_of("args", args), *options)
