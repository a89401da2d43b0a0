"""What `otp.call()` returns, before, while and after it is awaited: alike in both forms."""

import copy
import inspect
import pickle
import traceback
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from actorsock import current_pid, exit, ok, otp, receive, run, spawn, spawn_monitor
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.stacks import stack_of
from actorsock.runtime.core.process import alive
from actorsock.testing.quiescence import at_rest

from ...stories import in_runtime
from ..forms import both_ways, drop, in_python, python_form, result_of, stepped

FORMS = [otp.call, getattr(otp.call, "__wrapped__", otp.call)]
both_forms = pytest.mark.parametrize("form", FORMS, ids=["native", "python"])
both_bodies = pytest.mark.parametrize("light", [True, False], ids=["light", "task"])


class Server(otp.GenServer):
    """Answers in place, later, or never, and looks at the call that it serves."""

    waiting: otp.Caller | None = None
    served: Any = None

    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        match request:
            case "later":
                self.waiting = caller
                return otp.NoReply()
            case "end of the caller":
                exit(caller.pid, "ended by the server")
            case "crash":
                raise ValueError(request)
        return otp.Reply(request() if callable(request) else request)

    def handle_cast(self, request: Any) -> None:
        if self.waiting is not None:
            otp.reply(self.waiting, request)


async def steps(light: bool) -> list[Any]:
    """Take single steps of calls inside of a process; return what there is to see."""
    log: list[Any] = []

    async def calls() -> None:
        me, server = current_process(), ok(await otp.start(Server))

        def look(what: Any) -> None:
            log.append((what, me.body.budget, me.body.parked, me.mailbox.wanted))
            log.append((len(me.monitors or ()), len(me.aliases or ()), me.mailbox.arrivals))

        late = otp.call(server, 1)
        look("not awaited")
        look(stepped(late))
        look(result_of(lambda: late.send(None)))
        look(result_of(lambda: late.throw(KeyError("thrown"))))
        closed = otp.call(server, 2)
        closed.close()
        look(result_of(lambda: closed.send(None)))
        look(result_of(lambda: otp.call(server, 2).throw(KeyError("thrown"))))
        look(stepped(otp.call(server, (3,), 1.5)))
        look(stepped(otp.call(server, "4", timeout=float("inf"))))
        look(stepped(otp.call(server, "an int", timeout=7)))
        look(stepped(otp.call(server=server, request="by name")))
        look(stepped(otp.call(server, None)))
        look(stepped(otp.call(server, "later")))
        inside = otp.call(server, lambda: result_of(lambda: inside.send(None)))
        look(stepped(inside))
        other = otp.call(server, lambda: result_of(other.close))
        look(stepped(other))
        broken = otp.call(server, "later")
        broken.send(None)
        look(result_of(lambda: broken.throw(KeyboardInterrupt())))
        look(result_of(lambda: broken.send(None)))

    _, ref = spawn_monitor(calls, light=light)
    log.append((await receive(ref)).reason)
    return log


@both_bodies
def test_steps_of_calls(light: bool) -> None:
    both_ways(steps, light)


async def ends(light: bool, request: str) -> list[Any]:
    """Make one call; return how it ends, and what is left in the process."""
    log: list[Any] = []

    async def calls() -> None:
        me, server = current_process(), ok(await otp.start(Server))
        spawn(cast_soon, server)
        if request == "to itself":
            server = me.pid
        elif request == "to nobody":
            await otp.stop(server)
        try:
            log.append(await otp.call(server, request, 1e9))
        except otp.CallError as exc:
            log.append((str(exc.reason), exc.request, exc.function))
        log.append((len(me.monitors or ()), len(me.aliases or ())))

    async def cast_soon(server: Any) -> None:
        await at_rest(current_process().node)
        otp.cast(server, "the answer")

    _, ref = spawn_monitor(calls, light=light)
    log.append(str((await receive(ref)).reason))
    return log


@both_bodies
@pytest.mark.parametrize(
    "request_", ["in place", "later", "crash", "end of the caller", "to itself", "to nobody"]
)
def test_how_a_call_ends(light: bool, request_: str) -> None:
    both_ways(ends, light, request_)


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "no request": lambda form, server: form(server),
    "too many": lambda form, server: form(server, 1, 2, 3),
    "an unknown argument": lambda form, server: form(server, 1, seconds=1),
    "a negative time": lambda form, server: stepped(form(server, 1, -1.0)),
    "not a number": lambda form, server: stepped(form(server, 1, float("nan"))),
    "no time": lambda form, server: stepped(form(server, 1, timeout="soon")),
    "no server": lambda form, server: stepped(form(5, 1)),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
@in_runtime
async def test_wrong_arguments(call: Callable[[Any, Any], Any]) -> None:
    server = ok(await otp.start(Server))
    native, python = (result_of(lambda form=form: call(form, server)) for form in FORMS)  # type: ignore[misc]
    assert native == python
    assert native[0] in (TypeError, ValueError)


@both_forms
def test_outside_of_a_runtime(form: Any) -> None:
    pids: list[Any] = []

    async def main() -> None:
        pids.append(current_pid())

    run(main)
    with pytest.raises(RuntimeError, match="there is no actorsock runtime here"):
        form(pids[0], 1).send(None)


@both_forms
@in_runtime
async def test_one_that_is_never_awaited(form: Any) -> None:
    server = ok(await otp.start(Server))
    with pytest.warns(RuntimeWarning, match="coroutine 'call' was never awaited"):
        drop(form(server, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed = form(server, 1)
        closed.close()
        drop(closed)


@both_forms
@in_runtime
async def test_values_travel_from_the_moment_they_are_declared(form: Any) -> None:
    language = ContextVar("language", default="Latin")
    server = ok(await otp.start(Server))
    awaitable = form(server, language.get)
    language.set("Greek")
    assert await form(server, language.get) == "Latin"
    otp.travels(language)
    try:
        assert await awaitable == "Greek"
    finally:
        otp.stays(language)


@both_forms
@in_runtime
async def test_a_cancelled_task_sends_nothing(form: Any) -> None:
    server, served = ok(await otp.start(Server)), []
    with trio.CancelScope() as scope:
        scope.cancel()
        await form(server, lambda: served.append("served"))
    assert scope.cancelled_caught
    assert await form(server, lambda: len(served)) == 0


@both_forms
@both_bodies
@in_runtime
async def test_where_it_waits_is_seen(form: Any, light: bool) -> None:
    server = ok(await otp.start(Server))

    async def asks() -> None:
        await form(server, "later")

    pid = spawn(asks, light=light)
    await at_rest(alive[pid].node)
    functions = [entry.function for entry in stack_of(alive[pid])]
    inner = functions.index("call")
    assert functions[inner + 1].endswith("asks")
    assert functions[inner - 1] == "_wait_after_delivery"
    exit(pid, "kill")


@both_forms
@in_runtime
async def test_its_frame_is_in_the_traceback(form: Any) -> None:
    server = ok(await otp.start(Server))
    with pytest.raises(otp.CallError) as caught:
        await form(server, "crash")
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[1:3] == ["call", "_wait_after_delivery"]


@both_forms
@in_runtime
async def test_one_awaits_it(form: Any) -> None:
    server = ok(await otp.start(Server))
    seen: list[Any] = []
    awaitable = form(server, "later")

    async def first() -> None:
        seen.append(await awaitable)

    spawn(first)
    await at_rest(current_process().node)
    with pytest.raises(RuntimeError, match="being awaited already"):
        await awaitable
    otp.cast(server, "the answer")
    await at_rest(current_process().node)
    assert seen == ["the answer"]


REPLIES: dict[str, Callable[[], Any]] = {
    "a value": lambda: otp.Reply(1),
    "by name": lambda: otp.Reply(value=1),
    "more": lambda: otp.Reply(1, otp.Continue("more"), timeout=2),
    "nothing": lambda: otp.Reply(),  # type: ignore[call-arg]
    "too many": lambda: otp.Reply(1, None, 2),  # type: ignore[misc]
    "a wrong time": lambda: otp.Reply(1, timeout=-1),
    "a class of its own": lambda: Derived(1),
    "made again": lambda: otp.Reply.__init__(reply := otp.Reply(1), 2) or reply,
}


class Derived(otp.Reply):
    """A program's own kind of reply."""


@pytest.mark.parametrize("make", REPLIES.values(), ids=REPLIES)
def test_a_reply_is_made_alike(make: Callable[[], Any]) -> None:
    native = result_of(make)
    with in_python():
        assert result_of(make) == native


def test_the_signature_of_a_reply_is_shown() -> None:
    assert [*inspect.signature(otp.Reply).parameters] == ["value", "then", "timeout"]


@in_runtime
async def test_it_is_native() -> None:
    awaitable: Any = otp.call(current_pid(), 1)
    assert type(awaitable).__name__ == "Calling"
    assert python_form(otp.call).__qualname__ == awaitable.__qualname__ == "call"
    awaitable.close()
    assert inspect.iscoroutinefunction(otp.call)
    assert pickle.loads(pickle.dumps(otp.call)) is copy.copy(otp.call) is otp.call
