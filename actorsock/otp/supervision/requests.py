"""The functions that ask a supervisor about its children, or to change them.

They wait for the answer for ever, as in Erlang: starting or stopping a child may take long. They
raise `CallError` as `call` does.
"""

from math import inf
from typing import Any, Literal, TypeVar, cast

import attrs

from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ..calls.calling import call
from ..calls.protocol import Request
from ..calls.registries import ServerRef
from .child_spec import ChildSpec

__all__ = [
    "ChildCount",
    "ChildInfo",
    "DeleteChild",
    "GetChildSpec",
    "InvalidRequest",
    "RestartChild",
    "StartChild",
    "TerminateChild",
    "count_children",
    "delete_child",
    "get_childspec",
    "restart_child",
    "start_child",
    "terminate_child",
    "which_children",
]

T = TypeVar("T")


@attrs.frozen
class ChildInfo:
    """One child, as `which_children` returns it. Erlang's `{Id, Child, Type, Modules}`."""

    id: Any
    """The id in its spec; None under simple_one_for_one."""
    pid: Pid | Literal["restarting"] | None
    """None: it does not run. `"restarting"`: its restart has failed and will be tried again."""
    type: Literal["worker", "supervisor"]
    """The type in its spec."""


@attrs.frozen
class ChildCount:
    """The numbers of a supervisor's children, as `count_children` returns them."""

    specs: int
    """The number of child specs; 1 under simple_one_for_one."""
    active: int
    """The number of children that run. Under simple_one_for_one a child whose end the supervisor
    has not handled yet still counts."""
    supervisors: int
    """The number of children of type `"supervisor"`, running or not."""
    workers: int
    """The number of children of type `"worker"`, running or not."""


async def start_child(supervisor: ServerRef, *spec: Any) -> Ok[Pid | None] | Error[Any]:
    """Add a child to a supervisor, as the last in order, and start it.

    Erlang's `supervisor:start_child/2`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.
        *spec: the `ChildSpec` of the child, or a dict of the same keys. Under simple_one_for_one:
            arguments for the start function, in addition to `args` in the supervisor's spec.

    Returns:
        `Ok(pid)`; `Ok(None)` if the start function returned `Error("ignore")`; or `Error`:

        - `Error("already_started", pid)`: there is a child of that id, and it runs
        - `Error("already_present")`: there is a child of that id, and it does not run
        - `Error(reason)`: the start function failed with `reason`; the child is not added

    Raises:
        TypeError: the spec is not a `ChildSpec` or dict, or a field has a wrong type.
        ValueError: a field has a wrong value, or the child is significant and the supervisor has
            `auto_shutdown="never"`.
        CallError: the supervisor does not exist, or ended before it answered.

    Example::

        spec = ChildSpec("cache", otp.start_link, (Cache, 1000))
        pid = ok(await otp.start_child(supervisor, spec))
    """
    return await _ask(supervisor, StartChild(spec))


async def terminate_child(supervisor: ServerRef, child: Any) -> Ok[None] | Error:
    """Stop a child and do not restart it. Erlang's `supervisor:terminate_child/2`.

    Returns when the process has ended. The spec stays, for `restart_child`, unless the child is
    temporary. A child that does not run is no error.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.
        child: the id of the child; under simple_one_for_one its pid.

    Returns:
        `Ok()`, or `Error`:

        - `"not_found"`: there is no child of that id; under simple_one_for_one: the process lives
          and is not a child of this supervisor
        - `"simple_one_for_one"`: the supervisor is of that kind, and `child` is not a pid

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return await _ask(supervisor, TerminateChild(child))


async def restart_child(supervisor: ServerRef, child: Any) -> Ok[Pid | None] | Error[Any]:
    """Start a child that does not run. Erlang's `supervisor:restart_child/2`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.
        child: the id of the child.

    Returns:
        `Ok(pid)`; `Ok(None)` if the start function returned `Error("ignore")`; or `Error`:

        - `"running"`: the child runs
        - `"restarting"`: the supervisor is about to try it again
        - `"not_found"`: there is no child of that id
        - `"simple_one_for_one"`: the supervisor is of that kind
        - another reason: the start function failed with it

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return await _ask(supervisor, RestartChild(child))


async def delete_child(supervisor: ServerRef, child: Any) -> Ok[None] | Error:
    """Remove the spec of a child that does not run. Erlang's `supervisor:delete_child/2`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.
        child: the id of the child.

    Returns:
        `Ok()`, or `Error`:

        - `"running"`: the child runs
        - `"restarting"`: the supervisor is about to try it again
        - `"not_found"`: there is no child of that id
        - `"simple_one_for_one"`: the supervisor is of that kind

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return await _ask(supervisor, DeleteChild(child))


async def get_childspec(supervisor: ServerRef, child: Any) -> Ok[ChildSpec] | Error:
    """Return the spec of a child. Erlang's `supervisor:get_childspec/2`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.
        child: the id of the child, or its pid.

    Returns:
        `Ok(spec)`, or `Error("not_found")`: there is no such child. Under simple_one_for_one the
        pid of any process that has ended gives the spec, because the process may have been a child.

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return await _ask(supervisor, GetChildSpec(child))


async def which_children(supervisor: ServerRef) -> list[ChildInfo]:
    """List the children of a supervisor. Erlang's `supervisor:which_children/1`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.

    Returns:
        A `ChildInfo` for each child, in the order of their start (Erlang: the newest first).

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return cast("list[ChildInfo]", await call(supervisor, "which_children", timeout=inf))


async def count_children(supervisor: ServerRef) -> ChildCount:
    """Count the children of a supervisor. Erlang's `supervisor:count_children/1`.

    Args:
        supervisor: the pid of the supervisor, its registered name, or a `Via`.

    Returns:
        A `ChildCount`.

    Raises:
        CallError: the supervisor does not exist, or ended before it answered.
    """
    return cast("ChildCount", await call(supervisor, "count_children", timeout=inf))


@attrs.frozen
class StartChild(Request[Ok[Pid | None] | Error[Any]]):
    """The request of `start_child`."""

    spec: tuple[Any, ...]


@attrs.frozen
class TerminateChild(Request[Ok[None] | Error]):
    """The request of `terminate_child`."""

    child: Any


@attrs.frozen
class RestartChild(Request[Ok[Pid | None] | Error[Any]]):
    """The request of `restart_child`."""

    child: Any


@attrs.frozen
class DeleteChild(Request[Ok[None] | Error]):
    """The request of `delete_child`."""

    child: Any


@attrs.frozen
class GetChildSpec(Request[Ok[ChildSpec] | Error]):
    """The request of `get_childspec`."""

    child: Any


@attrs.frozen
class InvalidRequest:
    """The answer to a request with an invalid argument: `_ask` raises `error` in the caller."""

    error: Exception


async def _ask(supervisor: ServerRef, request: Request[T]) -> T:
    answer = await call(supervisor, request, timeout=inf)
    if isinstance(answer, InvalidRequest):
        raise answer.error
    return answer
