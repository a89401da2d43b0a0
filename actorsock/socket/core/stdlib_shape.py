"""The attributes of Python's sockets that libraries for trio use on `stream.socket`.

They are no second interface for programs, which have the functions of `actorsock.socket`: there is
nothing here that could wait, and failures are raised, as Python's sockets do it.
"""

from typing import Any, overload

__all__ = ["StdlibShape"]


class StdlibShape:
    """Base class of `Socket`: attributes and methods named as in Python's `socket.socket`."""

    __slots__ = ()

    _actor: Any

    @property
    def family(self) -> int:
        """The address family, such as `socket.AF_INET`."""
        number: int = self._actor.sock.family
        return number

    @property
    def type(self) -> int:
        """The type, such as `socket.SOCK_STREAM`."""
        number: int = self._actor.sock.type
        return number

    @property
    def proto(self) -> int:
        """The number of the protocol."""
        number: int = self._actor.sock.proto
        return number

    def fileno(self) -> int:
        """Return the file descriptor; -1 if the socket is closed.

        Reading from it, writing to it and closing it is reserved for this library.
        """
        number: int = self._actor.sock.fileno()
        return number

    def getsockname(self) -> Any:
        """Return the socket's own address in Python's form, such as `("127.0.0.1", 8000)`.

        Raises:
            OSError: the socket is closed (`errno.EBADF`), or the kernel's error.
        """
        return self._actor.sock.getsockname()

    def getpeername(self) -> Any:
        """Return the peer's address in Python's form.

        Raises:
            OSError: the socket is closed or not connected, or the kernel's error.
        """
        return self._actor.sock.getpeername()

    @overload
    def setsockopt(self, level: int, option: int, value: int | bytes | bytearray) -> None: ...
    @overload
    def setsockopt(self, level: int, option: int, value: None, length: int) -> None: ...
    def setsockopt(self, level: int, option: int, value: Any, length: int | None = None) -> None:
        """Set an option by numbers. `actorsock.socket.setopt` takes names.

        Args:
            level: such as `socket.SOL_SOCKET`.
            option: such as `socket.SO_KEEPALIVE`.
            value: an int or bytes; or None, with a length.
            length: for Python's form without a value.

        Raises:
            OSError: the socket is closed, or the kernel's error.
        """
        arguments = (value,) if length is None else (value, length)
        self._actor.sock.setsockopt(level, option, *arguments)
        self._actor.note_option(level, option)

    @overload
    def getsockopt(self, level: int, option: int) -> int: ...
    @overload
    def getsockopt(self, level: int, option: int, buflen: int) -> bytes: ...
    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        """Return the value of an option by numbers. `actorsock.socket.getopt` takes names.

        Args:
            level: such as `socket.SOL_SOCKET`.
            option: such as `socket.SO_KEEPALIVE`.
            buflen: 0 for an int; otherwise the largest number of bytes to return.

        Raises:
            OSError: the socket is closed, or the kernel's error.
        """
        value: int | bytes = self._actor.sock.getsockopt(level, option, buflen)
        return value
