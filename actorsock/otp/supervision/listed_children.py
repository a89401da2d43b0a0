"""The children of a supervisor that are known by their ids, in the order of their start.

The decisions are made in `rules`, which are pure; this module carries their plans out.
"""

from collections.abc import Sequence
from typing import Any

import trio

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.api.inspecting import is_alive
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Pid
from ..behaviour.lifecycle import Stop
from . import rules
from .child_process import start_and_report, stop_processes
from .child_spec import ChildSpec, SupervisorFlags, as_spec, check_significance
from .children import TryAgain
from .reports import report_end, report_giving_up
from .requests import ChildCount, ChildInfo
from .rules import Child, Family, Plan

__all__ = ["ListedChildren"]


class ListedChildren:
    """An implementation of `Children`, for all strategies but simple_one_for_one."""

    def __init__(self, flags: SupervisorFlags) -> None:
        self._family = Family(flags)

    async def begin(self, specs: Sequence[ChildSpec]) -> Stop | None:
        """Start the children of `init`, in order. Return `Stop` if one of them fails."""
        for spec in specs:
            match await self.start((spec,)):
                case Error(reason):
                    await self.stop_all()
                    return Stop(("shutdown", ("failed_to_start_child", spec.id, reason)))
        return None

    async def start(self, specs: tuple[Any, ...]) -> Ok[Pid | None] | Error:
        if len(specs) != 1:
            raise TypeError(f"spec: expected one ChildSpec, got {shown(specs)}")
        spec = as_spec(specs[0])
        check_significance(self._family.flags, spec)
        child = rules.find(self._family, spec.id)
        if child is not None:
            running = child.pid is not None
            return Error("already_started", child.pid) if running else Error("already_present")
        result = await start_and_report(spec)
        match result:
            case Ok(pid):
                # The spec of a child that does not run is kept for `restart_child`; a temporary
                # child is never restarted.
                if pid is not None or spec.restart != "temporary":
                    self._family = rules.add(self._family, spec, pid)
        return result

    async def terminate(self, id: Any) -> Ok[None] | Error:
        child = rules.find(self._family, id)
        if child is None:
            return Error("not_found")
        await _stop(child)
        self._family = rules.stopped(self._family, id)
        return Ok()

    async def restart(self, id: Any) -> Ok[Pid | None] | Error:
        child = self._idle(id)
        if isinstance(child, Error):
            return child
        result = await start_and_report(child.spec)
        match result:
            case Ok(pid):
                self._family = rules.started(self._family, id, pid)
        return result

    def delete(self, id: Any) -> Ok[None] | Error:
        child = self._idle(id)
        if isinstance(child, Error):
            return child
        self._family = rules.forget(self._family, id)
        return Ok()

    def spec(self, id: Any) -> Ok[ChildSpec] | Error:
        for child in self._family.children:
            if child.spec.id == id or (child.pid is not None and child.pid is id):
                return Ok(child.spec)
        return Error("not_found")

    def which(self) -> list[ChildInfo]:
        return [
            ChildInfo(c.spec.id, "restarting" if c.restarting else c.pid, c.spec.type)
            for c in self._family.children
        ]

    def count(self) -> ChildCount:
        children = self._family.children
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        # `is_alive`, because the end of a child that has unlinked itself remains unknown.
        active = sum(child.pid is not None and is_alive(child.pid) for child in children)
        return ChildCount(len(children), active, supervisors, len(children) - supervisors)

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        for child in self._family.children:
            if child.pid is pid:
                report_end(child.spec, pid, reason)
                family, plan = rules.child_ended(self._family, pid, reason, trio.current_time())
                return await self._carry_out(family, plan, child.spec.id)
        return None

    async def try_again(self, id: Any) -> Stop | None:
        family, plan = rules.try_again(self._family, id, trio.current_time())
        return await self._carry_out(family, plan, id)

    async def stop_all(self) -> None:
        children = self._family.children
        self._family = Family(self._family.flags)
        for child in reversed(children):
            await _stop(child)

    def _idle(self, id: Any) -> Child | Error:
        """Return the child of that id if it does not run; otherwise the error to answer with."""
        child = rules.find(self._family, id)
        if child is None:
            return Error("not_found")
        if child.restarting:
            return Error("restarting")
        return child if child.pid is None else Error("running")

    async def _carry_out(self, family: Family, plan: Plan, cause: Any) -> Stop | None:
        """Do what the rules have planned; `cause` is the id of the child that has ended."""
        self._family = family
        if plan.give_up:
            report_giving_up(cause)
            return Stop("shutdown")
        if plan.shut_down:
            return Stop("shutdown")
        for child in plan.stop:
            await _stop(child)
        for id in plan.start:
            child_to_start = rules.find(self._family, id)
            assert child_to_start is not None
            match await start_and_report(child_to_start.spec):
                case Ok(pid):
                    self._family = rules.started(self._family, id, pid)
                case Error():
                    self._family = rules.start_failed(self._family, id)
                    # The children after this one wait too: they may depend on it.
                    send(current_pid(), TryAgain(id))
                    break
        return None


async def _stop(child: Child) -> None:
    if child.pid is not None:
        await stop_processes(child.spec, [child.pid])
