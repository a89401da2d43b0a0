"""Performing scenarios on actorsock, in the same steps as `interpreter.erl` on Erlang."""

import inspect
from typing import Any

import attrs
import trio
import trio.testing

import actorsock
from actorsock import Down, Ok, Pid, Select, Timeout, open_runtime, process_info, receive

from ..notation import Act, Pause, Scenario, Step, Wait, actors_of
from .acting import DIRECTOR, OPERATIONS, Order, Unbound, resolve

__all__ = ["Seen", "Skipped", "perform"]


@attrs.frozen
class Seen:
    """The observations after one step, with the values of the side that made them."""

    returned: list[tuple[str, Any]]
    mailboxes: list[tuple[str, list[Any]]]
    ended: list[tuple[str, Any]]


@attrs.frozen
class Skipped:
    """The step was not performed: its actor is busy or has ended, or a name has no value."""


@attrs.frozen
class _Order(Order):
    op: str
    args: tuple[Any, ...]
    options: dict[str, Any]


class _Crash(Exception):
    """The exception of an actor that is ordered to crash."""


@attrs.define
class _Scene:
    cushion: float
    tmp: str
    light: bool
    pids: dict[str, Pid] = attrs.field(factory=dict)
    busy: dict[str, Act] = attrs.field(factory=dict)
    values: dict[str, Any] = attrs.field(factory=dict)
    returned: list[tuple[str, Any]] = attrs.field(factory=list)
    ended: list[tuple[str, Any]] = attrs.field(factory=list)
    new: list[Pid] = attrs.field(factory=list)
    """Actors that the director does not monitor yet."""
    idle: trio.Event = attrs.field(factory=trio.Event)

    def join(self, name: str, pid: Pid) -> None:
        self.pids[name] = self.values[name] = pid
        self.new.append(pid)

    def done(self, name: str, result: Any) -> None:
        act = self.busy.pop(name)
        self.returned.append((name, result))
        found = _payload(result, several=len(act.targets) > 1)
        self.values.update(zip(act.targets, found, strict=False))
        self.idle.set()


def perform(
    scenario: Scenario, tmp: str, cushion: float, light: bool
) -> tuple[dict[str, Pid], list[Seen | Skipped]]:
    """Return the pids of the actors that exist from the start, and the observations."""
    return trio.run(_perform, scenario, tmp, cushion, light)


async def _perform(
    scenario: Scenario, tmp: str, cushion: float, light: bool
) -> tuple[dict[str, Pid], list[Seen | Skipped]]:
    async with open_runtime():
        DIRECTOR.set(actorsock.current_pid())
        scene = _Scene(cushion, tmp, light)
        for name in actors_of(scenario.steps):
            scene.join(name, actorsock.spawn(_actor, scene, light=light))
        pids = dict(scene.pids)
        await _quiet(scene)
        seen = [await _step(scene, step) for step in scenario.steps]
        for pid in scene.pids.values():
            actorsock.exit(pid, "kill")
        return pids, seen


async def _step(scene: _Scene, step: Step) -> Seen | Skipped:
    match step:
        case Act(name, op, args, options):
            pid = scene.pids.get(name)
            if pid is None or name in scene.busy or not actorsock.is_alive(pid):
                return Skipped()
            try:
                given = tuple(resolve(arg, scene.values, scene.tmp) for arg in args)
                chosen = {k: resolve(v, scene.values, scene.tmp) for k, v in options.items()}
            except Unbound:
                return Skipped()
            scene.busy[name] = step
            actorsock.send(pid, _Order(op, given, chosen))
            if step.is_quick:
                await _wait_for(scene, name)
                return _look(scene)
            if step.awaited:
                await _wait_for(scene, name)
            elif op == "close":
                # A close that lingers waits in a thread, of which trio does not know.
                await _wait_for(scene, name, 0.2)
        case Wait(name):
            await _wait_for(scene, name)
        case Pause(seconds):
            await trio.sleep(seconds)
    await _quiet(scene)
    return _look(scene)


async def _wait_for(scene: _Scene, name: str, seconds: float = 10) -> None:
    with trio.move_on_after(seconds):
        while name in scene.busy:
            scene.idle = trio.Event()
            await scene.idle.wait()


def _look(scene: _Scene) -> Seen:
    seen = Seen(scene.returned, _mailboxes(scene), scene.ended)
    scene.returned, scene.ended = [], []
    return seen


async def _quiet(scene: _Scene) -> None:
    await trio.testing.wait_all_tasks_blocked(scene.cushion)
    while scene.new:
        actorsock.monitor(scene.new.pop())
    names = {pid: name for name, pid in scene.pids.items()}
    while not isinstance(down := await receive(Down, after=0), Timeout):
        assert isinstance(down.pid, Pid)
        name = names[down.pid]
        scene.busy.pop(name, None)
        scene.ended.append((name, down.reason))


def _mailboxes(scene: _Scene) -> list[tuple[str, list[Any]]]:
    infos = [(name, process_info(pid, ["messages"])) for name, pid in scene.pids.items()]
    return [
        (name, [message for message in info["messages"] if not isinstance(message, Order)])
        for name, info in infos
        if info is not None
    ]


async def _actor(scene: _Scene) -> None:
    while True:
        order = await receive(_Order)
        name = _name_of(scene)
        match order:
            case _Order("exit", (reason,)):
                actorsock.exit(reason)
            case _Order("crash"):
                raise _Crash
            case _Order("finish"):
                return
        try:
            result = await _do(scene, order)
        except Exception as exc:  # a result like any other: it is compared
            result = exc
        scene.done(name, result)


async def _do(scene: _Scene, order: _Order) -> Any:
    if order.op in ("spawn", "spawn_link", "spawn_monitor"):
        made = getattr(actorsock, order.op)(_actor, scene, light=scene.light)
        name = scene.busy[_name_of(scene)].targets[0]
        scene.join(name, made[0] if isinstance(made, tuple) else made)
        return made
    result = OPERATIONS[order.op](*order.args, **order.options)
    return await result if inspect.isawaitable(result) else result


def _name_of(scene: _Scene) -> str:
    return next(name for name, pid in scene.pids.items() if pid is actorsock.current_pid())


def _payload(result: Any, several: bool) -> list[Any]:
    match result:
        case Select(info, data):
            return [info, data]
        case Ok(value):
            pass
        case actorsock.Error() | None | BaseException():
            return []
        case _:
            value = result
    if value is None:
        return []
    return list(value) if several and isinstance(value, tuple) else [value]
