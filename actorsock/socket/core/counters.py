"""The counters of one socket, shown by `info`."""

from typing import Final

__all__ = ["COUNTERS", "Counters"]

_LARGEST: Final = 2**64 - 1


class Counters:
    """The counters of one socket since it was opened.

    A *try* is a system call that was made, a *wait* one that would have blocked, a *fail* one
    that failed; a *pkg* is a completed operation. Each byte is counted once, as it passes.
    """

    # Class attributes until something is counted: most sockets never use most of them, and an
    # instance without attributes of its own is smaller and faster to make.

    read_tries = 0
    read_byte = 0
    read_pkg = 0
    read_pkg_max = 0
    read_fails = 0
    read_waits = 0
    write_tries = 0
    write_byte = 0
    write_pkg = 0
    write_pkg_max = 0
    write_fails = 0
    write_waits = 0
    acc_tries = 0
    acc_success = 0
    acc_waits = 0
    acc_fails = 0
    sendfile = 0
    sendfile_tries = 0
    sendfile_byte = 0
    sendfile_pkg = 0
    sendfile_pkg_max = 0
    sendfile_fails = 0
    sendfile_waits = 0
    sendfile_max = 0

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


COUNTERS: Final = tuple(
    name for name, value in vars(Counters).items() if type(value) is int and name[0] != "_"
)
"""The names of all counters, in the order in which they are shown."""
