"""Calling and telling servers of the same name on several nodes."""

from collections.abc import Sequence
from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ...otp.calls.calling import cast
from ...otp.calls.requests import receive_response, send_request
from ...otp.calls.waiting import forget
from ...results import Ok
from ...runtime.bodies.current import current_process
from .checking import check_node, check_word_of

__all__ = ["abcast", "multi_call"]


@enable_ki_protection
async def multi_call(
    nodes: Sequence[str], name: str, request: Any, timeout: float = 5.0
) -> tuple[dict[str, Any], list[str]]:
    """Call the servers registered as `name` on several nodes. Erlang's `gen_server:multi_call/4`.

    Args:
        nodes: the names of the nodes; this one may be among them. One that is there twice is asked
            once.
        name: the registered name.
        request: the value that each `handle_call` gets.
        timeout: seconds to wait for all answers together.

    Returns:
        The answers by the names of the nodes, and the nodes from which none came.

    Raises:
        TypeError, ValueError: an argument is wrong, or `request` stands for no term.

    Example::

        totals, silent = await dist.multi_call(dist.nodes("connected"), "till", Atom("total"))
    """
    check_seconds("timeout", timeout)
    check_word_of("name", name)
    process = current_process()
    names = dict.fromkeys(check_node(node, "nodes") for node in nodes)
    deadline = trio.current_time() + timeout
    requests = {}
    answers: dict[str, Any] = {}
    silent: list[str] = []
    try:
        for node in names:
            requests[node] = send_request((name, node), request)
        for node, ref in requests.items():
            left = max(0.0, deadline - trio.current_time())
            match await receive_response(ref, left):
                case Ok(value):
                    answers[node] = value
                case _:
                    silent.append(node)
    finally:
        for ref in requests.values():
            forget(process, ref)
    return answers, silent


@enable_ki_protection
def abcast(nodes: Sequence[str], name: str, request: Any) -> None:
    """Cast to the servers registered as `name` on several nodes. Erlang's `gen_server:abcast/3`.

    Args:
        nodes, name, request: as for `multi_call`. Nodes that can't be reached are passed over.

    Raises:
        TypeError, ValueError: an argument is wrong, or `request` stands for no term.
    """
    check_word_of("name", name)
    for node in [check_node(node, "nodes") for node in nodes]:
        cast((name, node), request)
