"""What `receive()` returns, before, while and after it is awaited: as a coroutine in both forms."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from actorsock import Ref, current_pid, exit, make_ref, receive, send, spawn, spawn_monitor
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.process import alive
from actorsock.testing.quiescence import at_rest

from ...stories import in_runtime
from ..forms import both_ways, drop, python_form, result_of, stepped

FORMS = [receive, getattr(receive, "__wrapped__", receive)]
both_forms = pytest.mark.parametrize("form", FORMS, ids=["native", "python"])


async def steps(light: bool) -> list[Any]:
    """Take single steps of receives inside of a process; return what there is to see."""
    log: list[Any] = []

    async def receives() -> None:
        me = current_process()

        def look(what: Any) -> None:
            log.append((what, me.body.budget, me.body.parked, me.mailbox.wanted))
            log.append([*me.mailbox.messages()])

        for message in (1, "two", 3.0):
            send(me.pid, message)
        late = receive()
        look("not awaited")
        look(stepped(late))
        look(result_of(lambda: late.send(None)))
        closed = receive()
        closed.close()
        look(result_of(lambda: closed.send(None)))
        look(result_of(lambda: receive(int).throw(KeyError("thrown"))))
        look(stepped(receive(pattern=float)))
        look(stepped(receive(str, after=0.0)))
        look(stepped(receive(after=0)))
        look(stepped(receive()))
        look(stepped(receive((int, str))))
        look(stepped(receive(make_ref())))
        broken = receive()
        broken.send(None)
        look(result_of(lambda: broken.throw(KeyboardInterrupt())))

    _, ref = spawn_monitor(receives, light=light)
    log.append((await receive(ref)).reason)
    return log


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
def test_steps_of_receives(light: bool) -> None:
    both_ways(steps, light)


WRONG: dict[str, Callable[[Any], Any]] = {
    "two patterns": lambda form: form(int, str),
    "after by place": lambda form: form(int, 1),
    "an unknown argument": lambda form: form(afterwards=1),
    "two arguments by name": lambda form: stepped(form(pattern=[], after=0)),
    "a negative time": lambda form: stepped(form(after=-1)),
    "no time": lambda form: stepped(form(after="soon")),
    "no pattern": lambda form: stepped(form(5)),
    "an async predicate": lambda form: stepped(form(lambda message: form())),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
@in_runtime
async def test_wrong_arguments(call: Callable[[Any], Any]) -> None:
    send(current_pid(), "a message")
    native, python = (result_of(partial(call, form)) for form in FORMS)
    assert native[0] is python[0]
    assert native[1].split(" at 0x")[0] == python[1].split(" at 0x")[0]


@both_forms
def test_outside_of_a_runtime(form: Any) -> None:
    awaitable = form()
    with pytest.raises(RuntimeError, match="there is no actorsock runtime here"):
        awaitable.send(None)


@both_forms
def test_one_that_is_never_awaited(form: Any) -> None:
    with pytest.warns(RuntimeWarning, match="coroutine 'receive' was never awaited"):
        drop(form())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed = form(int)
        closed.close()
        drop(closed)


@both_forms
def test_a_warning_that_is_an_error_is_reported(form: Any, monkeypatch: Any) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: seen.append(report.exc_type))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        awaitable = form()
        del awaitable
    assert seen == [RuntimeWarning]


@both_forms
@in_runtime
async def test_the_process_that_awaits_is_the_one_that_receives(form: Any) -> None:
    made: list[Any] = []

    async def other() -> None:
        send(parent, await made[0])

    parent, pid = current_pid(), spawn(other)
    made.append(form())
    send(pid, "for the other")
    assert await receive() == "for the other"


@both_forms
@in_runtime
async def test_trio_starts_it_as_a_task(form: Any) -> None:
    send(current_pid(), "for this one")
    with pytest.raises(TypeError, match=r"receive\(...\)"):
        trio.lowlevel.spawn_system_task(form())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(form)
        await at_rest(current_process().node)
        (adopted,) = (process for process in alive.values() if is_child(process, nursery))
        send(adopted.pid, "for that one")
    assert await receive() == "for this one"


def is_child(process: Any, nursery: trio.Nursery) -> bool:
    return getattr(process.body, "task", None) in nursery.child_tasks


async def woken_behind_others(light: bool, pattern: Any, messages: list[Any]) -> list[Any]:
    """Wait with a time, which the Python does for a native receive."""
    log: list[Any] = []

    async def receives() -> None:
        log.append(await receive(pattern, after=1000))
        log.append([*current_process().mailbox.messages()])

    pid, ref = spawn_monitor(receives, light=light)
    await at_rest(alive[pid].node)
    for message in messages:
        send(pid, message)
    if log == [] and not messages:
        exit(pid, "end")
    log.append((await receive(ref)).reason)
    return log


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@pytest.mark.parametrize("messages", [[1], ["a", 1], []], ids=["one", "behind another", "none"])
def test_a_wait_with_a_time(light: bool, messages: list[Any]) -> None:
    both_ways(woken_behind_others, light, int, messages)


def test_it_is_native() -> None:
    awaitable = receive(Ref)
    assert type(awaitable).__name__ == "Receiving"
    assert python_form(receive).__qualname__ == awaitable.__qualname__ == "receive"
    awaitable.close()
