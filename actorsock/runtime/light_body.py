"""Light bodies: a coroutine that the runtime itself steps, at an eighth of a task's price.

It may await whatever this library offers. Awaiting something of trio's fails at once with
trio's own error, since no trio task is current while it runs; whatever else it awaits is
recognised by what it yields. Both say, in the process that did it, what to do instead:
`await in_trio(fn, *args)`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from .body import Body
from .code import awaitable_of, name_of
from .crash_report import report_crash
from .exit_reason import ending_of
from .node import Node
from .process import Process, ProcessExit
from .running import turn

__all__ = ["LightBody", "start_light"]

# What it may do in one step before the others get theirs.
_BUDGET: Final = 400

_REMEDY: Final = (
    "a light process awaits only what actorsock offers: for something of trio's use "
    "`await in_trio(fn, *args)`, or spawn the process without light=True"
)

_PAUSE: Final = object()


class _Pause:
    """Awaiting it gives control back to the runtime, once."""

    def __await__(self) -> Generator[object, None, None]:
        # A tuple's iterator does what a generator would, without one being made.
        return iter(_ONCE)  # type: ignore[return-value]


_ONCE: Final = (_PAUSE,)
_pause: Final = _Pause()


def start_light(
    node: Node, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> Process:
    """A new process that runs `function(*args)` in steps; the first comes in the next pass."""
    body = LightBody(node, function, args)
    process = body.process = Process(node, body)
    node.passes.step_soon(body)
    return process


class LightBody(Body):
    """Steps one coroutine."""

    __slots__ = ("_budget", "_coroutine", "_function", "_step_soon", "process", "stopped")

    kind = "light"
    process: Process

    def __init__(self, node: Node, function: Any, args: tuple[Any, ...]) -> None:
        super().__init__(node.timers)
        self._step_soon = node.passes.step_soon
        self._function = function
        self._coroutine: Coroutine[Any, None, None] = _call(self, function, args)
        self.stopped = False
        """An exit signal has ended the process: it must not wait any more."""
        self._budget = _BUDGET

    def spend(self, cost: int) -> bool:
        self._budget -= cost
        return self._budget <= 0 or self.stopped

    async def checkpoint(self) -> None:
        if not self.stopped and self._budget <= 0:
            self._step_soon(self)
            await _pause
        if self.stopped:
            raise ProcessExit(self.process.reason)

    async def _suspend(self) -> None:
        await _pause
        if self.stopped:
            raise ProcessExit(self.process.reason)

    def _resume(self) -> None:
        self._step_soon(self)

    def stop(self, reason: Any) -> bool:
        self.stopped = True
        self.wake()
        return False

    def describe(self) -> str:
        return name_of(self._function)

    @enable_ki_protection
    def step(self) -> int:
        """Run until it waits, has used its budget, or ends; what it used, in reductions."""
        process = self.process
        self._budget = _BUDGET
        turn.process = process
        try:
            yielded = self._coroutine.send(None)
            while yielded is not _PAUSE:
                yielded = self._coroutine.throw(TypeError(f"{_REMEDY}; it awaited {yielded!r}"))
        except StopIteration:
            process.end("normal")
        except BaseException as exc:
            self._ended(exc)
        finally:
            turn.process = None
        return _BUDGET - self._budget + 1

    def _ended(self, exc: BaseException) -> None:
        ending = ending_of(exc)
        if ending.crash is not None:
            if _is_misuse(exc):
                exc.add_note(_REMEDY)
            report_crash(self.process, ending.crash)
        self.process.end(ending.reason)
        if ending.beyond is not None:
            raise ending.beyond from None


@disable_ki_protection
async def _call(
    body: LightBody, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> None:
    if body.stopped:
        return
    await awaitable_of(function, args)


def _is_misuse(exc: BaseException) -> bool:
    # What trio says when no task of its own is current.
    return isinstance(exc, RuntimeError) and "async context" in str(exc)
