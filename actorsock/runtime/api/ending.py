"""`async with ending(pid):` — a process that lives no longer than a block.

Made of `monitor`, `unlink`, `exit` and `receive` alone, the way in which a supervisor stops a
child.
"""

from types import TracebackType
from typing import final

from ...arguments import check_seconds
from ..core.identity import Pid, check_pid
from ..core.messages import Timeout
from .linking import exit, monitor, unlink
from .messaging import receive

__all__ = ["ending"]


@final
class ending:  # read as a function, like contextlib.closing
    """`async with ending(spawn(f)) as pid:` ends the process when the block is left.

    It is sent the exit signal `"shutdown"`; when it has not ended after `after` seconds, which
    only one that traps exits or cleans up at length can do, it is killed. The block is left when
    the process has ended. A link with it is removed first, so that this end reaches nobody;
    what happens while the block runs is as ever. One that has ended by itself is fine.
    Cancelled while it waits, it kills the process and waits no longer.
    """

    __slots__ = ("_after", "_pid")

    def __init__(self, pid: Pid, *, after: float = 5.0) -> None:
        self._pid = check_pid(pid)
        self._after = check_seconds("after", after)

    async def __aenter__(self) -> Pid:
        return self._pid

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pid = self._pid
        unlink(pid)
        ref = monitor(pid)
        exit(pid, "shutdown")
        try:
            if isinstance(await receive(ref, after=self._after), Timeout):
                exit(pid, "kill")
                await receive(ref)
        except BaseException:
            exit(pid, "kill")
            raise
