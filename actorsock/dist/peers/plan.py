"""What a peer is told before it begins: who it is, who its parent is, and where its code is.

It goes through a pipe that the two programs share alone, because others can read command lines and
environments. The pipe stays open: its end is the end of the peer.
"""

import json
import logging
import os
import sys
from typing import Any

import attrs

from ..node.distribution import Settings
from ..served.importable import main_file

__all__ = ["BOOT", "Plan", "interpreter_flags", "search_path"]

BOOT = """\
import json, os, sys
line = os.fdopen(int(sys.argv[1]), "r+b", 0)
told = json.loads(line.readline())
sys.path[:] = told["path"]
from actorsock.dist.peers.program import main
main(line, told)
"""
"""The program of a peer: it knows where the library is only when it has been told."""


@attrs.frozen
class Plan:
    """One peer."""

    name: str
    parent: str
    cookie: str = attrs.field(repr=False)
    key: str = attrs.field(repr=False)
    """What its parent shows to have a function run, in hexadecimal digits."""
    parent_address: tuple[str, int] | None
    listen: str
    tls: tuple[str, str, str] | None
    hidden: bool
    net_ticktime: float
    none: str
    epmd_port: int
    register: bool
    shutdown: float
    """Seconds that it has to end."""
    pid: int = attrs.field(factory=os.getpid)
    """The parent, for the operating system."""
    path: list[str] = attrs.field(factory=lambda: search_path())
    argv: list[str] = attrs.field(factory=lambda: list(sys.argv))
    main: str | None = attrs.field(factory=main_file)
    level: int = attrs.field(factory=lambda: logging.getLogger().getEffectiveLevel())

    @classmethod
    def by(cls, settings: Settings, name: str, key: bytes, shutdown: float) -> "Plan":
        """Return the plan of a peer of the node with these settings; it does as its parent does."""
        tls = settings.tls
        if tls is not None and tls.files is None:
            raise ValueError("tls: peers need the files: make it with dist.Tls.from_files")
        return cls(
            name,
            settings.name,
            settings.cookie,
            key.hex(),
            settings.address,
            "127.0.0.1" if settings.address is None else settings.address[0],
            None if tls is None else tls.files,
            settings.hidden,
            settings.ticktime,
            settings.none,
            settings.epmd_port,
            settings.registered,
            shutdown,
        )

    def as_line(self) -> bytes:
        """Return it as one line."""
        return json.dumps(attrs.asdict(self)).encode() + b"\n"

    @classmethod
    def from_told(cls, told: dict[str, Any]) -> "Plan":
        """Return what was told by such a line."""
        for name in ("parent_address", "tls"):
            told[name] = told[name] and tuple(told[name])
        return cls(**told)


def search_path() -> list[str]:
    """Return where this program finds its modules, without what depends on the folder it is in."""
    return [os.path.abspath(entry) for entry in sys.path]


def interpreter_flags() -> list[str]:
    """Return the options of this interpreter that the code of a program depends on."""
    named = [name if value is True else f"{name}={value}" for name, value in sys._xoptions.items()]
    return [
        *(["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []),
        *(f"-W{option}" for option in sys.warnoptions),
        *(f"-X{option}" for option in named),
    ]
