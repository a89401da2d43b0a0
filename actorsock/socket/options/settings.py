"""The values of a socket's options of level otp, which the library keeps and the kernel never sees.

The names of these options, and the checks of a new value, are in `otp`.
"""

from typing import Any, Final

import attrs

from ...arguments import check_bool

__all__ = ["DEFAULTS", "UNREGISTERED", "Settings", "check_settings"]


def _read_size(settings: "Settings") -> int:
    return settings.rcvbuf if isinstance(settings.rcvbuf, int) else settings.rcvbuf[1]


def _read_count(settings: "Settings") -> int:
    return 1 if isinstance(settings.rcvbuf, int) else settings.rcvbuf[0]


@attrs.frozen
class Settings:
    """Values of the otp options that may be set.

    Nearly every socket has the defaults, so sockets share one record until a program changes
    an option of one of them.
    """

    debug: bool = False
    iow: bool = False
    rcvbuf: int | tuple[int, int] = 8192
    """The bytes of one read if the caller gave no length; `(n, bytes)` allows up to n reads."""
    rcvctrlbuf: int = 1024
    sndctrlbuf: int = 1024
    use_registry: bool = True
    select_read: bool = False
    meta: Any = None

    # The two parts of rcvbuf. Every receive reads them, so they are computed once.
    read_size: int = attrs.field(
        default=attrs.Factory(_read_size, takes_self=True), init=False, eq=False, repr=False
    )
    """The bytes of one read."""
    read_count: int = attrs.field(
        default=attrs.Factory(_read_count, takes_self=True), init=False, eq=False, repr=False
    )
    """The most reads that one `recv` makes."""

    def handed_on(self) -> "Settings":
        """Return the settings of a socket that is accepted by one with these settings."""
        if self.meta is None and not self.select_read:
            return self
        return attrs.evolve(self, meta=None, select_read=False)


DEFAULTS: Final = Settings()
UNREGISTERED: Final = Settings(use_registry=False)


def check_settings(debug: object, use_registry: object) -> None:
    """Raise `TypeError` if these arguments of `open` are not bools; None is fine for the second."""
    check_bool("debug", debug)
    if use_registry is not None:
        check_bool("use_registry", use_registry, "a bool or None")
