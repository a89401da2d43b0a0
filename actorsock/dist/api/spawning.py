"""Starting processes on other nodes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, shown
from ...runtime.bodies.functions import check_function
from ...runtime.core.identity import Pid, Ref
from ..node.asking import SpawnError, ask_for_process
from ..node.distribution import distribution
from ..served.applying import MODULE, as_request
from .checking import check_node, check_word_of, list_of

__all__ = ["SpawnError", "spawn", "spawn_link", "spawn_monitor"]


@overload
async def spawn(
    fn: Callable[..., Awaitable[object]],
    /,
    *args: Any,
    node: str,
    name: str | None = None,
    light: bool = False,
) -> Pid: ...
@overload
async def spawn(node: str, module: str, function: str, args: Sequence[Any] = ()) -> Pid: ...
@enable_ki_protection
async def spawn(*args: Any, **named: Any) -> Pid:
    """Start a process on another node. Erlang's `spawn/4`.

    In the first form the node is one that this program has started with `dist.peer`. It imports
    the function by its name, so `fn` stands at the top of a module, or of the script itself under
    an `if __name__ == "__main__":`. It may be a class, or a `functools.partial` of such a
    function. Its arguments are terms as in a message, and may be functions and classes too.

    In the second form the node is any. A node of this library runs only what it has exported.

    What the process prints on an Erlang node is shown here: its group leader is of this node.

    Args:
        fn: an async function.
        *args: its arguments.
        node: the name of the node, which is connected with if it is not yet.
        name: registers the process under this name there.
        light: True runs it as a light process: see `actorsock.spawn`.
        module, function: the names of the function that it runs. If there is none, the process
            ends with a reason that begins with `undef`: a monitor tells.
        args: in the second form the list of the arguments.

    Returns:
        The pid of the new process. If it can't import the function, or `name` is taken there, it
        crashes.

    Raises:
        SpawnError: the node can't be reached, or refuses.
        TypeError: an argument is wrong, or stands for no term; `fn` can't be imported by its name,
            such as a lambda.
        ValueError: an argument is wrong; in the first form, this program has not started the node.
        RuntimeError: this runtime is no node.

    Example::

        async with dist.peer.start() as node:
            pid = await dist.spawn(worker, "apples", node=node)
        pid = await dist.spawn("a@host", "shop", "serve", [current_pid()])
    """
    return (await _spawn(args, named))[0]


@overload
async def spawn_link(
    fn: Callable[..., Awaitable[object]],
    /,
    *args: Any,
    node: str,
    name: str | None = None,
    light: bool = False,
) -> Pid: ...
@overload
async def spawn_link(node: str, module: str, function: str, args: Sequence[Any] = ()) -> Pid: ...
@enable_ki_protection
async def spawn_link(*args: Any, **named: Any) -> Pid:
    """Start a process on another node, linked with the caller. Erlang's `spawn_link/4`.

    Args:
        fn, args, name, light: as for `spawn`; `args` are the arguments, or the list of them.
        node, module, function: as for `spawn`.

    Returns:
        The pid of the new process.

    Raises:
        SpawnError, TypeError, ValueError, RuntimeError: as `spawn`.

    Example::

        # A supervisor with a child on an Erlang node.
        ChildSpec("worker", dist.spawn_link, ("a@host", "shop", "serve", [10]))
    """
    return (await _spawn(args, named, "link"))[0]


@overload
async def spawn_monitor(
    fn: Callable[..., Awaitable[object]],
    /,
    *args: Any,
    node: str,
    name: str | None = None,
    light: bool = False,
) -> tuple[Pid, Ref]: ...
@overload
async def spawn_monitor(
    node: str, module: str, function: str, args: Sequence[Any] = ()
) -> tuple[Pid, Ref]: ...
@enable_ki_protection
async def spawn_monitor(*args: Any, **named: Any) -> tuple[Pid, Ref]:
    """Start a process on another node, monitored by the caller. Erlang's `spawn_monitor/4`.

    Args:
        fn, args, name, light: as for `spawn`; `args` are the arguments, or the list of them.
        node, module, function: as for `spawn`.

    Returns:
        The pid of the new process, and the ref that its `Down` will carry.

    Raises:
        SpawnError, TypeError, ValueError, RuntimeError: as `spawn`.
    """
    return await _spawn(args, named, "monitor")


async def _spawn(args: tuple[Any, ...], named: dict[str, Any], *options: str) -> tuple[Pid, Ref]:
    if args and not issubclass(type(args[0]), str):
        return await _spawn_function(*args, options=options, **named)
    return await _spawn_named(options, *args, **named)


async def _spawn_named(
    options: tuple[str, ...], node: str, module: str, function: str, args: Sequence[Any] = ()
) -> tuple[Pid, Ref]:
    names = check_word_of("module", module), check_word_of("function", function)
    return await ask_for_process(check_node(node), names, list_of("args", args), *options)


async def _spawn_function(
    fn: Callable[..., Any],
    *args: Any,
    options: tuple[str, ...],
    node: str = "",
    name: str | None = None,
    light: bool = False,
) -> tuple[Pid, Ref]:
    check_function("fn", fn)
    check_bool("light", light)
    if not node:
        raise TypeError(f"node: expected the name of a node to run {shown(fn)} on")
    if name is not None:
        name = check_word_of("name", name)
    there = check_node(node)
    request = as_request(distribution(), there, fn, args, {}, name)
    function = MODULE, _BY_KIND[light]
    return await ask_for_process(there, function, request, *options)


_BY_KIND: Final = {False: "apply", True: "apply_light"}
