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

    # A slot is empty until something is counted in it: most sockets never use most of them, and so
    # a new instance costs nothing but its memory.
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

    def __getattr__(self, name: str) -> int:
        # Python calls this only for an empty slot, or a name that does not exist.
        if name in COUNTERS:
            return 0
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


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
