"""Erlang-style processes for Python on trio, whose processes own sockets.

`run(main)` or `async with open_runtime():` opens a runtime; inside, every trio task is a process
with a pid and a mailbox. `actorsock.socket` has the sockets, `gen_tcp`, `gen_udp` and `inet` those
with active modes and packets, `ssl` the same over TLS, `actorsock.otp` the behaviours,
`actorsock.streams` streams and listeners in trio's form, and `actorsock.testing` the fixtures of
the pytest plugin.

PYTEST_DONT_REWRITE: pytest rewrites the asserts of a package that has a plugin, and would warn
where this one was imported before pytest began.
"""

from typing import Final

from . import gen_tcp, gen_udp, inet, otp, socket, streams, trace

# Reachable as `actorsock.ssl`, but not in `__all__`: `import *` must not hide Python's `ssl`.
from . import ssl as ssl
from ._native import native as _native_is_used
from .observing.process_info import ProcessInfo, process_info
from .observing.process_items import ProcessSocket, ProcessTimer
from .observing.system_monitor import (
    LateTimer,
    LongMessageQueue,
    LongSchedule,
    SystemMonitor,
    system_monitor,
)
from .observing.wait_reasons import (
    InCall,
    InLibrary,
    InMonitor,
    InReceive,
    InSleep,
    InSocket,
    InTrio,
)
from .observing.who_waits import Waits, who_waits_for_whom
from .otp import CallError
from .results import BadMatch, Error, Ok, Select, SelectRead, ok
from .runtime.api.aliases import alias, unalias
from .runtime.api.deadlines import DeadlineError, deadline
from .runtime.api.ending import ending
from .runtime.api.inspecting import is_alive, processes, set_label
from .runtime.api.linking import NoProcessError, demonitor, exit, link, monitor, trap_exit, unlink
from .runtime.api.mailbox_iteration import mailbox
from .runtime.api.mailbox_limit import max_mailbox
from .runtime.api.message_timers import cancel_timer, read_timer, send_after, start_timer
from .runtime.api.messaging import current_pid, receive, send, sleep
from .runtime.api.naming import register, registered, unregister, whereis
from .runtime.api.opening import open_runtime, run
from .runtime.api.receive_or import Received, Returned, receive_or
from .runtime.api.spawning import spawn, spawn_handler, spawn_link, spawn_monitor
from .runtime.bodies.in_trio import in_trio
from .runtime.bodies.limited_process import Limit
from .runtime.bodies.stacks import StackEntry
from .runtime.core.identity import Pid, Ref, make_ref
from .runtime.core.messages import Down, Exit, Timeout, TimerExpired
from .runtime.core.process import EndedBy, ExitSignal, ProcessExit
from .streams import (
    Draining,
    SocketListener,
    SocketStream,
    open_tcp_listeners,
    open_tcp_stream,
    serve_listeners,
    serve_tcp,
)

__version__ = "0.1.0"

native: Final = _native_is_used
"""True if the native core is in use.

It is where the installation has compiled it, for CPython with the global lock. The environment
variable `ACTORSOCK_NATIVE=0` turns it off.
"""

__all__ = [
    "BadMatch",
    "CallError",
    "DeadlineError",
    "Down",
    "Draining",
    "EndedBy",
    "Error",
    "Exit",
    "ExitSignal",
    "InCall",
    "InLibrary",
    "InMonitor",
    "InReceive",
    "InSleep",
    "InSocket",
    "InTrio",
    "LateTimer",
    "Limit",
    "LongMessageQueue",
    "LongSchedule",
    "NoProcessError",
    "Ok",
    "Pid",
    "ProcessExit",
    "ProcessInfo",
    "ProcessSocket",
    "ProcessTimer",
    "Received",
    "Ref",
    "Returned",
    "Select",
    "SelectRead",
    "SocketListener",
    "SocketStream",
    "StackEntry",
    "SystemMonitor",
    "Timeout",
    "TimerExpired",
    "Waits",
    "alias",
    "cancel_timer",
    "current_pid",
    "deadline",
    "demonitor",
    "ending",
    "exit",
    "gen_tcp",
    "gen_udp",
    "in_trio",
    "inet",
    "is_alive",
    "link",
    "mailbox",
    "make_ref",
    "max_mailbox",
    "monitor",
    "native",
    "ok",
    "open_runtime",
    "open_tcp_listeners",
    "open_tcp_stream",
    "otp",
    "process_info",
    "processes",
    "read_timer",
    "receive",
    "receive_or",
    "register",
    "registered",
    "run",
    "send",
    "send_after",
    "serve_listeners",
    "serve_tcp",
    "set_label",
    "sleep",
    "socket",
    "spawn",
    "spawn_handler",
    "spawn_link",
    "spawn_monitor",
    "start_timer",
    "streams",
    "system_monitor",
    "trace",
    "trap_exit",
    "unalias",
    "unlink",
    "unregister",
    "whereis",
    "who_waits_for_whom",
]
