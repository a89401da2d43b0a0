"""The counters of one socket, shown by `info`."""

from typing import Final

from ..._native import twin

__all__ = ["COUNTERS", "Counters"]

COUNTERS: Final = (
    "read_tries",
    "read_byte",
    "read_pkg",
    "read_pkg_max",
    "read_fails",
    "read_waits",
    "write_tries",
    "write_byte",
    "write_pkg",
    "write_pkg_max",
    "write_fails",
    "write_waits",
    "acc_tries",
    "acc_success",
    "acc_waits",
    "acc_fails",
    "sendfile",
    "sendfile_tries",
    "sendfile_byte",
    "sendfile_pkg",
    "sendfile_pkg_max",
    "sendfile_fails",
    "sendfile_waits",
    "sendfile_max",
)
"""The names of all counters, in the order in which they are shown."""

_LARGEST: Final = 2**64 - 1


@twin
class CountedNumbers:
    """The numbers of `Counters`, each an attribute: 0 until something is counted in it."""

    __slots__ = COUNTERS

    read_tries: int
    read_byte: int
    read_pkg: int
    read_pkg_max: int
    read_fails: int
    read_waits: int
    write_tries: int
    write_byte: int
    write_pkg: int
    write_pkg_max: int
    write_fails: int
    write_waits: int
    acc_tries: int
    acc_success: int
    acc_waits: int
    acc_fails: int
    sendfile: int
    sendfile_tries: int
    sendfile_byte: int
    sendfile_pkg: int
    sendfile_pkg_max: int
    sendfile_fails: int
    sendfile_waits: int
    sendfile_max: int

    def __init__(self) -> None:
        # Every slot, at once: a `__getattr__` for the empty ones would make each count take twice
        # as long.
        self.read_tries = self.read_byte = self.read_pkg = self.read_pkg_max = 0
        self.read_fails = self.read_waits = 0
        self.write_tries = self.write_byte = self.write_pkg = self.write_pkg_max = 0
        self.write_fails = self.write_waits = 0
        self.acc_tries = self.acc_success = self.acc_waits = self.acc_fails = 0
        self.sendfile = self.sendfile_tries = self.sendfile_byte = 0
        self.sendfile_pkg = self.sendfile_pkg_max = self.sendfile_max = 0
        self.sendfile_fails = self.sendfile_waits = 0


class Counters(CountedNumbers):
    """The counters of one socket since it was opened.

    A *try* is a system call that was made, a *wait* one that would have blocked, a *fail* one
    that failed; a *pkg* is a completed operation. Each byte is counted once, as it passes.
    """

    __slots__ = ()

    def wrap(self) -> list[str]:
        """Restart the counters that have passed 64 bits, and return their names."""
        wrapped = [name for name in COUNTERS if getattr(self, name) > _LARGEST]
        for name in wrapped:
            setattr(self, name, getattr(self, name) & _LARGEST)
        return wrapped

    def shown(self) -> dict[str, int]:
        """Return the counters by name; those of sendfile only once it has been used."""
        shown = {name: getattr(self, name) & _LARGEST for name in COUNTERS}
        if self.sendfile:
            return shown
        return {name: value for name, value in shown.items() if not name.startswith("sendfile")}
