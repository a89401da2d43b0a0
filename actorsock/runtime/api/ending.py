"""`async with ending(pid):`, for a process that lives no longer than a block.

Made of `monitor`, `unlink`, `exit` and `receive`, in the way in which a supervisor stops a child.
"""

from types import TracebackType
from typing import final

from ...arguments import check_seconds
from ..bodies.current import current_process
from ..core.identity import Pid, Ref, check_pid
from ..core.messages import Timeout
from ..core.process import Process
from .linking import discard_down, exit, monitor, send_exit_signal, unlink
from .messaging import receive

__all__ = ["ending"]


@final
class ending:  # read as a function, like contextlib.closing
    """End a process when a block is left, and wait until it has ended.

    The process is sent the exit signal `"shutdown"`. If it has not ended after `after` seconds,
    because it traps exits or cleans up for long, it is killed. A link with the caller is removed
    first, so that this end does not reach the caller; during the block the link works as ever.
    A process that has ended by itself is fine. If the waiting caller is cancelled, the process is
    killed and not waited for.

    Args:
        pid: the process; the value of the `async with` block.
        after: seconds between `"shutdown"` and `"kill"`; `math.inf` never kills.

    Raises:
        TypeError, ValueError: `pid` is not a `Pid`, or `after` not a number of seconds >= 0.

    Example::

        async with ending(spawn_link(serve)) as server:
            send(server, "a request")
    """

    __slots__ = ("_after", "_caller", "_pid")

    _caller: Process

    def __init__(self, pid: Pid, *, after: float = 5.0) -> None:
        self._pid = check_pid(pid)
        self._after = check_seconds("after", after)

    async def __aenter__(self) -> Pid:
        self._caller = current_process()
        return self._pid

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pid = self._pid
        ref: Ref | None = None
        try:
            unlink(pid)
            ref = monitor(pid)
            exit(pid, "shutdown")
            if isinstance(await receive(ref, after=self._after), Timeout):
                exit(pid, "kill")
                await receive(ref)
        except BaseException:
            self._kill(ref)
            raise

    def _kill(self, ref: Ref | None) -> None:
        """Kill the process, and have the caller hear nothing of its end."""
        # Not by `exit` and `demonitor`: in a task that was adopted, and whose process an exit
        # signal has ended, every call raises that signal.
        caller, pid = self._caller, self._pid
        caller.unlink(pid)
        if ref is not None:
            caller.demonitor(ref)
            discard_down(caller, ref)
        if pid is not caller.pid:
            send_exit_signal(caller.pid, pid, "kill")
