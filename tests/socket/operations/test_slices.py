"""How much a send hands to the kernel at once, and when it stops for others, without a socket.

The kernel of these tests records what it is offered and takes as much of it as the case says. One
slice is 1000 bytes.
"""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from actorsock import Ok, Pid
from actorsock.socket.core.counters import Counters
from actorsock.socket.kernel import libc
from actorsock.socket.kernel.descriptors import HeldFile
from actorsock.socket.operations import send
from actorsock.socket.operations.send import Send, SendFile, SendMsg


@attrs.define
class Kernel:
    """Takes at most `takes` bytes in each system call."""

    takes: int
    offered: list[list[int]] = attrs.field(factory=list)
    """The sizes of the pieces offered, for each system call."""

    def take(self, *sizes: int) -> int:
        self.offered.append(list(sizes))
        return min(sum(sizes), self.takes)


@attrs.define
class Actor:
    """The part of a socket actor that a send uses."""

    sock: Any
    is_stream: bool
    counters: Counters = attrs.field(factory=Counters)
    rearmed: list[str] = attrs.field(factory=list)
    fd: int = -1

    @property
    def kind(self) -> Any:
        return SimpleNamespace(is_stream=self.is_stream, family=0)

    def rearm(self, lane: str) -> None:
        self.rearmed.append(lane)


def of_data() -> Send:
    return Send(bytes(2500), 0)


def to_an_address() -> Send:
    return Send(bytes(2500), 0, object(), "sendto")  # type: ignore[arg-type]


def of_pieces() -> SendMsg:
    return SendMsg((bytes(400),) * 5 + (bytes(500),), 0)


def of_a_file() -> SendFile:
    return SendFile(HeldFile(0), 0, 2500)


ALL = 10**6


@pytest.mark.parametrize(
    ("operation", "patient", "is_stream", "takes", "attempts"),
    [
        # One slice in each attempt.
        (of_data, True, True, ALL, [[[1000]], [[1000]], [[500]]]),
        (to_an_address, True, True, ALL, [[[1000]], [[1000]], [[500]]]),
        (of_pieces, True, True, ALL, [[[400, 400, 200]], [[200, 400, 400]], [[500]]]),
        (of_a_file, True, True, ALL, [[[1000]], [[1000]], [[500]]]),
        # Several system calls to a slice: it ends with the one that completes it.
        (of_data, True, True, 600, [[[1000], [1000]], [[1000], [700]], [[100]]]),
        (
            *(of_pieces, True, True, 600),
            [[[400, 400, 200], [200, 400, 400]], [[400, 400, 200], [200, 500]], [[100]]],
        ),
        (of_a_file, True, True, 600, [[[1000], [1000]], [[1000], [700]], [[100]]]),
        # A caller that does not wait gets everything in one attempt.
        (of_data, False, True, ALL, [[[2500]]]),
        (of_pieces, False, True, ALL, [[[400, 400, 400, 400, 400, 500]]]),
        (of_a_file, False, True, ALL, [[[2500]]]),
        (of_data, False, True, 1500, [[[2500], [1000]]]),
        # A message is never cut.
        (to_an_address, True, False, ALL, [[[2500]]]),
        (of_pieces, True, False, ALL, [[[400, 400, 400, 400, 400, 500]]]),
    ],
)
def test_what_is_offered_in_each_attempt(
    operation: Callable[[], Any],
    patient: bool,
    is_stream: bool,
    takes: int,
    attempts: list[list[list[int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(takes)
    monkeypatch.setattr(send, "TRANSFER_QUANTUM", 1000)
    monkeypatch.setattr(os, "sendfile", lambda fd, file, offset, count: kernel.take(count))
    monkeypatch.setattr(libc, "sendto", lambda sock, family, data, *rest: kernel.take(len(data)))
    monkeypatch.setattr(
        libc, "sendmsg", lambda sock, family, iov, *rest: kernel.take(*map(len, iov))
    )
    sock = SimpleNamespace(send=lambda data, flags: kernel.take(len(data)))
    actor, op, offered = Actor(sock, is_stream), operation(), []
    while True:
        result = op.attempt(actor, Pid(), patient)
        offered.append(kernel.offered)
        kernel.offered = []
        if result is not None:
            break
    assert isinstance(result, Ok)
    assert offered == attempts
    # Each attempt but the last ends early, which counts as a wait.
    waits = actor.counters.write_waits + actor.counters.sendfile_waits
    assert waits == len(actor.rearmed) == len(attempts) - 1
    assert set(actor.rearmed) <= {"write"}
    assert actor.counters.write_byte + actor.counters.sendfile_byte == 2500
