"""The sending half of a stream: what the kernel does not take at once is queued.

`OutputQueue` decides when the socket is busy. A send that finds it so waits until it is not; a
close waits until the queue has gone out.
"""

import abc
import socket as stdlib
import struct
from collections import deque
from collections.abc import Awaitable
from math import inf
from typing import Any, Final

import trio

from ...results import Error, Ok
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.kernel.errors import error_of
from ..packets.data_forms import length_header
from ..rules.output_queue import OutputQueue
from ..rules.stream_rules import StreamRules
from .receiving_actor import ReceivingActor
from .waiting import Waiter, deadline_of, wait

__all__ = ["StreamOutput"]

_QUANTUM: Final = 262144
"""The bytes of one flush, until other sockets get their turn."""
_JOINED: Final = 65536
"""A header and data up to this size are joined for one send; copying costs less than two pieces."""
_LOOKS_EVERY: Final = 5.0
_WAITS_AT_MOST: Final = 180.0
"""A close with queued output looks for progress so often, and gives up after so many seconds."""
_LINGER: Final = struct.Struct("ii")

_OK: Final[Ok[None]] = Ok()


class StreamOutput(ReceivingActor):
    """What a connected stream does with bytes that a program sends."""

    __slots__ = (
        "closers",
        "delays",
        "ends_after_queue",
        "head_size",
        "queue",
        "rules",
        "senders",
        "shutdown_failed",
    )

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.rules = StreamRules()
        self.queue = OutputQueue()
        self.senders: deque[Waiter] = deque()
        """The sends that wait while the queue is busy."""
        self.closers: list[Waiter] = []
        """The closes that wait for the queue."""
        self.ends_after_queue = False
        """`shutdown` of the writing side was asked for while bytes were queued."""
        self.shutdown_failed = False
        """`shutdown` of the writing side found no connection any more."""
        self.head_size = 0
        """How many bytes the length has that the packet type puts in front of what is sent."""
        self.delays = False
        """The option `delay_send`."""

    @abc.abstractmethod
    def output_failed(self, exc: OSError) -> Error:
        """Note that sending met a lost connection; return the result for the sender."""

    @property
    def is_dead(self) -> bool:
        """See `InetActor.is_dead`."""
        return self.rules.stage == "dead"

    @property
    def pending(self) -> int:
        """See `InetActor.pending`."""
        return self.queue.size

    def set_watermarks(self, high: int, low: int) -> None:
        """Set the numbers of bytes between which the queue becomes busy, and free again."""
        # The low one is never above the high one: setting one moves the other.
        self.queue.high = self.values["high_watermark"] = high
        self.queue.low = self.values["low_watermark"] = low

    # --- send -----------------------------------------------------------------------------------

    def send(
        self, process: Process, data: bytes, framed: bool = True
    ) -> Ok[None] | Error | Awaitable[Ok[None] | Error]:
        """Send bytes; if they are `framed`, with the header of the packet type in front.

        Returns the result; or, if the process has to give way first or to wait, what it must await
        for the result. Most sends so need no coroutine of their own.
        """
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            return self._send_after(pause, process, data, framed)
        result = self.send_at_once(data, framed)
        return self.send_later(process, data, framed) if result is None else result

    async def _send_after(
        self, pause: Awaitable[None], process: Process, data: bytes, framed: bool
    ) -> Ok[None] | Error:
        await pause
        result = self.send_at_once(data, framed)
        return await self.send_later(process, data, framed) if result is None else result

    def send_at_once(self, data: bytes, framed: bool = True) -> Ok[None] | Error | None:
        """Send or queue bytes; return None, and do nothing, if the caller must wait first."""
        if self.rules.stage in ("dead", "closed"):
            return self.rules.send_asked()
        if self.ends_after_queue:
            return Error("closed")
        if self.queue.busy:
            return None
        size, head_size = len(data), self.head_size
        head = length_header(head_size, size) if head_size and framed else b""
        statistics = self.statistics  # `Statistics.sent` written in place
        statistics.send_cnt += 1
        statistics.send_oct += size + len(head)
        if size + len(head) > statistics.send_max:
            statistics.send_max = size + len(head)
        return self.transmit(head, data)

    def transmit(self, head: bytes, data: bytes) -> Ok[None] | Error:
        """Hand bytes to the kernel, or to the queue."""
        if self.delays or self.queue.size:
            self.queue.append(head, data)
            self._flush_soon()
            return _OK
        if head and len(data) < _JOINED:
            head, data = b"", head + data
        size = len(head) + len(data)
        if not size:
            return _OK
        try:
            sent = self.sock.sendmsg((head, data)) if head else self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            return self.output_failed(exc)
        if sent < size:
            self.queue_rest(head, data, sent)
        return _OK

    def queue_rest(self, head: bytes, data: bytes, sent: int) -> None:
        """Queue what the kernel has left of a send, of which it has taken `sent` bytes."""
        queue = self.queue
        queue.append(head, data)
        queue.sent(sent)
        queue.busy = queue.size >= queue.high
        self.flush()

    async def send_later(
        self, process: Process, data: bytes, framed: bool = True
    ) -> Ok[None] | Error:
        """Wait until the queue is busy no more, for at most `send_timeout`, and queue bytes."""
        timeout = self.value("send_timeout")
        head = length_header(self.head_size, len(data)) if framed and self.head_size else b""
        waiter = Waiter(process, (head, data))
        self.senders.append(waiter)
        try:
            outcome = await wait(waiter, deadline_of(timeout), _forget)
        finally:
            if waiter in self.senders:
                self.senders.remove(waiter)
        if outcome is not None:
            result: Ok[None] | Error = outcome
            return result
        # The end of the owner may have come before the caller ran: it closes by itself then.
        open_for_programs = self.rules.stage in ("open", "ended")
        if self.value("send_timeout_close") and open_for_programs:
            self.rules.send_gave_up()
            self.release()
        return Error("timeout", data)

    def flush(self) -> None:
        """Hand queued bytes to the kernel, and let the next senders queue theirs."""
        queue = self.queue
        left = _QUANTUM
        while queue.size:
            if left <= 0:
                self.rearm("write")
                self.ensure_watched("write")
                return
            pieces = queue.head()
            if not pieces:
                return  # TLS has to hear from the peer first
            try:
                sent = self.sock.sendmsg(pieces)
            except BlockingIOError:
                self.write_found_no_room()
                self.ensure_watched("write")
                return
            except OSError as exc:
                self.output_failed(exc)
                return
            left -= sent
            if queue.sent(sent):
                self._admit_senders()
        if self.ends_after_queue:
            self.ends_after_queue = False
            self._shut(stdlib.SHUT_WR)
        for closer in self.closers:
            closer.wake(_OK)
        if self.owner_process is None:
            self.close_now()

    def _flush_soon(self) -> None:
        # The poller reports a descriptor that is registered anew in its next pass: sends up to
        # then leave together.
        if not self.write_would_block:
            self.watched = False
            self.ensure_watched("write")

    def _admit_senders(self) -> None:
        senders, self.senders = self.senders, deque()
        for sender in senders:
            if sender.waits:
                head, data = sender.asked
                self.statistics.sent(len(head) + len(data))
                self.queue.append(head, data)
                sender.wake(_OK)

    def release(self) -> None:
        """Close the descriptor of a lost connection; the socket is dead until it is closed."""
        self.poller.forget(self)
        self.forget_would_block()
        self.may_linger = False
        self.sock.close()
        self.drop_output(Error("closed"))

    def drop_output(self, error: Error) -> None:
        """Drop what is queued, and wake all who wait for that with `error`."""
        self.queue.clear()
        senders, self.senders = self.senders, deque()
        for waiter in (*senders, *self.closers):
            waiter.wake(error)

    # --- shutdown, close ------------------------------------------------------------------------

    def shutdown(self, how: int) -> Ok[None] | Error:
        """Shut down one direction or both; the writing one when the queue has gone out."""
        refused = self.rules.call_asked()
        if refused is not None:
            return refused
        if how != stdlib.SHUT_RD and self.queue.size:
            self.ends_after_queue = True
            return _OK if how == stdlib.SHUT_WR else self._shut(stdlib.SHUT_RD)
        return self._shut(how)

    def _shut(self, how: int) -> Ok[None] | Error:
        try:
            self.sock.shutdown(how)
        except OSError as exc:
            self.shutdown_failed |= how != stdlib.SHUT_RD
            return error_of(exc)
        self.forget_would_block()
        if how != stdlib.SHUT_WR:
            self.on_ready(True, False, True)
        return _OK

    def linger_time(self) -> int | None:
        """Return the seconds of the option `linger`, None if it is off."""
        try:
            option = self.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, _LINGER.size)
        except OSError:  # the connection is lost, and nothing is queued
            return None
        lingers, seconds = _LINGER.unpack(option)
        return seconds if lingers else None

    async def wait_for_queue(self, process: Process, at_most: float = inf) -> None:
        """Wait, before a close, until what is queued has gone out: as the option `linger` says."""
        lingers = self.linger_time()
        if lingers == 0:
            self.queue.clear()
            return
        longest, looks_every = (_WAITS_AT_MOST, _LOOKS_EVERY) if lingers is None else (lingers, inf)
        stops = trio.current_time() + min(longest, at_most)
        waiter = Waiter(process)
        self.closers.append(waiter)
        try:
            while self.queue.size and not self.turns.closed:
                before = self.queue.size
                await wait(waiter, min(stops, trio.current_time() + looks_every), _forget)
                if trio.current_time() >= stops or self.queue.size == before:
                    return
        finally:
            self.closers.remove(waiter)


def _forget(outcome: Any) -> None:
    pass
