"""The limit that a process gives to its own mailbox."""

from trio.lowlevel import enable_ki_protection

from ..bodies.current import current_process
from ..bodies.limited_process import Limit, change_limit, check_limit

__all__ = ["max_mailbox"]


@enable_ki_protection
def max_mailbox(limit: Limit | None) -> Limit | None:
    """Give the mailbox of the caller a limit, another one, or none any more.

    The same as `max_mailbox` of `spawn`, `spawn_handler` and `otp.start`, for a process that others
    have started: one of a supervisor, or the first one. It is to the number of messages what
    `process_flag(max_heap_size, Size)` is to memory in Erlang, which has no such limit.

    Args:
        limit: a `Limit`, valid from the next message on. If more messages are in the mailbox
            already, these stay; with `"kill"` the next message ends the process. None removes the
            limit, and the count of the messages that were dropped.

    Returns:
        The former limit; None if there was none.

    Raises:
        TypeError: `limit` is neither a `Limit` nor None.
        RuntimeError: no runtime is open here.

    Example::

        class Printer(otp.GenServer):
            def init(self):
                max_mailbox(Limit(50, "drop_new"))
    """
    check_limit(limit, "limit")
    return change_limit(current_process(), limit)
