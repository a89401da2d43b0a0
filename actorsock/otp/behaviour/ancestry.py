"""From which processes one descends: what Erlang keeps as `$ancestors`."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from trio.lowlevel import enable_ki_protection

from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process

__all__ = ["ancestors", "start_descendant"]

Ancestors = tuple[str | Pid, ...]


class _Line:
    """The ancestors of one process."""

    __slots__ = ("ancestors", "pid")

    def __init__(self, ancestors: Ancestors) -> None:
        self.ancestors = ancestors
        self.pid: Pid | None = None


_line: Final[ContextVar[_Line | None]] = ContextVar("actorsock ancestors", default=None)
"""The line of the process, or of one from which it was spawned: context variables are inherited."""


@enable_ki_protection
def ancestors() -> list[str | Pid]:
    """Return the processes from which the calling one descends. Erlang's `get('$ancestors')`.

    A child finds its supervisor so, also in its `init`.

    Returns:
        The process that has started this one, the one that has started that, and so on: each by the
        registered name that it had then, or by its pid. Empty for a process that was not started by
        a function of `otp`; such a process in between ends the list.

    Example::

        class Worker(otp.GenServer):
            def init(self):
                self.supervisor = proc_lib.ancestors()[0]
    """
    return list(_ancestors_of(current_process()))


def start_descendant(starter: Process, start: Callable[[], Pid]) -> Pid:
    """Call `start`, which spawns a process; return its pid. It descends from `starter`."""
    line = _Line((starter.name or starter.pid, *_ancestors_of(starter)))
    token = _line.set(line)
    try:
        line.pid = start()
    finally:
        _line.reset(token)
    return line.pid


def _ancestors_of(caller: Process) -> Ancestors:
    line = _line.get()
    return line.ancestors if line is not None and line.pid is caller.pid else ()
