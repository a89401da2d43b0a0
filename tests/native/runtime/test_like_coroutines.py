"""Every awaitable of the core refuses, ends and warns as a coroutine does, in the same words."""

import gc
import socket as stdlib
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from actorsock import current_pid, gen_tcp, gen_udp, ok, otp, receive, send, socket
from actorsock.runtime.bodies.current import current_process

from ..bodies import asked_in, each_body
from ..forms import drop, python_form, stepped


class Silent(otp.GenServer):
    """Answers what is called at once, and nothing else."""

    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        return otp.Reply(request()) if callable(request) else otp.NoReply()


class Data(list[bytes]):
    """Bytes to send, by the Python; calls `look` first."""

    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__([b"data"])
        self.look = look

    def __iter__(self) -> Iterator[bytes]:
        self.look()
        return super().__iter__()


class Things:
    """What the awaitables are made of."""

    def __init__(self, server: Any) -> None:
        self.server = server
        here, self.peer = stdlib.socketpair()
        self.stream: Any = ok(gen_tcp.fdopen(here.detach(), {"active": False}))
        self.datagrams: Any = ok(gen_udp.open(0, {"ip": "127.0.0.1", "active": False}))
        self.sock: Any = ok(socket.open("inet", "dgram"))
        ok(socket.bind(self.sock, "loopback"))


FUNCTIONS: dict[str, tuple[Any, Callable[[Any, Things], Any]]] = {
    "receive": (receive, lambda form, things: form(int)),
    "call": (otp.call, lambda form, things: form(things.server, 1)),
    "recv": (socket.recv, lambda form, things: form(things.sock)),
    "gen_tcp.send": (gen_tcp.send, lambda form, things: form(things.stream, b"data")),
    "gen_udp.send": (
        gen_udp.send,
        lambda form, things: form(things.datagrams, "127.0.0.1", 9, b"data"),
    ),
}
each_function = pytest.mark.parametrize("function", FUNCTIONS)
WAIT = ("receive", "call", "recv")

STEPS: dict[str, Callable[[Any], Any]] = {
    "send": lambda awaitable: awaitable.send(None),
    "send a value": lambda awaitable: awaitable.send(5),
    "throw": lambda awaitable: awaitable.throw(KeyError("thrown")),
    "throw a class": lambda awaitable: awaitable.throw(KeyError),
    "throw the end": lambda awaitable: awaitable.throw(StopIteration(1)),
    "throw what ends it": lambda awaitable: awaitable.throw(GeneratorExit()),
    "throw no exception": lambda awaitable: awaitable.throw(5),
    "close": lambda awaitable: awaitable.close(),
}
if sys.version_info >= (3, 12):
    # There a coroutine takes it in places for the end of what it awaits.
    del STEPS["throw the end"]
each_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)

IN_PARTS: dict[str, tuple[Any, ...]] = {
    "class and value": (KeyError, "thrown"),
    "class, value and traceback": (KeyError, "thrown", None),
    "an exception and a value": (KeyError("thrown"), "value"),
    "no traceback": (KeyError, "thrown", 5),
}


def told(call: Callable[[], object]) -> Any:
    """Return what a call raises, or returns, with what it gives as the cause."""
    try:
        return call()
    except BaseException as exc:
        names = [frame.name for frame in traceback.extract_tb(exc.__traceback__)][2:]
        return type(exc), str(exc), repr(exc.__cause__), "call" in names or "send" in names


async def compared(function: str, light: bool, story: Callable[[Any], Any]) -> None:
    """Tell the story of both forms, one after the other; it must be the same."""

    async def tells() -> None:
        native, make = FUNCTIONS[function]
        things = Things(ok(await otp.start(Silent)))
        with things.peer:
            seen = [story(partial(make, form, things)) for form in (native, python_form(native))]
        assert seen[0] == seen[1]
        gen_tcp.close_nowait(things.stream)
        gen_udp.close_nowait(things.datagrams)
        await socket.close(things.sock)
        await otp.stop(things.server)

    await asked_in(light, tells)


@contextmanager
def warned() -> Iterator[list[str]]:
    """Collect the texts of the warnings."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield texts
        gc.collect()
        texts.extend(str(warning.message) for warning in seen)


@each_step
@each_body
@each_function
async def test_before_the_first_step(function: str, light: bool, step: Any, runtime: None) -> None:
    if step is STEPS["send"]:
        return  # no error: it begins

    def story(make: Any) -> Any:
        with warned() as texts:
            awaitable = make()
            seen = [told(partial(step, awaitable))]
            if step in (STEPS["send a value"], STEPS["throw no exception"]):
                awaitable.close()  # it has not begun
            seen.append(told(partial(awaitable.send, None)))
            del awaitable
        return seen, texts

    await compared(function, light, story)


@each_step
@each_body
@each_function
async def test_after_the_end(function: str, light: bool, step: Any, runtime: None) -> None:
    def story(make: Any) -> Any:
        awaitable = make()
        return stepped(awaitable)[0], told(partial(step, awaitable))

    await compared(function, light, story)


@each_step
@each_body
@pytest.mark.parametrize("function", WAIT)
async def test_while_it_waits(function: str, light: bool, step: Any, runtime: None) -> None:
    if step in (STEPS["send"], STEPS["send a value"], STEPS["throw no exception"]):
        return  # only the runtime may resume it

    def story(make: Any) -> Any:
        process = current_process()
        awaitable = make()
        awaitable.send(None)
        seen = [told(partial(step, awaitable))]
        seen.append((process.body.parked, process.mailbox.wanted, len(process.monitors or ())))
        return [*seen, told(partial(awaitable.send, None))]

    await compared(function, light, story)


@pytest.mark.parametrize("arguments", IN_PARTS.values(), ids=IN_PARTS)
@each_body
@each_function
async def test_an_exception_in_parts(
    function: str, light: bool, arguments: Any, runtime: None
) -> None:
    def story(make: Any) -> Any:
        with warned() as texts:
            awaitable = make()
            seen = told(partial(awaitable.throw, *arguments))
            awaitable.close()
        return seen, texts

    await compared(function, light, story)


RUNNING: dict[str, Callable[[Things, Callable[[], object]], Awaitable[Any]]] = {
    "receive": lambda things, look: receive(lambda message: look() or True),  # type: ignore[func-returns-value]
    "call": lambda things, look: otp.call(things.server, look),
    "gen_tcp.send": lambda things, look: gen_tcp.send(things.stream, Data(look)),
    "gen_udp.send": lambda things, look: gen_udp.send(things.datagrams, "127.0.0.1", 9, Data(look)),
}


@each_step
@each_body
@pytest.mark.parametrize("function", RUNNING)
async def test_while_it_runs(function: str, light: bool, step: Any, runtime: None) -> None:
    async def tells() -> None:
        send(current_pid(), "a message")
        things = Things(ok(await otp.start(Silent)))
        seen: list[Any] = []
        awaitable: Any = RUNNING[function](things, lambda: seen.append(told(look)))
        look = partial(step, awaitable)

        async def coroutine() -> None:
            seen.append(told(partial(step, like)))

        like = coroutine()
        with things.peer:
            await awaitable
        await like
        assert seen[0] == seen[1]

    await asked_in(light, tells)


@each_function
async def test_one_that_nobody_awaits(function: str, runtime: None) -> None:
    def story(make: Any) -> Any:
        with warned() as texts:
            make()
            make().close()
            told(partial(make().send, 5))
            told(partial(make().throw, KeyError("thrown")))
        assert len(texts) == 2
        return texts

    await compared(function, False, story)


@each_body
@pytest.mark.parametrize("function", WAIT)
async def test_one_that_is_let_go_while_it_waits(function: str, light: bool, runtime: None) -> None:
    def story(make: Any) -> Any:
        process = current_process()
        waiting = [make()]
        waiting[0].send(None)
        drop(waiting.pop())
        return process.body.parked, process.mailbox.wanted, len(process.monitors or ())

    await compared(function, light, story)


async def test_names(runtime: None) -> None:
    def story(make: Any) -> Any:
        awaitable = make()
        awaitable.close()
        return awaitable.__name__, awaitable.__qualname__, awaitable.cr_frame, awaitable.cr_await

    for function in FUNCTIONS:
        await compared(function, False, story)


class Steps(Exception):
    """Steps `others` while it is made."""

    others: tuple[Any, ...] = ()
    seen: tuple[Any, ...] = ()

    def __init__(self) -> None:
        Steps.seen = tuple(told(partial(step, other)) for other in self.others for step in MOVES)


MOVES = STEPS["send"], STEPS["throw"], STEPS["close"]


@each_body
@each_function
async def test_one_that_is_stepped_while_an_exception_for_it_is_made(
    function: str, light: bool, runtime: None
) -> None:
    async def tells() -> None:
        things = Things(ok(await otp.start(Silent)))
        native, make = FUNCTIONS[function]
        awaitable = make(native, things)
        Steps.others = (awaitable,)
        with things.peer:
            try:
                raise KeyError  # with one that is handled, 3.11 makes it at once, too
            except KeyError:
                assert told(partial(awaitable.throw, Steps))[0] is Steps
        refused = ValueError, "coroutine already executing", "None"
        assert [seen[:3] for seen in Steps.seen] == [refused] * len(MOVES)
        assert told(partial(awaitable.send, None))[0] is RuntimeError

    await asked_in(light, tells)


# A plain function in the place of a coroutine function: only so can it return anything else.
@pytest.mark.filterwarnings("ignore:Assigning a code object:DeprecationWarning")
async def test_the_inner_one_is_held_while_it_is_asked(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inner:
        """Ends who awaits it while it is looked at."""

        def __next__(self) -> None:
            return None

        def __iter__(self) -> Any:
            return self

        def close(self) -> None:
            pass

        @property
        def cr_frame(self) -> Any:
            awaiting.pop().close()
            raise AttributeError

        def __getattr__(self, name: str) -> Any:
            return name, type(self)

    class Pattern:
        """Left to the Python."""

        inner = Inner

    awaiting: list[Any] = []
    in_python = lambda pattern, *, after: pattern.inner()  # noqa: E731
    monkeypatch.setattr(python_form(receive), "__code__", in_python.__code__)
    pattern: Any = Pattern()
    awaitable: Any = receive(pattern, after=1)
    awaitable.send(None)
    awaiting.append(awaitable)
    assert awaitable.cr_frame == ("cr_frame", Inner)
