"""Erlang-style processes for Python on trio, whose processes own sockets.

`run(main)` or `async with open_runtime():` opens a runtime; inside, every trio task is a
process with a pid and a mailbox. `actorsock.socket` has the sockets, `actorsock.otp` the
behaviours, `actorsock.testing` what the pytest plugin gives to tests.

PYTEST_DONT_REWRITE: pytest, which would rewrite the asserts of whatever has a plugin, must not
warn where this was imported before pytest began.
"""

from . import otp, socket
from .results import BadMatch, Error, Ok, Select, ok
from .runtime.aliases import alias, unalias
from .runtime.ending import ending
from .runtime.identity import Pid, Ref, make_ref
from .runtime.in_trio import in_trio
from .runtime.inspecting import ProcessInfo, is_alive, process_info, processes
from .runtime.linking import NoProcessError, demonitor, exit, link, monitor, trap_exit, unlink
from .runtime.mailbox_iteration import mailbox
from .runtime.message_timers import cancel_timer, read_timer, send_after, start_timer
from .runtime.messages import Down, Exit, Timeout, TimerExpired
from .runtime.messaging import current_pid, receive, send, sleep
from .runtime.naming import register, registered, unregister, whereis
from .runtime.opening import open_runtime, run
from .runtime.process import ProcessExit
from .runtime.spawning import spawn, spawn_handler, spawn_link, spawn_monitor

__all__ = [
    "BadMatch",
    "Down",
    "Error",
    "Exit",
    "NoProcessError",
    "Ok",
    "Pid",
    "ProcessExit",
    "ProcessInfo",
    "Ref",
    "Select",
    "Timeout",
    "TimerExpired",
    "alias",
    "cancel_timer",
    "current_pid",
    "demonitor",
    "ending",
    "exit",
    "in_trio",
    "is_alive",
    "link",
    "mailbox",
    "make_ref",
    "monitor",
    "ok",
    "open_runtime",
    "otp",
    "process_info",
    "processes",
    "read_timer",
    "receive",
    "register",
    "registered",
    "run",
    "send",
    "send_after",
    "sleep",
    "socket",
    "spawn",
    "spawn_handler",
    "spawn_link",
    "spawn_monitor",
    "start_timer",
    "trap_exit",
    "unalias",
    "unlink",
    "unregister",
    "whereis",
]
