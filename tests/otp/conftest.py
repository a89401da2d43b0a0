"""Fixtures and helpers of the tests of behaviours."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Pid,
    ProcessExit,
    Timeout,
    current_pid,
    exit,
    ok,
    otp,
    process_info,
    receive,
    send,
    spawn,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.running import by_task
from actorsock.runtime.core.process import aliased, alive

from ..stories import nothing_is_left_behind

__all__ = [
    "Awkward",
    "Starter",
    "Tables",
    "error_text",
    "failure",
    "in_body",
    "kind",
    "messages",
    "nothing_is_left_behind",
    "start",
    "start_with_parent",
    "tables",
]

Tables = Callable[[], Any]


@pytest.fixture
def tables() -> Tables:
    """Returns the contents of every table of the runtime, and of the calling process."""

    def held() -> Any:
        me = current_process()
        node = me.node
        return (
            (set(alive), set(by_task), set(aliased), dict(node.names), dict(node.pending)),
            (len(node.timers), len(node.run_queue._ready), len(node.passes.ready)),
            [list(t or ()) for t in (me.links, me.monitors, me.watchers, me.timers, me.aliases)],
            (me.mailbox.messages(), dict(me.mailbox._by_ref or {})),
        )

    return held


class Awkward:
    """An exit reason, which may be any object, that can't be compared with anything."""

    def __eq__(self, other: object) -> bool:
        raise LookupError("not comparable")

    __hash__ = object.__hash__


class Starter(Protocol):
    """`ok(await otp.start(...))`, for a class with plain callbacks, in the body of the test."""

    async def __call__(self, behaviour: type[Any], *args: Any, **keywords: Any) -> Pid: ...


@pytest.fixture(params=["handler", "task", "light"])
def kind(request: pytest.FixtureRequest) -> str:
    """The body of the behaviour's process. The semantics are the same in all of them."""
    return request.param


@pytest.fixture
def in_body(runtime: None, kind: str) -> Any:
    """Returns a class that runs in the body of the test, and the keywords for its start."""

    def body(behaviour: type[Any]) -> tuple[type[Any], dict[str, Any]]:
        if kind == "handler":
            return behaviour, {}

        class Waiting(behaviour):
            async def init(self, *args: Any) -> Any:
                return behaviour.init(self, *args)

        return Waiting, {"light": kind == "light"}

    return body


@pytest.fixture
def start(kind: str, in_body: Any) -> Starter:
    async def start(behaviour: type[Any], *args: Any, **keywords: Any) -> Pid:
        behaviour, more = in_body(behaviour)
        pid = ok(await otp.start(behaviour, *args, **more, **keywords))
        assert process_info(pid).kind == kind
        return pid

    return start


async def start_with_parent(behaviour: type[Any], *args: Any, **keywords: Any) -> tuple[Pid, Pid]:
    """Do `start_link` in a new process; return this parent, and the pid of the behaviour.

    The parent ends with the reason that it is sent as a message.
    """
    test = current_pid()

    async def parent() -> None:
        send(test, ok(await otp.start_link(behaviour, *args, **keywords)))
        exit(await receive())

    return spawn(parent), await receive(Pid)


async def failure(call: Awaitable[Any]) -> Any:
    """Return the reason of the `ProcessExit` that `call` raises."""
    with pytest.raises(ProcessExit) as failed:
        await call
    return failed.value.reason


def error_text(result: Any, *kinds: type[Exception]) -> str:
    """Return the text of the exception that is the reason of an `Error`."""
    assert isinstance(result, Error)
    assert isinstance(result.reason, kinds)
    return str(result.reason)


async def messages() -> list[Any]:
    """Return all messages that come until nothing happens any more."""
    await wait_all_tasks_blocked()
    came = []
    while True:
        match await receive(after=0):
            case Timeout():
                return came
            case message:
                came.append(message)
