"""`system_monitor`: messages about what goes wrong in a runtime, such as mailboxes that grow.

Two things are looked at from time to time, by a timer of the runtime: the lengths of mailboxes, and
how late that timer itself is. A process that does not give way keeps that from running, so another
thread watches whether trio's loop goes round.
"""

import sys
import threading
from contextlib import suppress
from time import monotonic
from types import FrameType
from typing import Final

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, check_seconds, shown
from ..runtime.bodies.current import current_process
from ..runtime.bodies.running import Step, by_task, local
from ..runtime.bodies.stacks import StackEntry, entry_of, is_running
from ..runtime.core.identity import Pid, check_pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process, alive, processes_of
from ..runtime.core.timers import Entry

__all__ = ["LateTimer", "LongMessageQueue", "LongSchedule", "SystemMonitor", "system_monitor"]


@attrs.frozen
class LongMessageQueue:
    """A mailbox has grown over the upper level, or is down at the lower one again.

    Erlang's `{monitor, Pid, long_message_queue, Long}`.

    Attributes:
        pid: the process.
        length: how many messages it has now.
        long: True at the upper level, False at the lower one.
    """

    pid: Pid
    length: int
    long: bool


@attrs.frozen
class LongSchedule:
    """A process has not given way for long. Erlang's `{monitor, Pid, long_schedule, Info}`.

    Attributes:
        pid: the process; None if it is a task that is no process, or trio itself.
        seconds: for how long by now; it may go on.
        stack: what the thread of the runtime does, the innermost call first.
    """

    pid: Pid | None
    seconds: float
    stack: list[StackEntry]


@attrs.frozen
class LateTimer:
    """A timer of the runtime was late: so were all others that were due. Erlang has none.

    Attributes:
        seconds: how late.
    """

    seconds: float


@enable_ki_protection
def system_monitor(
    pid: Pid,
    *,
    long_message_queue: tuple[int, int] | None = None,
    long_schedule: float | None = None,
    late_timer: float | None = None,
    period: float = 1.0,
) -> "SystemMonitor":
    """Have messages sent to `pid` about the other processes of this runtime.

    Erlang's `erlang:system_monitor/2`, and `trace:system/3`. It ends by `close` or with its block,
    and when `pid` ends. Several may be open at a time.

    Args:
        pid: the process that gets the messages.
        long_message_queue: two lengths `(disable, enable)`: a `LongMessageQueue` is sent when a
            mailbox has `enable` messages or more, and another one when it has `disable` or fewer
            after that. A mailbox that is long for less than `period` may not be noticed.
        long_schedule: seconds; a `LongSchedule` is sent when a process has not given way for so
            long. A thread watches for that, and every pass of trio's loop costs a little more.
        late_timer: seconds; a `LateTimer` is sent when timers are late by so much.
        period: seconds between two looks at the mailboxes and at the timer.

    Returns:
        A `SystemMonitor`, a context manager.

    Raises:
        TypeError, ValueError: an argument is none of those above.

    Example::

        with system_monitor(current_pid(), long_message_queue=(100, 1000), long_schedule=0.1):
            match await receive((LongMessageQueue, LongSchedule)):
                case LongMessageQueue(pid, length, True): ...
                case LongSchedule(pid, seconds, stack): ...
    """
    check_pid(pid)
    levels = None if long_message_queue is None else _levels(long_message_queue)
    for argument, seconds in (
        ("long_schedule", long_schedule),
        ("late_timer", late_timer),
        ("period", period),
    ):
        if seconds is not None and check_seconds(argument, seconds) == 0:
            raise ValueError(f"{argument}: expected a number of seconds > 0, got 0")
    monitor = SystemMonitor(current_process().node, pid, levels, late_timer, period)
    monitor._begin(long_schedule)
    return monitor


def _levels(levels: object) -> tuple[int, int]:
    if type(levels) is not tuple or len(levels) != 2:
        raise TypeError(
            f"long_message_queue: expected two numbers (disable, enable), got {shown(levels)}"
        )
    low = check_int("long_message_queue", levels[0], "two numbers of messages", 0)
    high = check_int("long_message_queue", levels[1], "a second number above the first", low + 1)
    return low, high


@attrs.define(eq=False, repr=False)
class SystemMonitor:
    """What `system_monitor` returns; a context manager that closes it."""

    _node: Node
    _receiver: Pid
    _levels: tuple[int, int] | None
    _late: float | None
    _period: float
    _long: set[Pid] = attrs.field(factory=set)
    """The processes whose mailbox is long."""
    _entry: Entry | None = None
    _watch: "_Watch | None" = None

    def __enter__(self) -> "SystemMonitor":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Send no messages any more. Closing it again does nothing."""
        if self._entry is not None:
            self._node.timers.cancel(self._entry)
            self._entry = None
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _begin(self, long_schedule: float | None) -> None:
        if self._levels is not None or self._late is not None:
            self._look_later()
        if long_schedule is not None:
            self._watch = _Watch(self._node, self._receiver, long_schedule, local.step)
            self._watch.start()

    def _look_later(self) -> None:
        self._entry = self._node.timers.add(trio.current_time() + self._period, self._look)

    def _look(self) -> None:
        late = 0.0 if self._entry is None else trio.current_time() - self._entry.deadline
        receiver = alive.get(self._receiver)
        if receiver is None:
            self.close()
            return
        if self._late is not None and late >= self._late:
            receiver.deliver(LateTimer(late))
        if self._levels is not None:
            self._look_at_mailboxes(receiver, *self._levels)
        self._look_later()

    def _look_at_mailboxes(self, receiver: Process, low: int, high: int) -> None:
        self._long.intersection_update(alive)
        for process in processes_of(self._node):
            if process is receiver:
                continue
            pid, length = process.pid, len(process.mailbox)
            long = pid in self._long
            if length >= high and not long:
                self._long.add(pid)
                receiver.deliver(LongMessageQueue(pid, length, True))
            elif length <= low and long:
                self._long.discard(pid)
                receiver.deliver(LongMessageQueue(pid, length, False))


class _Watch(trio.abc.Instrument):
    """Watches, in a thread, whether trio's loop goes round."""

    def __init__(self, node: Node, receiver: Pid, limit: float, step: Step) -> None:
        self._node, self._receiver, self._limit, self._step = node, receiver, limit, step
        self._rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="actorsock system_monitor", daemon=True
        )

    def start(self) -> None:
        """Begin to watch."""
        trio.lowlevel.add_instrument(self)
        self._thread.start()

    def stop(self) -> None:
        """End to watch."""
        self._over.set()
        with suppress(KeyError, RuntimeError):  # trio has removed it, or its run is over
            trio.lowlevel.remove_instrument(self)

    def before_io_wait(self, timeout: float) -> None:
        """Called by trio."""
        self._rounds += 1

    def after_io_wait(self, timeout: float) -> None:
        """Called by trio."""
        self._rounds += 1

    def _run(self) -> None:
        rounds, since, told = -1, monotonic(), False
        while not self._over.wait(self._limit / 2):
            frame = sys._current_frames().get(self._node.thread)
            receiver = alive.get(self._receiver)
            if frame is None or receiver is None:
                return  # the thread of the runtime has ended, or nobody is to be told
            if rounds != self._rounds or _waits_for_io(frame):
                rounds, since, told = self._rounds, monotonic(), False
                continue
            seconds = monotonic() - since
            if seconds >= self._limit and not told:
                told = True
                event = LongSchedule(self._running(), seconds, _stack(frame))
                self._node.deliver_soon(receiver.deliver_if_alive, event)

    def _running(self) -> Pid | None:
        process = self._step.process
        if process is None:
            process = next((one for one in by_task.copy().values() if is_running(one)), None)
        return None if process is None else process.pid


_MOST_ENTRIES: Final = 50


def _waits_for_io(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.startswith("trio._core._io_") and frame.f_code.co_name == "get_events"


def _stack(frame: FrameType | None) -> list[StackEntry]:
    entries: list[StackEntry] = []
    while frame is not None and len(entries) < _MOST_ENTRIES:
        entries.append(entry_of(frame))
        frame = frame.f_back
    return entries
