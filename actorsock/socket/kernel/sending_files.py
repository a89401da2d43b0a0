"""sendfile(2) without the signal SIGPIPE, which it has no flag to suppress.

A peer that has gone is an error for the sender, EPIPE. The kernel also sends SIGPIPE to the calling
thread, which ends a program whose SIGPIPE has its default action. Command-line programs often set
that, and a C library may do so unseen by Python. So the signal is always blocked during the call
and taken from the thread afterwards, at a price of a few microseconds. Rejected: to ignore SIGPIPE
for the whole program, which is not ours to decide; and splice(2) through a pipe, which sends the
same signal.
"""

import os
import signal
import sys
from typing import Final

__all__ = ["sendfile"]

_PIPE: Final = {signal.SIGPIPE} if hasattr(signal, "SIGPIPE") else set()
# What the kernel writes as the origin of the signals that it sends for EPIPE (SEND_SIG_NOINFO).
_SI_USER: Final = 0


def _sendfile(out: int, file: int, offset: int, count: int) -> int:
    """Call sendfile(2); return how many bytes it has sent, or raise `OSError`."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _PIPE)
    # One that waited before is somebody else's. A second one would merge with it.
    foreign = signal.SIGPIPE in blocked and signal.SIGPIPE in signal.sigpending()
    sent = 0
    try:
        sent = os.sendfile(out, file, offset, count)
        return sent
    finally:
        # The kernel sends the signal also where the peer goes after a part was sent.
        if sent < count and not foreign:
            _take()
        if signal.SIGPIPE not in blocked:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PIPE)


def _take() -> None:
    """Take the SIGPIPE of this thread's last system call, if there is one."""
    taken = signal.sigtimedwait(_PIPE, 0)
    if taken is not None and (taken.si_code != _SI_USER or taken.si_pid != os.getpid()):
        # It came from elsewhere at this very moment: hand it back.
        os.kill(os.getpid(), signal.SIGPIPE)


# Where there is no sigtimedwait(2), on macOS, the option of the socket suppresses the signal: see
# `without_sigpipe` in `descriptors`.
sendfile = _sendfile if sys.platform == "linux" else getattr(os, "sendfile", _sendfile)
