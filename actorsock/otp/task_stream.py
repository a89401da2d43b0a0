"""`async_stream`: one function applied to many items, a few at a time, with results in order."""

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
    """Run `fn(item)` for each item in a task of its own, and iterate over the results in order.

    Elixir's `Task.async_stream/3`. An item is taken from `items` when its task starts, so `items`
    may be endless.

    Args:
        fn: an async function of one argument.
        items: the arguments.
        limit: the number of tasks that may run, or have results that were not taken yet (default:
            8).
        timeout: seconds that each task may run, after which it is killed; `math.inf` (the
            default): for ever.
        light: run the tasks in light processes.

    Returns:
        A `TaskStream`, for `async for` in the calling process. Its results are

        - `Ok(value)`: `fn` has returned `value`
        - `Error(reason)`: the task has ended with `reason`
        - `Error("timeout")`: the task has run for too long, and was killed

    Raises:
        TypeError: `fn` is not callable, `items` is not iterable, or `limit` or `timeout` has a
            wrong type.
        ValueError: `limit` is less than 1, or `timeout` is negative or NaN.

    Example::

        async with otp.async_stream(fetch, urls, limit=4, timeout=10) as results:
            async for result in results:
                match result:
                    case Ok(page): ...
                    case Error(reason): ...
    """
    check_function("fn", fn)
    if not isinstance(items, Iterable):
        raise TypeError(f"items: expected an iterable, got {shown(items)}")
    check_int("limit", limit, "a number of tasks >= 1", 1)
    check_seconds("timeout", timeout)
    return TaskStream(fn, iter(items), limit, timeout, light)


class TaskStream(Generic[T]):
    """The results of `async_stream`: an asynchronous iterator and context manager.

    Leaving the context, or `close`, kills the tasks whose results were not taken. So does the
    garbage collector, when a loop without a context is left early.
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
    async def __anext__(self) -> Ok[T] | Error[Any]:
        if current_process() is not self._owner:
            raise ValueError(f"this stream belongs to {self._owner.pid!r}, which awaits it")
        # Tasks start here, and not as soon as another one ends: so a slow consumer limits them, and
        # no further process has to watch them.
        self._start_tasks()
        if not self._tasks:
            raise StopAsyncIteration
        task, deadline = self._tasks[0]
        # The deadline counts from the start of the task, not from this wait.
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
        # `_tasks` is missing if `__init__` has raised. The garbage collector may run in any thread,
        # and in the middle of anything.
        if getattr(self, "_tasks", None):
            self._owner.node.deliver_soon(self.close)

    @enable_ki_protection
    def close(self) -> None:
        """Kill the tasks whose results were not taken. The iteration ends."""
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
    # `items` may be a generator of the program, which may take long: Ctrl-C must interrupt it.
    return next(items, _NO_MORE)
