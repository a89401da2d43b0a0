"""The settings of a socket at level otp: what the library itself goes by."""

from typing import Any, Final

import attrs

from ...arguments import check_bool

__all__ = ["DEFAULTS", "UNREGISTERED", "Settings", "check_settings"]


@attrs.frozen
class Settings:
    """Values of the otp options that may be set; shared until one of them is changed."""

    debug: bool = False
    iow: bool = False
    rcvbuf: int | tuple[int, int] = 8192
    """Bytes read at once when no length is asked for; `(n, bytes)` allows up to n reads."""
    rcvctrlbuf: int = 1024
    sndctrlbuf: int = 1024
    use_registry: bool = True
    select_read: bool = False
    meta: Any = None

    # Looked at by every receive, hence worked out once.
    read_size: int = attrs.field(init=False, eq=False, repr=False)
    """Bytes of one read."""
    read_count: int = attrs.field(init=False, eq=False, repr=False)
    """Reads that one recv may do."""

    @read_size.default
    def _size(self) -> int:
        return self.rcvbuf if isinstance(self.rcvbuf, int) else self.rcvbuf[1]

    @read_count.default
    def _count(self) -> int:
        return 1 if isinstance(self.rcvbuf, int) else self.rcvbuf[0]

    def handed_on(self) -> "Settings":
        """What a socket that is accepted starts with."""
        if self.meta is None and not self.select_read:
            return self
        return attrs.evolve(self, meta=None, select_read=False)


DEFAULTS: Final = Settings()
UNREGISTERED: Final = Settings(use_registry=False)


def check_settings(debug: object, use_registry: object) -> None:
    """Raise `TypeError`, naming the argument, unless these are what `open` takes."""
    check_bool("debug", debug)
    if use_registry is not None:
        check_bool("use_registry", use_registry, "a bool or None")
