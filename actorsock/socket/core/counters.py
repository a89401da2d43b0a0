"""The counters of one socket, shown by `info`."""

from typing import Final

__all__ = ["COUNTERS", "Counters"]

_LARGEST: Final = 2**64 - 1


class Counters:
    """What a socket has done since it was opened.

    A *try* is an attempt that the operating system answered, a *wait* one that it could not
    serve yet, a *fail* one that it refused; a *pkg* is a completed operation. Bytes are counted
    once, as they pass.
    """

    # Of the class until they are counted: a socket starts with none, and many never use most.

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
        """Begin anew with what has passed 64 bits; the names of those counters."""
        wrapped = [name for name in COUNTERS if getattr(self, name) > _LARGEST]
        for name in wrapped:
            setattr(self, name, getattr(self, name) & _LARGEST)
        return wrapped

    def shown(self) -> dict[str, int]:
        """The counters by name; those of sendfile once it has been used."""
        shown = {name: getattr(self, name) & _LARGEST for name in COUNTERS}
        if self.sendfile:
            return shown
        return {name: value for name, value in shown.items() if not name.startswith("sendfile")}


COUNTERS: Final = tuple(
    name for name, value in vars(Counters).items() if type(value) is int and name[0] != "_"
)
"""The names of all counters, in the order in which they are shown."""
