"""What the tests of behaviours share: bodies to run in, and tables that must be empty."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from actorsock import Pid, ok, otp, process_info
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.running import by_task
from actorsock.runtime.core.process import aliased, alive

from ..stories import nothing_is_left_behind

__all__ = ["Starter", "Tables", "in_body", "kind", "nothing_is_left_behind", "start", "tables"]

Tables = Callable[[], Any]


@pytest.fixture
def tables() -> Tables:
    """Says what every table of the runtime, and of the calling process, holds."""

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
    """It can't be compared with anything; it may be an exit reason like any object."""

    def __eq__(self, other: object) -> bool:
        raise LookupError("not comparable")

    __hash__ = object.__hash__


class Starter(Protocol):
    """`start_link`, for a class whose callbacks are plain, in the body of the test."""

    async def __call__(self, behaviour: type[Any], *args: Any, **keywords: Any) -> Pid: ...


@pytest.fixture(params=["handler", "task", "light"])
def kind(request: pytest.FixtureRequest) -> str:
    """What runs the server: the semantics are the same in all of them."""
    return request.param


@pytest.fixture
def in_body(kind: str) -> Any:
    """Makes of a class with plain callbacks one that runs in the body of the test."""

    def body(behaviour: type[Any]) -> tuple[type[Any], dict[str, Any]]:
        if kind == "handler":
            return behaviour, {}

        class Waiting(behaviour):  # type: ignore[misc]
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
