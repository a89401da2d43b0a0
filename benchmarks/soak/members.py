"""The other nodes of the soak test: programs that are killed, frozen and started again."""

import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Final

import trio

from actorsock import CallError, dist, otp, sleep
from actorsock.runtime.bodies.in_trio import in_trio

from ..parts.distribution import wait_for_epmd
from ..programs import HERE, erlang

__all__ = ["ME", "Members"]

ME: Final = "soak@127.0.0.1"
_COOKIE: Final = "soaking"


class Members:
    """Two Erlang nodes and one of this library's kind, with an epmd of their own."""

    cookie: Final = _COOKIE

    def __init__(self) -> None:
        self.port = 20_000 + os.getpid() % 10_000
        self.erlang = ["beam1@127.0.0.1", "beam2@127.0.0.1"]
        self.kin = "kin@127.0.0.1"
        self.names = [*self.erlang, self.kin]
        self._programs: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Members":
        epmd = ["epmd", "-port", str(self.port), "-address", "127.0.0.1"]
        self._epmd = subprocess.Popen(epmd, stderr=subprocess.DEVNULL)
        wait_for_epmd(self.port)
        for name in self.names:
            self._start(name)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name in self.names:
            self._kill(name)
        self._epmd.kill()
        self._epmd.wait()

    def _start(self, name: str) -> None:
        if name == self.kin:
            command = [sys.executable, "-m", "actorsock", "run", "--name", name]
            command.append("benchmarks.soak.cluster:serve")
        else:
            command = [*erlang("soak", "serve"), "-name", name, "-setcookie", _COOKIE]
            command += ["-start_epmd", "false", "-kernel", "logger_level", "none"]
        self._programs[name] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=HERE.parent,
            env={
                **os.environ,
                "ERL_EPMD_PORT": str(self.port),
                "ERL_CRASH_DUMP_SECONDS": "0",
                "ACTORSOCK_COOKIE": _COOKIE,
            },
        )

    def _kill(self, name: str) -> None:
        program = self._programs.pop(name)
        program.kill()
        program.communicate()

    async def restart(self, name: str) -> None:
        """Kill a node, and start it again at once."""
        await in_trio(trio.to_thread.run_sync, self._kill, name)
        self._start(name)

    async def freeze(self, name: str, seconds: float) -> None:
        """Stop a program for some time."""
        self._programs[name].send_signal(signal.SIGSTOP)
        await sleep(seconds)
        self._programs[name].send_signal(signal.SIGCONT)

    async def all_up(self) -> None:
        """Wait until every node answers, and serves."""
        for name in self.names:
            while await dist.ping(name) != "pong" or not await self._serves(name):
                await sleep(0.1)

    async def _serves(self, name: str) -> bool:
        try:
            await otp.call(("soak", name), 1)
        except CallError:
            return False
        return True
