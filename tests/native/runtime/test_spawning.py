"""Both forms of starting: the processes that they make, and what the caller is charged."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from actorsock import (
    Limit,
    Pid,
    current_pid,
    exit,
    monitor,
    ok,
    otp,
    receive,
    run,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
)
from actorsock.runtime.api import spawning
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.selective_handler import take_only
from actorsock.runtime.core.process import Process, alive
from actorsock.testing.quiescence import at_rest
from actorsock.trace.sessions.running import record_steps

from ..forms import both_ways, shown, slots_of


async def answers(number: int) -> None:
    if number > 1:
        raise ValueError(number)


def plainly(number: int) -> None:
    pass


ARGUMENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "light": ((answers, 1), {"light": True}),
    "task": ((answers, 1), {}),
    "one that crashes": ((answers, 2), {"light": True}),
    "a task that crashes": ((answers, 2), {"light": False}),
    "of a name": ((answers, 1), {"name": "named", "light": True}),
    "of a limited mailbox": ((answers, 1), {"max_mailbox": Limit(3, "drop_new")}),
    "light by a number": ((answers, 1), {"light": 1}),
    "with every option": ((answers, 1), {"max_mailbox": None, "name": None, "light": True}),
    "with an option that there is not": ((answers, 1), {"light": True, "heavy": True}),
    "no function": ((5,), {}),
    "a plain function": ((plainly, 1), {"light": True}),
    "a plain function in a task": ((plainly, 1), {}),
    "arguments that are too few": ((answers,), {"light": True}),
    "an object that is no name": ((answers, 1), {"name": 5}),
}
STARTS: dict[str, Callable[..., Any]] = {
    "spawn": spawn,
    "spawn_link": spawn_link,
    "spawn_monitor": spawn_monitor,
}
PARTS = (
    "name",
    "trapping",
    "ending",
    "reason",
    "links",
    "watchers",
    "monitors",
    "label",
    "calling",
)


def state_of(process: Process, parent: Process) -> list[Any]:
    own = slots_of(process.body)
    return [
        process.parent is parent.pid,
        process.node is parent.node,
        shown(process, PARTS),
        [name for name in own if not hasattr(process.body, name)],
        [type(process.body), process.body.budget, process.body.floor, process.body.parked],
    ]


async def started(start: str, case: str, light: bool) -> list[Any]:
    """Start a process from one of each kind of body; return what there is to see of both."""
    args, keywords = ARGUMENTS[case]
    log: list[Any] = []

    async def starts() -> None:
        trap_exit(True)
        me = current_process()
        others = set(alive)
        try:
            STARTS[start](*args, **keywords)
        except Exception as exc:
            log.append(repr(exc).split(" at 0x")[0])
        log.append(me.body.budget)
        log.extend(state_of(process, me) for pid, process in alive.items() if pid not in others)
        await receive(after=0 if start == "spawn" or case in WRONG else 10)

    _, ref = spawn_monitor(starts, light=light)
    log.append(str((await receive(ref)).reason))
    await at_rest(current_process().node)
    log.append(len(alive))
    return log


WRONG = ("with an option that there is not", "no function", "an object that is no name")


@pytest.mark.parametrize("light", [True, False], ids=["by a light process", "by a task"])
@pytest.mark.parametrize("case", ARGUMENTS)
@pytest.mark.parametrize("start", STARTS)
def test_starts(start: str, case: str, light: bool) -> None:
    both_ways(started, start, case, light)


async def started_by_others() -> list[Any]:
    """Start by a handler, by a server in place, and by a process that is traced or told of."""
    log: list[Any] = []
    parents: list[Any] = []

    def starts(message: Any) -> None:
        parents.append(current_pid())
        spawn(keeps, light=True)

    async def keeps() -> None:
        me = current_process()
        log.append((me.parent in parents, me.body.budget))

    class Starting(otp.GenServer):
        def handle_call(self, request: Any, caller: Any) -> otp.Reply:
            return otp.Reply(starts(request))

    node = current_process().node
    handler = spawn_handler(starts)
    alive[handler].deliver("start")
    server = ok(await otp.start(Starting))
    await otp.call(server, "start")
    node.started = lambda process: log.append(("told of", process.parent is current_pid()))
    spawn(keeps)
    node.started = None
    await at_rest(node)
    log.append(alive[handler].body.budget)
    node.closing = True
    for start in STARTS.values():
        with pytest.raises(RuntimeError, match="is being left"):
            start(keeps, light=True)
    node.closing = False
    log.append(current_process().body.budget)
    log.append(len(alive))
    await otp.stop(server)
    return log


def test_starts_that_the_python_makes() -> None:
    both_ways(started_by_others)


class Named:
    async def __call__(self, names: list[str]) -> None:
        names.append(trio.lowlevel.current_task().name.split(" at 0x")[0])


async def names_of_tasks() -> list[str]:
    """Return the name that trio has for the task of each function, some of which change theirs."""
    names: list[str] = []

    async def one(names: list[str]) -> None:
        await Named()(names)

    async def another(names: list[str]) -> None:
        await Named()(names)

    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: setattr(one, "__qualname__", "renamed"),
        lambda: setattr(one, "__module__", "moved"),
        lambda: setattr(one, "__module__", None),
    ]
    for change in changes:
        change()
        for function in (one, one, another, partial(one), Named(), Named().__call__):
            _, ref = spawn_monitor(function, names)
            await receive(ref)
    return names


def test_the_names_of_tasks() -> None:
    both_ways(names_of_tasks)


class Protected(trio.abc.Instrument):
    """Notes for each task that is started whether Ctrl-C waits meanwhile."""

    def __init__(self) -> None:
        self.found: list[bool] = []

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.found.append(trio.lowlevel.currently_ki_protected())


async def protected_starts(light: bool) -> list[bool]:
    protected = Protected()

    async def starts() -> None:
        assert not trio.lowlevel.currently_ki_protected()
        trio.lowlevel.add_instrument(protected)
        spawn(answers, 1)
        spawn_link(answers, 1)
        trio.lowlevel.remove_instrument(protected)

    _, ref = spawn_monitor(starts, light=light)
    await receive(ref)
    return protected.found


@pytest.mark.parametrize("light", [True, False], ids=["by a light process", "by a task"])
def test_ctrl_c_waits_until_a_task_is_started(light: bool) -> None:
    both_ways(protected_starts, light)
    assert run(protected_starts, light) == [True, True]


def as_it_is(process: Process) -> None:
    pass


def recorded(process: Process) -> None:
    record_steps(process, True)


def selective(process: Process) -> None:
    take_only(process.body, lambda message: False)


@pytest.mark.parametrize(
    ("start", "change"),
    [
        (lambda: spawning.spawn(receive), as_it_is),
        (lambda: spawning.spawn(receive, light=True), as_it_is),
        (lambda: spawning.spawn_handler(print), as_it_is),
        (lambda: spawning.spawn_handler(print), recorded),
        (lambda: spawning.spawn_handler(print), selective),
    ],
    ids=["task", "light", "handler", "recorded", "selective"],
)
async def test_the_collector_sees_a_process_that_has_ended(
    runtime: object, start: Callable[[], Pid], change: Callable[[Process], None]
) -> None:
    process = alive[start()]
    parts = (process, process.body, process.mailbox)
    assert not any(gc.is_tracked(part) for part in parts)
    change(process)
    ref = monitor(process.pid)
    exit(process.pid, "kill")
    await receive(ref)
    assert all(gc.is_tracked(part) for part in parts)


def test_it_is_native() -> None:
    assert type(spawning._spawn).__name__ == type(spawning.spawn).__name__ == "Twin"
