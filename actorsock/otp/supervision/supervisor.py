"""`Supervisor`: a process that starts child processes and restarts them. Erlang's `supervisor`.

A supervisor runs as a `GenServer` (`SupervisorServer`), as in Erlang, so it is started, stopped
and named like one. This module checks what `init` returns and dispatches the messages; the work is
done in `listed_children` and `dynamic_children`.
"""

from collections.abc import Awaitable
from typing import Any, Final

from ...arguments import shown
from ...runtime.api.linking import trap_exit
from ...runtime.core.identity import is_pid
from ...runtime.core.messages import Down, Exit
from ..behaviour.base import Behaviour
from ..behaviour.engine import Looping
from ..behaviour.lifecycle import Ignore
from ..calls.protocol import Caller, Cast
from ..server import rules as server_rules
from ..server.gen_server import GenServer
from ..server.outcomes import NoReply, Reply
from .child_spec import ChildSpec, SupervisorFlags, as_flags, as_spec, check_significance
from .children import Children, TryAgain
from .dynamic_children import DynamicChildren
from .elsewhere import NodeIsUp
from .killed_children import StillThere
from .listed_children import ListedChildren
from .requests import (
    ChildInfo,
    DeleteChild,
    GetChildSpec,
    InvalidRequest,
    RestartChild,
    StartChild,
    TerminateChild,
)

__all__ = ["Supervisor", "SupervisorServer"]


class Supervisor(Behaviour):
    """A supervisor: use the class itself, or derive from it and write `init`.

    Erlang's `supervisor`. `start_link(Supervisor, children, flags)` needs no class of your own.

    The children are started in the order of the list, before `start_link` returns, and stopped in
    the reverse order when the supervisor ends. If one of them fails to start, those before it are
    stopped, and `start_link` returns `Error(("shutdown", ("failed_to_start_child", id, reason)))`.
    A child that ends by itself is restarted as its `ChildSpec` and the `SupervisorFlags` say. After
    too many restarts the supervisor stops all children and ends with `"shutdown"`.

    Example::

        class Shop(otp.Supervisor):
            def init(self, start):
                till = ChildSpec("till", otp.start_link, (Till, start))
                return SupervisorFlags("one_for_one", intensity=3, period=10), [till]

        shop = ok(await otp.start_link(Shop, 100))
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Return the flags and the children. Erlang's `Module:init/1`. May be async.

        The default is for `start_link(Supervisor, children, flags)`: it takes the list of the
        children, and optionally the flags, and returns them.

        Args:
            *args: the arguments of `start` or `start_link`.
            **kwargs: none are passed by `start`; for subclasses that call each other's `init`.

        Returns:
            - `(flags, children)`: a `SupervisorFlags` and a list of `ChildSpec`s, or dicts of the
              same keys. Anything invalid crashes the supervisor with `TypeError` or `ValueError`
            - `Ignore()`: `start` returns `Error("ignore")`, and the process ends with `"normal"`
        """
        children, flags = _children_and_flags(*args, **kwargs)
        return flags, children

    @classmethod
    def _engine(cls) -> Looping:
        server = SupervisorServer(cls())
        return Looping(cls, server, server_rules.step, server_rules.Fresh())


def _children_and_flags(children: Any = (), flags: Any = None) -> tuple[Any, Any]:
    return children, SupervisorFlags() if flags is None else flags


class SupervisorServer(GenServer):
    """The server that a supervisor runs as. Only `init` is the program's code."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def init(self, *args: Any) -> Any:
        trap_exit(True)  # the ends of children come as messages, in line with the requests
        result = self._supervisor.init(*args)
        if isinstance(result, Awaitable):
            result = await result
        if isinstance(result, Ignore):
            return result
        flags, specs = _checked(result)
        self._children: Children
        if flags.strategy == "simple_one_for_one":
            self._children = DynamicChildren(flags, specs)
            return None
        self._children = listed = ListedChildren(flags)
        return await listed.begin(specs)

    async def handle_call(self, request: Any, caller: Caller) -> Reply | NoReply:
        children = self._children
        try:
            match _plain(request):
                case StartChild(spec):
                    return Reply(await children.start(spec))
                case TerminateChild(child):
                    result = await children.terminate(child, caller)
                    return NoReply() if result is None else Reply(result)
                case RestartChild(child):
                    return Reply(await children.restart(child))
                case DeleteChild(child):
                    return Reply(children.delete(child))
                case GetChildSpec(child):
                    return Reply(children.spec(child))
                case str("which_children"):
                    return Reply(children.which())
                case str("count_children"):
                    return Reply(children.count())
        except (TypeError, ValueError) as error:
            return Reply(InvalidRequest(error))
        unknown = ValueError(f"request: not one to a supervisor: {shown(request)}")
        return Reply(InvalidRequest(unknown))

    def handle_cast(self, request: Any) -> Any:
        return super().handle_info(Cast(request))  # sent by mistake: it is logged

    async def handle_info(self, message: Any) -> Any:
        match _plain(message):
            case Exit(pid, reason) if is_pid(pid):
                return await self._children.ended(pid, reason)
            case TryAgain(child):
                return await self._children.try_again(child)
            case NodeIsUp(child):
                return await self._children.node_is_up(child)
            case Down(pid=pid) if is_pid(pid) and self._children.was_killed(pid):
                return await self._children.ended_late(pid)
            case StillThere(pid):
                return self._children.log_again(pid)
        return super().handle_info(message)

    async def terminate(self, reason: Any) -> None:
        await self._children.stop_all()

    def which(self) -> list[ChildInfo]:
        """Return the children; for those who look at the process from outside."""
        children: Children | None = getattr(self, "_children", None)  # None until `init` is over
        return [] if children is None else children.which()

    def format_status(self) -> Any:
        return {"children": self._children.which()}


_KNOWN: Final = (
    *(StartChild, TerminateChild, RestartChild, DeleteChild, GetChildSpec, str),
    *(Exit, TryAgain, Down, StillThere, NodeIsUp),
)


def _plain(message: Any) -> Any:
    """Return `message` if it is of a type that a supervisor knows, else None.

    `match` asks an object for its `__class__`, which may be the program's code and raise.
    """
    return message if type(message) in _KNOWN else None


def _checked(result: Any) -> tuple[SupervisorFlags, list[ChildSpec]]:
    """Check and convert the result of `init`."""
    match result:
        case (flags, list() | tuple() as children):
            flags = as_flags(flags)
            specs = [as_spec(child) for child in children]
        case _:
            raise TypeError(
                f"init: expected (flags, list of children) or Ignore, got {shown(result)}"
            )
    ids = set()
    for spec in specs:
        if spec.id in ids:
            raise ValueError(f"children: two of them have the id {shown(spec.id)}")
        check_significance(flags, spec)
        ids.add(spec.id)
    return flags, specs
