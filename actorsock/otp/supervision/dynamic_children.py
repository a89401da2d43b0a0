"""The children of a simple_one_for_one supervisor: any number of one spec, known by their pids.

They have no order and no ids, so they are kept in dicts by pid: starting, ending and finding a
child takes the same time with ten thousand of them. Of the pure rules only two apply.
"""

from collections.abc import Sequence
from typing import Any

import trio

from ...results import Error, Ok
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Pid, is_pid
from ..behaviour.lifecycle import Stop
from ..calls.protocol import Caller
from . import rules
from .child_ids import key_of
from .child_process import start_and_report, stop_processes
from .child_spec import ChildSpec, SupervisorFlags
from .children import TryAgain, may_run
from .elsewhere import Places, are_reached, tell_when_up
from .killed_children import KilledChildren
from .reports import count_restart, report_end, report_giving_up, report_waiting
from .requests import ChildCount, ChildInfo

__all__ = ["DynamicChildren"]


class DynamicChildren:
    """An implementation of `Children`, for simple_one_for_one."""

    def __init__(self, flags: SupervisorFlags, specs: Sequence[ChildSpec]) -> None:
        if len(specs) != 1:
            raise ValueError(f"children: simple_one_for_one takes one child spec, got {len(specs)}")
        self._spec = specs[0]
        self._running: dict[Pid, tuple[Any, ...]] = {}
        """The additional start arguments of each child that runs."""
        self._failed: dict[Pid, tuple[Any, ...]] = {}
        """The same for children whose restart has failed, by the pid that they had last."""
        self._places = Places()
        self._restarts = rules.Restarts(flags)
        self._killed = KilledChildren()

    async def start(self, more: tuple[Any, ...]) -> Ok[Pid | None] | Error[Any]:
        result = await start_and_report(self._spec, more)
        match result:
            case Ok(Pid() as pid):
                self._running[pid] = more
                self._places.started(self._spec, pid)
        return result

    async def terminate(self, pid: Any, caller: Caller) -> Ok[None] | Error | None:
        if not is_pid(pid):
            return Error("simple_one_for_one")
        self._failed.pop(pid, None)
        if pid in self._running:
            if pid not in self._killed:
                self._places.ended(self._spec, pid, "shutdown")
                for killed in await stop_processes(self._spec, [pid]):
                    self._killed.add(killed)
            if pid in self._killed:
                self._killed.answer_later(pid, caller)
                return None
            del self._running[pid]
        elif may_run(pid):
            return Error("not_found")  # a process, but not a child
        return Ok()

    async def restart(self, id: Any) -> Error:
        return Error("simple_one_for_one")

    def delete(self, id: Any) -> Error:
        return Error("simple_one_for_one")

    def spec(self, id: Any) -> Ok[ChildSpec] | Error:
        # Children that have ended are not remembered, so the pid of any dead process may have been
        # one of them. Erlang answers with the spec too.
        known = is_pid(id) and (id in self._running or not may_run(id))
        if known or key_of(id) == key_of(self._spec.id):
            return Ok(self._spec)
        return Error("not_found")

    def which(self) -> list[ChildInfo]:
        running = [ChildInfo(None, pid, self._spec.type) for pid in self._running]
        return running + [ChildInfo(None, "restarting", self._spec.type) for _ in self._failed]

    def count(self) -> ChildCount:
        every = len(self._running) + len(self._failed)
        supervisors = every if self._spec.type == "supervisor" else 0
        return ChildCount(1, len(self._running), supervisors, every - supervisors)

    async def ended(self, pid: Pid, reason: Any) -> Stop | None:
        more = self._running.pop(pid, None)
        if more is None:
            return None
        report_end(self._spec, pid, reason)
        nodes = self._places.ended(self._spec, pid, reason)
        if rules.after_end(self._spec.restart, reason) != "restart":
            return None
        # The first attempt is made here, by the same code as the later ones.
        self._failed[pid] = more
        if nodes:
            await self._start_again(pid, nodes)
            return None
        return await self.try_again(pid)

    async def try_again(self, pid: Pid) -> Stop | None:
        if pid not in self._failed:
            return None
        if self._restarts.count(trio.current_time()):
            report_giving_up(self._spec.id)
            return Stop("shutdown")
        count_restart()
        await self._start_again(pid, self._spec.node)
        return None

    async def node_is_up(self, pid: Pid) -> Stop | None:
        if pid in self._failed:
            await self._start_again(pid, self._spec.node)
        return None

    async def _start_again(self, pid: Pid, nodes: tuple[str, ...]) -> None:
        if not await self._waits_for_node(pid, nodes):
            match await self.start(self._failed[pid]):
                case Ok():
                    del self._failed[pid]
                case Error():
                    if not await self._waits_for_node(pid, nodes):
                        send(current_pid(), TryAgain(pid))

    async def _waits_for_node(self, pid: Pid, nodes: tuple[str, ...]) -> bool:
        """Return True if there is no node for the child now; it is started again when there is."""
        if not nodes or await are_reached(self._spec, nodes):
            return False
        report_waiting(self._spec.id, nodes)
        tell_when_up(self._spec, nodes, pid)
        return True

    def was_killed(self, pid: Pid) -> bool:
        return pid in self._killed

    async def ended_late(self, pid: Pid) -> Stop | None:
        self._killed.ended(pid)
        del self._running[pid]
        return None

    def log_again(self, pid: Pid) -> None:
        self._killed.log_again(pid)

    async def stop_all(self) -> None:
        self._failed.clear()
        pids = [pid for pid in self._running if pid not in self._killed]
        self._running.clear()
        for killed in await stop_processes(self._spec, pids):
            self._killed.add(killed)
        await self._killed.wait()
