"""The program of a peer, as its parent starts it, hears of it and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import trio

from .plan import BOOT, Plan, interpreter_flags

__all__ = ["PeerProgram"]

_LONGEST_LINE = 1000

_PAUSE = 0.1
"""Seconds between two looks whether the program has ended, where the kernel does not tell."""


class PeerProgram:
    """One program, from its start to its end. Its methods are called by one trio task.

    It is made in any thread: starting a program waits for the file system.
    """

    def __init__(self, plan: Plan, args: Sequence[str], env: Mapping[str, str]) -> None:
        line, theirs = socket.socketpair()
        with theirs:
            self._line = trio.socket.from_stdlib_socket(line)
            command = [sys.executable, *interpreter_flags(), *args, "-c", BOOT]
            # Until the peer has a handler of its own: see its program.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            try:
                self._popen = subprocess.Popen(
                    [*command, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, **env},
                )
            except BaseException:
                self._line.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._plan = plan
        self.pid = self._popen.pid
        self._ended: int | None = None
        """A descriptor that can be read from when the program has ended."""
        with suppress(AttributeError, OSError):  # another system, or an old kernel
            self._ended = os.pidfd_open(self.pid)

    async def port(self) -> int | None:
        """Tell the program its plan; return the port it listens on, or None if it ends before."""
        try:
            told = self._plan.as_line()
            while told:
                told = told[await self._line.send(told) :]
            answer = b""
            while not answer.endswith(b"\n"):
                data = await self._line.recv(_LONGEST_LINE)
                if not data:
                    return None
                answer += data
        except (BrokenPipeError, ConnectionResetError):
            return None
        answered: dict[str, Any] = json.loads(answer)
        return int(answered["port"])

    async def wait(self) -> int:
        """Wait for its end; return its exit status, negative for the signal that has ended it."""
        while (status := self._popen.poll()) is None:
            if self._ended is not None:
                await trio.lowlevel.wait_readable(self._ended)
            else:
                await trio.sleep(_PAUSE)
        return status

    async def stop(self, patience: float) -> int:
        """End it in good order, or by force after so many seconds; return its exit status."""
        try:
            self._line.close()
            with trio.move_on_after(patience):
                return await self.wait()
            self._popen.kill()
            return await self.wait()
        finally:
            if self._ended is not None:
                os.close(self._ended)
                self._ended = None
