"""`async_stream`: the same function for many items, some at a time, results in order."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from math import inf
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ..arguments import check_int, check_seconds, shown
from ..results import Error, Ok
from ..runtime.api.messaging import receive
from ..runtime.bodies.current import current_process
from ..runtime.bodies.functions import check_function
from ..runtime.core.messages import Down
from .calls.protocol import Answer
from .tasks import Task, abandon, async_call

__all__ = ["TaskStream", "async_stream"]

S = TypeVar("S")
T = TypeVar("T")

_LIMIT: Final = 8

_NO_MORE: Final = object()


def async_stream(
    fn: Callable[[S], Awaitable[T]],
    items: Iterable[S],
    *,
    limit: int = _LIMIT,
    timeout: float = inf,
    light: bool = False,
) -> "TaskStream[T]":
    """`async for` the result of `fn(item)` for each item, in the order of the items.

    Each runs in a task of its own; there are at most `limit` whose results have not been taken,
    and an item is taken from `items` when its task starts. A result is `Ok(value)`, or
    `Error(reason)` if the task has failed, or `Error("timeout")` if it ran for longer than
    `timeout` seconds and was killed. Elixir's `Task.async_stream/3`.
    """
    check_function("fn", fn)
    if not isinstance(items, Iterable):
        raise TypeError(f"items: expected an iterable, got {shown(items)}")
    check_int("limit", limit, "a number of tasks >= 1", 1)
    check_seconds("timeout", timeout)
    return TaskStream(fn, iter(items), limit, timeout, light)


class TaskStream(Generic[T]):
    """An asynchronous iterator, and a context manager: leaving it ends the tasks that run.

    So does dropping it, as a loop does that is left early.
    """

    def __init__(
        self,
        fn: Callable[[S], Awaitable[T]],
        items: Iterator[S],
        limit: int,
        timeout: float,
        light: bool,
    ) -> None:
        self._fn = fn
        self._items = items
        self._limit = limit
        self._timeout = timeout
        self._light = light
        self._owner = current_process()
        self._tasks: deque[tuple[Task[T], float]] = deque()

    def __aiter__(self) -> "TaskStream[T]":
        return self

    @enable_ki_protection
    async def __anext__(self) -> Ok[T] | Error:
        if current_process() is not self._owner:
            raise ValueError(f"this stream belongs to {self._owner.pid!r}, which awaits it")
        self._start_tasks()
        if not self._tasks:
            raise StopAsyncIteration
        task, deadline = self._tasks[0]
        left = inf if deadline == inf else max(0.0, deadline - trio.current_time())
        message = await receive(task.ref, after=left)
        self._tasks.popleft()
        match message:
            case Answer(value=value):
                return Ok(value)
            case Down(reason=reason):
                return Error(reason)
        abandon(self._owner, task)
        return Error("timeout")

    async def __aenter__(self) -> "TaskStream[T]":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Not there if the arguments were wrong.
        if getattr(self, "_tasks", None):
            self.close()

    @enable_ki_protection
    def close(self) -> None:
        """End the tasks whose results have not been taken."""
        self._items = iter(())
        while self._tasks:
            abandon(self._owner, self._tasks.popleft()[0])

    def _start_tasks(self) -> None:
        while len(self._tasks) < self._limit:
            item = _next(self._items)
            if item is _NO_MORE:
                return
            task = async_call(self._fn, item, light=self._light)
            deadline = inf if self._timeout == inf else trio.current_time() + self._timeout
            self._tasks.append((task, deadline))


@disable_ki_protection
def _next(items: Iterator[Any]) -> Any:
    # What is iterated over is the program's code: Ctrl-C may interrupt it.
    return next(items, _NO_MORE)
