"""Light bodies: a coroutine that the runtime itself steps, at a fifth of a task's price.

It may await whatever this library offers. Awaiting something of trio's fails at once with
trio's own error, since no trio task is current while it runs; whatever else it awaits is
recognised by what it yields. Both say, in the process that did it, what to do instead:
`await in_trio(fn, *args)`.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final, cast

from trio.lowlevel import enable_ki_protection

from ..core.body import Body
from ..core.node import Node
from ..core.process import ExitSignal, Process, alive
from ..core.reductions import LIGHT_BUDGET
from .crash_report import told
from .functions import call_function, name_of
from .running import local

__all__ = ["LightBody", "start_light", "step_all"]

_REMEDY: Final = (
    "a light process awaits only what actorsock offers: for something of trio's use "
    "`await in_trio(fn, *args)`, or spawn the process without light=True"
)

_PAUSE: Final = object()


class _Pause(tuple[object, ...]):
    """Awaiting it gives control back to the runtime, once."""

    __slots__ = ()

    # A tuple's iterator does what a generator would, without one being made.
    __await__ = tuple.__iter__


_pause: Final = cast("Awaitable[object]", _Pause((_PAUSE,)))


def start_light(
    node: Node, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> Process:
    """A new process that runs `function(*args)` in steps; the first comes in the next pass."""
    body = LightBody(node, function, args)
    process = body.process = Process(node, body)
    node.passes.step_soon(body)
    alive[process.pid] = process
    return process


class LightBody(Body):
    """Steps one coroutine."""

    __slots__ = (
        "_args",
        "_coroutine",
        "_function",
        "_passes",
        "context",
        "defies",
        "go_on",
        "process",
        "stopped",
    )

    kind = "light"
    waiting = _pause
    process: Process
    _coroutine: Coroutine[Any, None, None]

    def __init__(self, node: Node, function: Any, args: tuple[Any, ...]) -> None:
        super().__init__(node.timers, LIGHT_BUDGET)
        self._passes = node.passes
        self._function = function
        self._args = args
        self.context = copy_context()
        """Its context variables: as they were where it was started, and its own from then on."""
        self.go_on: Callable[[None], object] | None = None
        """Runs its code, once that has begun, until it awaits the runtime again."""
        self.stopped = False
        """An exit signal has ended the process: it must not wait any more."""
        self.defies = False
        """It has been told that it is stopped, and goes on."""

    def spend(self, cost: int) -> Awaitable[None] | None:
        self.budget -= cost
        if self.budget > 0 and not self.stopped:
            return None
        return self._give_way()

    def checkpoint(self) -> Awaitable[None]:
        return self._give_way()

    async def _give_way(self) -> None:
        # Who catches its own end and tries again must not keep the others from running.
        if self.defies or (self.budget <= 0 and not self.stopped):
            self._passes.step_soon(self)
            await _pause
        self.check()

    def check(self) -> None:
        if self.stopped:
            self.defies = True
            raise ExitSignal(self.process.reason)

    def wake(self, outcome: Any = None) -> bool:
        if not self.parked:
            return False
        passes = self._passes  # what `step_soon` does, without the call
        if passes.keeper is not None:
            passes.wake_keeper()  # first: from another thread it fails, and nothing has happened
        passes.ready.append(self)
        self.parked = False
        self.outcome = outcome
        return True

    def stop(self, reason: Any) -> bool:
        self.stopped = True
        self.wake()
        return False

    def release(self) -> None:
        del self.process

    def describe(self) -> str:
        return name_of(self._function)

    def begin(self) -> Callable[[None], object]:
        """Its first step is about to be taken: call its function; `go_on`."""
        if self.stopped:
            raise ExitSignal(self.process.reason)
        self._coroutine = call_function(self._function, self._args)
        self._args = ()
        self.go_on = self._coroutine.send
        return self.go_on

    def reproach(self, awaited: object) -> None:
        """It awaits what only trio, or somebody else's loop, could wake it from: say so there."""
        while awaited is not _PAUSE:
            misuse = TypeError(f"{_REMEDY}; it awaited {awaited!r}")
            awaited = self.context.run(self._coroutine.throw, misuse)

    def ended(self, exc: BaseException) -> None:
        """Its code has raised `exc`; what concerns the whole program is raised again."""
        if _is_misuse(exc):
            exc.add_note(_REMEDY)
        ending = told(self.process, exc)
        self.process.end(ending.reason)
        if ending.beyond is not None:
            raise ending.beyond from None


@enable_ki_protection
def step_all(ready: deque[LightBody], budget: int) -> int:
    """Run those that are ready, one after the other, each until it waits or has used its budget.

    Ends when none is ready, or when all of them together have used `budget` reductions. The
    result is how many are left.
    """
    full, turn = LIGHT_BUDGET, local.turn
    try:
        while ready and budget > 0:
            body = ready.popleft()
            body.budget = full
            turn.process = body.process
            try:
                yielded = body.context.run(body.go_on or body.begin(), None)
                if yielded is not _PAUSE:
                    body.reproach(yielded)
            except StopIteration:
                body.process.end("normal")
            except BaseException as exc:
                body.ended(exc)
            budget -= full + 1 - body.budget
    finally:
        turn.process = None
    return budget


def _is_misuse(exc: BaseException) -> bool:
    # What trio says when no task of its own is current.
    return isinstance(exc, RuntimeError) and "async context" in str(exc)
