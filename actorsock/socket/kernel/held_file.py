"""A file that a sendfile goes on with: kept open while the operation waits, whoever closes it."""

import os
from typing import Self

__all__ = ["HeldFile"]


class HeldFile:
    """A descriptor of our own for somebody's file; closed when nobody needs it any more."""

    __slots__ = ("fd",)

    fd: int

    def __init__(self, fd: int) -> None:
        """Raises `OSError` when there are no more descriptors, or `fd` is none."""
        self.fd = -1
        self.fd = os.dup(fd)

    def close(self) -> None:
        """Close it; once is enough."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    # An operation that is cancelled, or whose socket is closed, is just dropped.
    __del__ = close

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
