"""Asking a supervisor: which children it has, and to have others.

All of these wait for as long as it takes, and raise `ProcessExit` as `call` does.
"""

from math import inf
from typing import Any, Literal

import attrs

from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ..calls.client import call
from .child_spec import ChildSpec

__all__ = [
    "ChildCount",
    "ChildInfo",
    "DeleteChild",
    "GetChildSpec",
    "RestartChild",
    "StartChild",
    "TerminateChild",
    "Wrong",
    "count_children",
    "delete_child",
    "get_childspec",
    "restart_child",
    "start_child",
    "terminate_child",
    "which_children",
]


@attrs.frozen
class ChildInfo:
    """What `which_children` tells of a child."""

    id: Any
    """None for a child of a simple_one_for_one supervisor."""
    pid: Pid | Literal["restarting"] | None
    """None if it does not run."""
    type: Literal["worker", "supervisor"]


@attrs.frozen
class ChildCount:
    """What `count_children` tells."""

    specs: int
    active: int
    """How many of them run; with simple_one_for_one, the end of how many has not been handled."""
    supervisors: int
    workers: int


async def start_child(supervisor: Pid | str, *spec: Any) -> Ok[Pid | None] | Error:
    """Add a child, the last in order, and start it: `Ok(pid)`, and `Ok(None)` for `"ignore"`.

    `spec` is its `ChildSpec`; with simple_one_for_one it is what the start function is given
    in addition to the arguments in the spec. `Error("already_started", pid)` and
    `Error("already_present")` if there is a child of that id, and the error of the start
    function if it fails. Raises `TypeError` or `ValueError` if the spec is wrong.
    Erlang's `supervisor:start_child/2`.
    """
    return await _ask(supervisor, StartChild(spec))  # type: ignore[no-any-return]


async def terminate_child(supervisor: Pid | str, child: Any) -> Ok[None] | Error:
    """Stop the child of that id (with simple_one_for_one: that pid), and do not restart it.

    Its spec stays, unless it is a temporary one. `Error("not_found")`; for a pid with
    simple_one_for_one only if that process lives. `Error("simple_one_for_one")` for what is
    no pid there. Erlang's `supervisor:terminate_child/2`.
    """
    return await _ask(supervisor, TerminateChild(child))  # type: ignore[no-any-return]


async def restart_child(supervisor: Pid | str, child: Any) -> Ok[Pid | None] | Error:
    """Start a child that does not run; `supervisor:restart_child/2`.

    `Error("running")`, `Error("restarting")`, `Error("not_found")`, or the start function's;
    with simple_one_for_one `Error("simple_one_for_one")`.
    """
    return await _ask(supervisor, RestartChild(child))  # type: ignore[no-any-return]


async def delete_child(supervisor: Pid | str, child: Any) -> Ok[None] | Error:
    """Forget the spec of a child that does not run; `supervisor:delete_child/2`.

    `Error("running")`, `Error("restarting")` or `Error("not_found")`; with simple_one_for_one
    `Error("simple_one_for_one")`.
    """
    return await _ask(supervisor, DeleteChild(child))  # type: ignore[no-any-return]


async def get_childspec(supervisor: Pid | str, child: Any) -> Ok[ChildSpec] | Error:
    """The spec of the child of that id, or of that pid; `supervisor:get_childspec/2`.

    `Error("not_found")`; for a pid with simple_one_for_one only if that process lives.
    """
    return await _ask(supervisor, GetChildSpec(child))  # type: ignore[no-any-return]


async def which_children(supervisor: Pid | str) -> list[ChildInfo]:
    """Every child, in the order of their start; `supervisor:which_children/1`."""
    return await _ask(supervisor, "which_children")  # type: ignore[no-any-return]


async def count_children(supervisor: Pid | str) -> ChildCount:
    """How many children there are, and of which kind; `supervisor:count_children/1`."""
    return await _ask(supervisor, "count_children")  # type: ignore[no-any-return]


@attrs.frozen
class StartChild:
    spec: tuple[Any, ...]


@attrs.frozen
class TerminateChild:
    child: Any


@attrs.frozen
class RestartChild:
    child: Any


@attrs.frozen
class DeleteChild:
    child: Any


@attrs.frozen
class GetChildSpec:
    child: Any


@attrs.frozen
class Wrong:
    """The answer to a request with a wrong argument: the caller is to raise this."""

    mistake: Exception


# Any: each request has an answer of its own kind. Whoever asks knows it, and the type checker not.
async def _ask(supervisor: Pid | str, request: Any) -> Any:
    answer = await call(supervisor, request, timeout=inf)
    if isinstance(answer, Wrong):
        raise answer.mistake
    return answer
