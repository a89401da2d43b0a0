"""Crashes of processes that a test has neither noticed nor allowed.

A crash of a process that is neither linked nor monitored is only a log record, so a test would pass
although the program under test has crashed. The crash counts as noticed if it reaches the test, one
of its fixtures, or a task in their nurseries: by a link (also through processes that end with the
crashed one), by a monitor, or because a call to the process fails.
"""

import traceback
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Any, Final, TypeAlias

import attrs

from ..arguments import shown
from ..runtime.bodies.functions import name_of
from ..runtime.core.identity import Pid
from ..runtime.core.process import Process, alive

__all__ = ["AllowedCrash", "Crash", "Crashes", "Crashing"]

Crashing: TypeAlias = type[BaseException] | Pid | str | Callable[..., Any]
"""An argument of `allow_crash`: a type of exceptions, or the process."""


_LONGEST: Final = 300
"""Characters of an exception to show."""

_RUNTIME: Final = f"{__name__.partition('.')[0]}.runtime."


@attrs.frozen(eq=False)
class Crash:
    """One process that has crashed."""

    pid: Pid
    name: str | None
    """The registered name of the process, if it had one."""
    function: str
    """The function that it ran, as `module:qualified name`."""
    exception: BaseException

    @property
    def text(self) -> str:
        """The process, the exception, and the place where it was raised, in one line."""
        name = f" ({self.name})" if self.name is not None else ""
        exc = self.exception
        raised = "".join(traceback.format_exception_only(exc)).strip().replace("\n", " ")
        frames = traceback.extract_tb(exc.__traceback__)
        place = f", at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        return f"process {self.pid!r}{name} running {self.function}: {raised[:_LONGEST]}{place}"

    def shown_from_its_code(self) -> BaseException:
        """Return the exception, its traceback without the frames of the runtime at the beginning.

        pytest shows the source of every frame, and the first ones are the same for every crash.
        """
        tb = self.exception.__traceback__
        while tb is not None and str(tb.tb_frame.f_globals.get("__name__")).startswith(_RUNTIME):
            tb = tb.tb_next
        return self.exception if tb is None else self.exception.with_traceback(tb)


class AllowedCrash:
    """Crashes that do not make a test fail; made by `Runtime.allow_crash`."""

    def __init__(self, remove: Callable[["AllowedCrash"], None], crashing: tuple[Any, ...]) -> None:
        self._remove = remove
        self._types = tuple(item for item in crashing if _is_exception_type(item))
        self._processes = [item for item in crashing if not _is_exception_type(item)]
        for item in self._processes:
            if not isinstance(item, (Pid, str)) and not callable(item):
                raise TypeError(
                    "crashing: expected types of exceptions, pids, registered names and "
                    f"functions, got {shown(item)}"
                )

    def __enter__(self) -> "AllowedCrash":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove(self)

    def allows(self, crash: Crash) -> bool:
        """Return True if the exception and the process are among those that are allowed."""
        exc = crash.exception
        if self._types and not all(isinstance(leaf, self._types) for leaf in _leaves(exc)):
            return False
        return not self._processes or any(_is_of(crash, item) for item in self._processes)


class Crashes:
    """Records the crashes in one runtime; an observer of crash reports."""

    first: Process | None = None
    """The first process of the runtime, as soon as that is open; with anyio, that of the test."""

    def __init__(self) -> None:
        self._unnoticed: list[Crash] = []
        self._allowed: list[AllowedCrash] = []

    def crashed(
        self, process: Process, exc: BaseException, told: Collection[Pid] | None = None
    ) -> None:
        """Record the crash, unless it is noticed; see `CrashObserver`."""
        if self.first is None or process.node is not self.first.node:
            return
        if self._noticed(process) if told is None else self._told(told):
            return
        crash = Crash(process.pid, process.name, process.body.describe(), exc)
        if not any(allowed.allows(crash) for allowed in self._allowed):
            self._unnoticed.append(crash)

    def call_failed(self, caller: Process, server: Process) -> None:
        """Forget the crash of a server if a test has called it; called before the call raises."""
        if self._is_of_a_test(caller):
            self._unnoticed = [c for c in self._unnoticed if c.pid is not server.pid]

    def allow(self, crashing: tuple[Crashing, ...]) -> AllowedCrash:
        """Allow crashes from now on."""
        allowed = AllowedCrash(self._allowed.remove, crashing)
        self._allowed.append(allowed)
        return allowed

    def unnoticed(self) -> list[Crash]:
        """Return the crashes that were neither noticed nor allowed, oldest first.

        An allowance that is still in force, so one for the whole test, also covers crashes that
        came before it.
        """
        return [c for c in self._unnoticed if not any(a.allows(c) for a in self._allowed)]

    def _is_of_a_test(self, process: Process) -> bool:
        return process.body.adopted or process is self.first

    def _told(self, told: Collection[Pid]) -> bool:
        return any(pid in alive and self._is_of_a_test(alive[pid]) for pid in told)

    def _noticed(self, crashed: Process) -> bool:
        """Return True if the end of the process is reported to a test or a fixture."""
        found, left = {crashed.pid}, [crashed]
        while left:
            process = left.pop()
            for watcher in process.watched_by():
                if watcher in alive and self._is_of_a_test(alive[watcher]):
                    return True
            for pid in process.links or ():
                other = alive.get(pid)
                if other is None or pid in found:
                    continue
                found.add(pid)
                if self._is_of_a_test(other):
                    return True
                if not other.trapping:  # it ends too, and its links and monitors are notified
                    left.append(other)
        return False


def _is_of(crash: Crash, item: object) -> bool:
    if callable(item):
        return name_of(item) == crash.function
    return item is crash.pid or (isinstance(item, str) and item == crash.name)


def _is_exception_type(item: object) -> bool:
    return isinstance(item, type) and issubclass(item, BaseException)


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    if isinstance(exc, BaseExceptionGroup):
        for part in exc.exceptions:
            yield from _leaves(part)
    else:
        yield exc
