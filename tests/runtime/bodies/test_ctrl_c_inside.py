"""Ctrl-C while the library's own code runs waits until its tables are consistent.

Each program runs once to find the lines of the library that it executes, and then once for each of
these lines, with Ctrl-C pressed there.
"""

import signal
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import pytest
import trio

from actorsock import (
    current_pid,
    mailbox,
    ok,
    open_tcp_stream,
    receive,
    run,
    send,
    send_after,
    serve_tcp,
    sleep,
    socket,
    spawn,
    spawn_monitor,
)
from actorsock.runtime.api import messaging, opening
from actorsock.runtime.bodies import light, task
from actorsock.runtime.core import body, node, passes, process, timers
from actorsock.runtime.core.process import alive
from actorsock.socket.core import actor, registry
from actorsock.streams import serving

from ...stories import open_descriptors

Place = tuple[str, int]


class Watched:
    """Traces a program through some modules of the library, and presses Ctrl-C at one line."""

    def __init__(self, modules: tuple[ModuleType, ...], press_at: Place | None = None) -> None:
        self.files = {module.__file__ for module in modules}
        self.press_at = press_at
        self.places: dict[Place, None] = {}

    def runs(self, story: Callable[[], object]) -> None:
        """Run the program under the tracer."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        tracer = sys.gettrace()
        sys.settrace(self._calls)
        try:
            story()
        finally:
            sys.settrace(tracer)
            signal.signal(signal.SIGINT, before)

    def _calls(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._lines if frame.f_code.co_filename in self.files else None

    def _lines(self, frame: FrameType, event: str, argument: Any) -> Any:
        place = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and place not in self.places:
            self.places[place] = None
            if place == self.press_at:
                signal.raise_signal(signal.SIGINT)
        return self._lines


async def pong() -> None:
    async for sender in mailbox():
        send(sender, current_pid())


async def talks_to_a_light_process() -> None:
    other = spawn(pong, light=True)
    for _ in range(3):
        send(other, current_pid())
        await receive()
        await trio.sleep(0.001)  # long enough for trio's loop to sleep


async def sleeps() -> None:
    send_after(0.004, current_pid(), "awake")
    try:
        await sleep(0.002)
    except KeyboardInterrupt:
        # The timer of the interrupted sleep must not end this wait.
        assert await receive() == "awake"
        raise


async def owns_sockets() -> None:
    async def owner() -> None:
        for _ in range(3):
            ok(socket.open("inet", "dgram"))

    _, ref = spawn_monitor(owner)
    await receive(ref)


async def serves() -> None:
    async def echo(stream: trio.abc.HalfCloseableStream) -> None:
        while data := await stream.receive_some():
            await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        listener, *_ = await nursery.start(serve_tcp, echo, 0)
        port = ok(socket.sockname(listener.socket)).port
        async with await open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"x")
            await stream.receive_some()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("story", "modules"),
    [
        (talks_to_a_light_process, (passes, light)),
        (sleeps, (messaging, body, timers, task)),
        (owns_sockets, (actor, registry, process)),
        (serves, (serving,)),
        (owns_sockets, (opening, node)),
    ],
    ids=["light", "sleep", "sockets", "server", "opening"],
)
def test_ctrl_c_at_any_line_ends_the_program_in_good_order(
    story: Callable[[], Any], modules: tuple[ModuleType, ...]
) -> None:
    watched = Watched(modules)
    watched.runs(lambda: run(story))
    assert len(watched.places) > 20
    before = open_descriptors()
    for place in watched.places:
        pressed = Watched(modules, place)
        try:
            with pytest.raises(KeyboardInterrupt):
                pressed.runs(lambda: run(story))
        except BaseException as exc:
            exc.add_note(f"Ctrl-C at {place}")
            if place in pressed.places:
                raise
        assert (not alive, open_descriptors() - before) == (True, set()), place
