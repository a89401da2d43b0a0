"""`Supervisor`: a process that starts others and starts them again; Erlang's `supervisor`.

What to do is decided by `supervision_rules`; `listed_children` and `dynamic_children` do it. A
supervisor is a server like any other, so starting, stopping and naming it are what they are for
a `GenServer`.
"""

from collections.abc import Awaitable
from typing import Any

from ...arguments import shown
from ...runtime.api.linking import trap_exit
from ...runtime.core.messages import Exit
from ..behaviour.base import Behaviour
from ..behaviour.engine import Looping
from ..behaviour.outcomes import Ignore, Reply
from ..calls.protocol import Caller
from ..server import rules as server_rules
from ..server.gen_server import GenServer
from .child_spec import ChildSpec, SupervisorFlags, as_flags, as_spec, check_significance
from .children import Children, TryAgain
from .dynamic_children import DynamicChildren
from .listed_children import ListedChildren
from .requests import DeleteChild, GetChildSpec, RestartChild, StartChild, TerminateChild, Wrong

__all__ = ["Supervisor"]


class Supervisor(Behaviour):
    """`start_link(Supervisor, children, flags)`, or derive from it and write `init`."""

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Called with the arguments of `start`: `(flags, children)`, or `Ignore()`.

        The children are started in the order of the list and stopped in the reverse order. As
        it stands, it takes the list and, if wanted, the flags.
        """
        children, flags = _two(*args, **kwargs)
        return flags, children

    @classmethod
    def _engine(cls) -> Looping:
        server = _SupervisorServer(cls())
        return Looping(cls, server, server_rules.step, server_rules.Fresh())


def _two(children: Any = (), flags: Any = None) -> tuple[Any, Any]:
    return children, SupervisorFlags() if flags is None else flags


class _SupervisorServer(GenServer):
    """What all supervisors are: only `init` is the program's."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def init(self, *args: Any) -> Any:
        trap_exit(True)
        result = self._supervisor.init(*args)
        if isinstance(result, Awaitable):
            result = await result
        if isinstance(result, Ignore):
            return result
        flags, specs = _checked(result)
        self._brood: Children
        if flags.strategy == "simple_one_for_one":
            self._brood = DynamicChildren(flags, specs)
            return None
        self._brood = listed = ListedChildren(flags)
        return await listed.begin(specs)

    async def handle_call(self, request: Any, caller: Caller) -> Reply:
        brood = self._brood
        try:
            match request:
                case StartChild(spec):
                    return Reply(await brood.start(spec))
                case TerminateChild(child):
                    return Reply(await brood.terminate(child))
                case RestartChild(child):
                    return Reply(await brood.restart(child))
                case DeleteChild(child):
                    return Reply(brood.delete(child))
                case GetChildSpec(child):
                    return Reply(brood.spec(child))
                case str("which_children"):
                    return Reply(brood.which())
                case str("count_children"):
                    return Reply(brood.count())
        except (TypeError, ValueError) as mistake:
            return Reply(Wrong(mistake))
        return Reply(Wrong(ValueError(f"request: not one to a supervisor: {shown(request)}")))

    async def handle_info(self, message: Any) -> Any:
        match message:
            case Exit(pid, reason):
                return await self._brood.ended(pid, reason)
            case TryAgain(child):
                return await self._brood.try_again(child)
        return super().handle_info(message)

    async def terminate(self, reason: Any) -> None:
        await self._brood.stop_all()

    def format_status(self) -> Any:
        return {"children": self._brood.which()}


def _checked(result: Any) -> tuple[SupervisorFlags, list[ChildSpec]]:
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
            raise ValueError(f"children: two of them have the id {spec.id!r}")
        check_significance(flags, spec)
        ids.add(spec.id)
    return flags, specs
