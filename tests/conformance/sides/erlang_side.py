"""Performing scenarios on Erlang, in one virtual machine that keeps running."""

import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from ..notation import Act, Form, Pause, Scenario, Step, Wait, actors_of
from . import terms
from .our_side import Seen, Skipped

__all__ = ["HOW_TO_INSTALL", "Erlang", "NoErlang", "compile_module", "find_erlang"]

HOW_TO_INSTALL: Final = (
    "Erlang is missing: install it (on Debian and Ubuntu: apt-get install erlang-base), "
    "or name another with ERL=/path/to/erl"
)


class NoErlang(Exception):
    """Erlang is missing or does not run."""


def find_erlang() -> str | None:
    """Return the path of `erl`, as ERL or PATH name it; None without Erlang."""
    return shutil.which(os.environ.get("ERL") or "erl")


class Erlang:
    """A running virtual machine that performs scenarios."""

    def __init__(self, erl: str, scratch: Path) -> None:
        self._scratch = scratch
        self._number = 0
        self._performed: set[int] = set()
        for source in _SOURCES:
            compile_module(erl, source, scratch)
        # Scenarios use relative paths, so each side has a working directory of its own.
        here = scratch / "erlang"
        here.mkdir()
        self._vm = subprocess.Popen(
            [
                erl,
                "-noshell",
                "-pa",
                str(scratch),
                "-certificates",
                str(scratch / "certificates"),
                "-s",
                "interpreter",
                "main",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=here,
        )
        self._output = b""
        match (line := self._read() or "").split():
            case ["ready", release, more]:
                self.release = int(release)
                self.has_ssl = more == "ssl"
            case _:
                raise NoErlang(f"{erl} does not run: {line}")

    def performs(self, scenario: Scenario) -> bool:
        """Return True if this Erlang has what the scenario uses."""
        return scenario.is_for(self.release) and (self.has_ssl or not scenario.uses_ssl)

    def begin(self, scenario: Scenario, cushion: float) -> tuple[int, str]:
        """Start a scenario; return its number, for `outcome`, and its directory."""
        self._number += 1
        tmp = self._scratch / f"e{self._number}"
        tmp.mkdir()
        request = terms.encode(
            (
                self._number,
                max(1, round(cushion * 1000)),
                Form("text", str(tmp)),
                actors_of(scenario.steps),
                [_step(step) for step in scenario.steps],
            )
        )
        assert self._vm.stdin is not None
        self._vm.stdin.write(f"{request}.\n".encode())
        return self._number, str(tmp)

    def outcome(self, number: int) -> tuple[dict[str, Any], list[Seen | Skipped]]:
        """Return the pids of the actors and the observations of each step."""
        path = self._scratch / f"e{number}.seen"
        while number not in self._performed:
            line = self._read()
            if line is None:
                # On a busy machine the line once did not come, although the file was whole.
                if path.exists():
                    break
                raise NoErlang(f"nothing has come for {_PATIENCE} seconds, in {path.stem}")
            self._performed.add(int(line))
        seen = path.read_bytes()
        match terms.decode(seen):
            case ("seen", pids, steps):
                return {_word(name): pid for name, pid in pids}, [_seen(step) for step in steps]
            case failure:
                raise RuntimeError(f"the interpreter in Erlang has failed: {failure}")

    def close(self) -> None:
        """Stop the virtual machine."""
        assert self._vm.stdin is not None
        assert self._vm.stdout is not None
        self._vm.stdin.close()
        self._vm.wait(10)
        self._vm.stdout.close()

    def _read(self) -> str | None:
        """Return the rest of the next line that has the mark; None if nothing comes for long."""
        assert self._vm.stdout is not None
        while True:
            line, end, rest = self._output.partition(b"\n")
            if end:
                self._output = rest
                if line.startswith(b"= "):
                    return line[2:].decode().strip()
            elif not select.select([self._vm.stdout], [], [], _PATIENCE)[0]:
                return None
            elif data := self._vm.stdout.read(65536):
                self._output += data
            else:
                raise NoErlang("the virtual machine has ended")


_PATIENCE: Final = 60
"""Seconds in which something has to come from the virtual machine, also on a busy computer."""

_SOURCES: Final = tuple(
    Path(__file__).with_name(f"{name}.erl") for name in ("interpreter", "ports", "secure")
)


def compile_module(erl: str, source: Path, into: Path) -> None:
    """Compile an Erlang module, for `erl` to run."""
    # An Erlang without a compiler can still run modules: another one then compiles them.
    for compiler in dict.fromkeys((erl, shutil.which("erl"))):
        if compiler is not None:
            program = (
                f'case compile:file("{source}", [{{outdir, "{into}"}}]) of '
                "{ok, _} -> halt(0); _ -> halt(1) end."
            )
            done = subprocess.run(
                [compiler, "-noshell", "-eval", program], capture_output=True, check=False
            )
            if done.returncode == 0:
                return
    raise NoErlang(f"{erl} cannot compile {source.name}, and there is no other: {HOW_TO_INSTALL}")


def _step(step: Step) -> tuple[Any, ...]:
    match step:
        case Act(name, op, args, options, targets):
            word = "quick" if step.is_quick else "await" if step.awaited else "step"
            return (word, name, op, list(args), options, list(targets))
        case Wait(name):
            return ("wait", name)
        case Pause(seconds):
            return ("pause", round(seconds * 1000))


def _seen(step: Any) -> Seen | Skipped:
    if step == "skipped":
        return Skipped()
    returned, mailboxes, ended = step
    return Seen(
        [(_word(name), result) for name, result in returned],
        [(_word(name), messages) for name, messages in mailboxes],
        [(_word(name), reason) for name, reason in ended],
    )


def _word(name: str) -> str:
    # The names of processes that actors have spawned come back as atoms.
    return str(name)
