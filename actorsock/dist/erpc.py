"""Calling functions on other nodes. Erlang's `erpc`; `rpc:call` there is built on the same.

A function of an Erlang node is called by its names. Of a node of this library only what it has
exported with `dist.export` can be called, from here and from Erlang.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ..arguments import check_seconds
from ..otp.tasks import abandon, async_call, nb_yield
from ..results import Error, Ok
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Ref
from ..runtime.core.messages import Timeout
from .api.checking import check_node, check_word_of, list_of
from .node.asking import ErpcError, ask_for_call
from .node.distribution import distribution
from .terms.values import Atom

__all__ = ["ErpcError", "call", "cast", "multicall"]


@enable_ki_protection
async def call(
    node: str, module: str, function: str, args: Sequence[Any] = (), timeout: float = inf
) -> Any:
    """Call a function on another node, and wait for its result. Erlang's `erpc:call/4,5`.

    Args:
        node: the name of the node, which is connected with if it is not yet.
        module, function: the names of the function.
        args: its arguments.
        timeout: seconds to wait; `math.inf` (the default) waits for ever.

    Returns:
        The result of the function.

    Raises:
        ErpcError: the function has failed there, or there is no answer.
        TypeError, ValueError: an argument is wrong, or stands for no term.
        RuntimeError: this runtime is no node.

    Example::

        assert await dist.erpc.call("a@host", "lists", "reverse", [[1, 2]]) == [2, 1]
    """
    check_seconds("timeout", timeout)
    names = check_word_of("module", module), check_word_of("function", function)
    return await ask_for_call(check_node(node), names, list_of("args", args), timeout)


@enable_ki_protection
def cast(node: str, module: str, function: str, args: Sequence[Any] = ()) -> None:
    """Call a function on another node, and do not wait. Erlang's `erpc:cast/4`.

    Args:
        node, module, function, args: as for `call`. What it returns or raises is lost.

    Raises:
        TypeError, ValueError: an argument is wrong, or stands for no term.
        RuntimeError: this runtime is no node.
    """
    home = distribution()
    peer = home.peer(check_node(node))
    names = Atom(check_word_of("module", module)), Atom(check_word_of("function", function))
    peer.ties.spawn(
        home.pid,
        Ref(),
        home.leader,
        ("erpc", "execute_cast"),
        [*names, list_of("args", args)],
        [],
    )


@enable_ki_protection
async def multicall(
    nodes: Sequence[str], module: str, function: str, args: Sequence[Any] = (), timeout: float = inf
) -> list[Ok[Any] | Error[Any]]:
    """Call a function on several nodes at the same time. Erlang's `erpc:multicall/4,5`.

    Args:
        nodes: the names of the nodes.
        module, function, args: as for `call`.
        timeout: seconds for each call; `math.inf` (the default): without a limit.

    Returns:
        One result for each node, in their order: `Ok(value)`, or `Error(reason)` with the reason of
        an `ErpcError`; or with a `TypeError`, if `args` hold what stands for no term.

    Raises:
        TypeError, ValueError: an argument is wrong.
        RuntimeError: this runtime is no node.
    """
    check_seconds("timeout", timeout)
    distribution()
    names = [check_node(node, "nodes") for node in nodes]
    what = check_word_of("module", module), check_word_of("function", function)
    given = list_of("args", args)
    process = current_process()
    tasks = [async_call(call, node, *what, given, timeout, light=True) for node in names]
    results = []
    try:
        for task in tasks:
            result = await nb_yield(task, inf)
            assert not isinstance(result, Timeout)
            results.append(result)
    finally:
        # Those that go on if this call is cancelled: their results would come as messages.
        for task in tasks[len(results) :]:
            abandon(process, task)
    return results
