"""The children of a supervisor that are known by their ids, in the order of their start.

The decisions are made in `rules`, which are pure; this module carries their plans out.
"""

from collections.abc import Sequence
from typing import Any

import trio

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Pid, is_pid
from ..behaviour.lifecycle import Stop
from ..calls.protocol import Caller
from .child_process import EarlierEnds, start_and_report, stop_processes
from .child_spec import ChildSpec, SupervisorFlags, checked_spec
from .children import TryAgain, may_run
from .elsewhere import Places, are_reached, tell_when_up
from .killed_children import KilledChildren
from .reports import count_restart, report_end, report_giving_up, report_waiting
from .requests import ChildCount, ChildInfo
from .rules import Child, Family, Plan

__all__ = ["ListedChildren"]


class ListedChildren:
    """An implementation of `Children`, for all strategies but simple_one_for_one."""

    def __init__(self, flags: SupervisorFlags) -> None:
        self._family = Family(flags)
        self._killed = KilledChildren()
        self._places = Places()
        self._put_off: dict[Any, None] = {}
        """The keys of children whose restart waits for the end of a killed one."""

    async def begin(self, specs: Sequence[ChildSpec]) -> Stop | None:
        """Start the children of `init`, in order. Return `Stop` if one of them fails."""
        for spec in specs:
            match await self.start((spec,)):
                case Error(reason):
                    await self.stop_all()
                    return Stop(("shutdown", ("failed_to_start_child", spec.id, reason)))
        return None

    async def start(self, specs: tuple[Any, ...]) -> Ok[Pid | None] | Error[Any]:
        if len(specs) != 1:
            raise TypeError(f"spec: expected one ChildSpec, got {shown(specs)}")
        spec = checked_spec(self._family.flags, specs[0])
        child = Child(spec)
        former = self._family.find(child.key)
        if former is not None:
            running = former.pid is not None
            return Error("already_started", former.pid) if running else Error("already_present")
        result = await start_and_report(spec)
        match result:
            case Ok(pid):
                # The spec of a child that does not run is kept for `restart_child`; a temporary
                # child is never restarted.
                if pid is not None or spec.restart != "temporary":
                    self._family.add(child, pid)
                    self._places.started(spec, pid)
        return result

    async def terminate(self, id: Any, caller: Caller) -> Ok[None] | Error | None:
        child = self._family.find(id)
        if child is None:
            return Error("not_found")
        if not await self._stop(child, EarlierEnds()):
            assert child.pid is not None
            self._killed.answer_later(child.pid, caller)
            return None
        return Ok()

    async def restart(self, id: Any) -> Ok[Pid | None] | Error[Any]:
        child = self._idle(id)
        if isinstance(child, Error):
            return child
        result = await start_and_report(child.spec)
        match result:
            case Ok(pid):
                self._started(child, pid)
        return result

    def delete(self, id: Any) -> Ok[None] | Error:
        child = self._idle(id)
        if isinstance(child, Error):
            return child
        self._family.forget(child.key)
        return Ok()

    def spec(self, id: Any) -> Ok[ChildSpec] | Error:
        child = self._family.find(id)
        if child is None and is_pid(id):
            child = self._family.with_pid(id)
        return Error("not_found") if child is None else Ok(child.spec)

    def which(self) -> list[ChildInfo]:
        return [
            ChildInfo(c.spec.id, "restarting" if c.restarting else c.pid, c.spec.type)
            for c in self._family
        ]

    def count(self) -> ChildCount:
        children = self._family
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        # `may_run`, because the end of a child that has unlinked itself remains unknown.
        active = sum(child.pid is not None and may_run(child.pid) for child in children)
        return ChildCount(len(children), active, supervisors, len(children) - supervisors)

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        child = self._family.with_pid(pid)
        if child is None or pid in self._killed:
            return None  # of a killed child the `Down` is handled, by `ended_late`
        report_end(child.spec, pid, reason)
        nodes = self._places.ended(child.spec, pid, reason)
        plan = self._family.child_ended(pid, reason, trio.current_time(), not nodes)
        if plan.start:
            count_restart()
        return await self._carry_out(plan, child.key, nodes)

    async def node_is_up(self, id: Any) -> Stop | None:
        plan = self._family.resume(id)
        return await self._carry_out(plan, id)

    async def try_again(self, id: Any) -> Stop | None:
        plan = self._family.try_again(id, trio.current_time())
        if plan.start:
            count_restart()
        return await self._carry_out(plan, id)

    def was_killed(self, pid: Pid) -> bool:
        return pid in self._killed

    async def ended_late(self, pid: Pid) -> Stop | None:
        child = self._family.with_pid(pid)
        assert child is not None
        self._family.stopped(child.key)
        self._killed.ended(pid)
        put_off, self._put_off = self._put_off, {}
        for id in put_off:
            # If another child is still there, `_carry_out` puts the restart off again. It never
            # returns `Stop` here: the restart was counted when the child ended.
            await self._carry_out(self._family.resume(id), id)
        return None

    def log_again(self, pid: Pid) -> None:
        self._killed.log_again(pid)

    async def stop_all(self) -> None:
        earlier = EarlierEnds()
        for child in list(reversed(self._family)):
            await self._stop(child, earlier)
        self._family.clear()
        await self._killed.wait()

    def _idle(self, id: Any) -> Child | Error:
        """Return the child of that id if it does not run; otherwise the error to answer with."""
        child = self._family.find(id)
        if child is None:
            return Error("not_found")
        if child.restarting:
            return Error("restarting")
        return child if child.pid is None else Error("running")

    def _started(self, child: Child, pid: Pid | None) -> None:
        self._family.started(child.key, pid)
        self._places.started(child.spec, pid)

    async def _carry_out(self, plan: Plan, cause: Any, nodes: tuple[str, ...] = ()) -> Stop | None:
        """Do what the rules have planned; `cause` is the key of the child that has ended.

        It was lost with its node if there are `nodes`, on one of which it can be started again.
        """
        if plan.give_up:
            ended = self._family.find(cause)
            assert ended is not None
            report_giving_up(ended.spec.id)
            return Stop("shutdown")
        if plan.shut_down:
            return Stop("shutdown")
        earlier = EarlierEnds()
        all_stopped = True
        for child in plan.stop:
            all_stopped = await self._stop(child, earlier) and all_stopped
        if not all_stopped:
            # The children are started together or not at all, so the rest waits for `ended_late`.
            self._family.start_failed(cause)
            self._put_off[cause] = None
            return None
        found = [self._family.find(id) for id in plan.start]
        to_start = [child for child in found if child is not None]
        # Before any is started: those of a plan belong together.
        if await self._waits_for_node(cause, to_start, nodes):
            return None
        for child in to_start:
            match await start_and_report(child.spec):
                case Ok(pid):
                    self._started(child, pid)
                case Error():
                    # The children after this one wait too: they may depend on it.
                    if not await self._waits_for_node(child.key, [child]):
                        self._family.start_failed(child.key)
                        send(current_pid(), TryAgain(child.key))
                    break
        return None

    async def _waits_for_node(
        self, cause: Any, children: Sequence[Child], nodes: tuple[str, ...] = ()
    ) -> bool:
        """Return True if one of these children has no node now; the start of all waits for it."""
        for child in children:
            wanted = child.spec.node or (nodes if child.key == cause else ())
            if wanted and not await are_reached(child.spec, wanted):
                report_waiting(child.spec.id, wanted)
                self._family.start_failed(cause)
                tell_when_up(child.spec, wanted, cause)
                return True
        return False

    async def _stop(self, child: Child, earlier: EarlierEnds) -> bool:
        """Stop a child; return False if it does not end, although it was killed."""
        if child.pid in self._killed:
            return False
        if child.pid is not None:
            self._places.ended(child.spec, child.pid, "shutdown")
            for killed in await stop_processes(child.spec, [child.pid], earlier):
                self._killed.add(killed)
                return False
        self._family.stopped(child.key)
        return True
