"""A socket that data can be received from: the one recv that waits, and who reads for it.

In a passive socket only a recv reads. It may wait since before an active mode was set, or go on
waiting when that ends, so both ways of reading ask here whose turn it is.

So nothing but this module writes `waiter`, `woken` and `pumping`. Two flags more keep a socket from
being read: `read_would_block` (`Readiness`), until the poller reports that there is something, and
`paused` of a stream, until options are set.
"""

import abc
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..._native import twin
from ...results import Error, Ok
from ...runtime.core.process import Process
from .inet_actor import InetActor
from .waiting import Waiter, deadline_of, wait

__all__ = ["ReceivingActor"]


class ReceivingActor(InetActor):
    """What the sockets of streams and of datagrams share when they are read."""

    __slots__ = ("pumping", "unseen", "waiter", "woken")

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.waiter: Waiter | None = None
        """The one recv that waits."""
        self.woken: Waiter | None = None
        """The recv that has its result, and whose process has not run yet. Nothing more is read
        until then: what it gives back, if it is killed there, must come first."""
        self.pumping = False
        """Messages are being sent to the owner. It may handle them in place, and set options."""
        self.unseen: deque[Any] = deque()
        """What recvs were woken with and have given back, packets or datagrams: it comes next."""

    @property
    @abc.abstractmethod
    def reads(self) -> bool:
        """True if the socket is in an active mode: what arrives is for the owner's mailbox."""

    @abc.abstractmethod
    def deliver_arrived(self) -> None:
        """Send the owner what has arrived, as the mode allows, and no more than a quantum."""

    @abc.abstractmethod
    def read_for(self, asked: Any) -> Ok[Any] | Error | None:
        """Make the read that a recv has asked for; return its result, or None if it must wait."""

    @abc.abstractmethod
    def give_back(self, result: Any) -> None:
        """Keep what a recv was woken with, and that no caller has seen: it comes next."""

    @twin
    def pump(self) -> None:
        """Send the owner what the active mode allows; where that ends, serve a recv that waits.

        It may have waited since before the mode was set, and nobody else asks the poller then.
        """
        if self.woken is not None or self.pumping:
            return
        self.pumping = True
        try:
            self.deliver_arrived()
        finally:
            self.pumping = False
        if not self.reads:
            self.serve_waiter()

    def deliver_moved(self, messages: Iterable[Any], to: Process) -> None:
        """Send a new owner what was in the mailbox of the former one, and nothing new in between.

        An owner that handles a message in place may set a mode that allows more.
        """
        pumping, self.pumping = self.pumping, True
        try:
            for message in messages:
                to.deliver(message)
        finally:
            self.pumping = pumping
        self.options_set()

    def wake_waiter(self, result: Error) -> None:
        """Wake the recv that waits, if there is one, with what no read gives: an end."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None:
            waiter.wake(result)

    def retired(self) -> None:
        """See `InetActor.retired`."""
        self.unseen.clear()
        self.wake_waiter(Error("closed"))

    async def wait_to_read(self, waiter: Waiter, timeout: float) -> Any:
        """Wait until reading wakes `waiter`, the only one, with a result; return that."""
        if timeout == 0:
            return Error("timeout")
        self.waiter = waiter
        self.ensure_watched("read")
        try:
            outcome = await wait(waiter, deadline_of(timeout), self.give_back)
        finally:
            if self.waiter is waiter:
                self.waiter = None
            if self.woken is waiter:
                # It has taken its result, or given it back: reading goes on.
                self.woken = None
                self.serve_waiter()
                self.options_set()
        return Error("timeout") if outcome is None else outcome

    def serve_waiter(self) -> None:
        """Read for the recv that waits, if there is one, and wake it with the result."""
        waiter = self.waiter
        if waiter is None or self.woken is not None or not waiter.waits:
            return  # a call has its result, or unwinds: what comes is for the next one
        self.waiter = None  # its result comes from here, not from a close that reading may cause
        try:
            result = self.read_for(waiter.asked)
        except Exception as exc:  # a defect: the caller must not wait for ever
            waiter.wake(Error("einval", exc))
            raise
        if result is None:
            self.waiter = waiter
            self.ensure_watched("read")
        elif waiter.wake(result):
            self.woken = waiter
        else:
            self.give_back(result)
