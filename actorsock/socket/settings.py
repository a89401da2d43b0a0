"""The settings of a socket at level otp: what the library itself goes by."""

from typing import Any, Final

import attrs

__all__ = ["DEFAULTS", "UNREGISTERED", "Settings"]


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

    @property
    def read_size(self) -> int:
        """Bytes of one read."""
        return self.rcvbuf if isinstance(self.rcvbuf, int) else self.rcvbuf[1]

    @property
    def read_count(self) -> int:
        """Reads that one recv may do."""
        return 1 if isinstance(self.rcvbuf, int) else self.rcvbuf[0]


DEFAULTS: Final = Settings()
UNREGISTERED: Final = Settings(use_registry=False)
