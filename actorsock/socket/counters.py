"""The counters of one socket, shown by `info`."""

from typing import Final

import attrs

__all__ = ["Counters"]

_LARGEST: Final = 2**64 - 1


@attrs.define
class Counters:
    """What a socket has done since it was opened.

    A *try* is an attempt that the operating system answered, a *wait* one that it could not
    serve yet, a *fail* one that it refused; a *pkg* is a completed operation. Bytes are counted
    once, as they pass.
    """

    read_tries: int = 0
    read_byte: int = 0
    read_pkg: int = 0
    read_pkg_max: int = 0
    read_fails: int = 0
    read_waits: int = 0
    write_tries: int = 0
    write_byte: int = 0
    write_pkg: int = 0
    write_pkg_max: int = 0
    write_fails: int = 0
    write_waits: int = 0
    acc_tries: int = 0
    acc_success: int = 0
    acc_waits: int = 0
    acc_fails: int = 0
    sendfile: int = 0
    sendfile_tries: int = 0
    sendfile_byte: int = 0
    sendfile_pkg: int = 0
    sendfile_pkg_max: int = 0
    sendfile_fails: int = 0
    sendfile_waits: int = 0
    sendfile_max: int = 0

    def wrap(self) -> list[str]:
        """Begin anew with what has passed 64 bits; the names of those counters."""
        wrapped = [name for name, value in attrs.asdict(self).items() if value > _LARGEST]
        for name in wrapped:
            setattr(self, name, getattr(self, name) & _LARGEST)
        return wrapped

    def shown(self) -> dict[str, int]:
        """The counters by name; those of sendfile once it has been used."""
        shown = {name: value & _LARGEST for name, value in attrs.asdict(self).items()}
        if self.sendfile:
            return shown
        return {name: value for name, value in shown.items() if not name.startswith("sendfile")}
