"""The socket as programs have it: an opaque value that can be sent to any process."""

from itertools import count
from types import TracebackType
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ...runtime.core.identity import Numbered
from .stdlib_shape import StdlibShape

__all__ = ["Socket"]

_numbers: Final = count(1)


class Socket(StdlibShape, Numbered):
    """A socket: the first argument of the functions of this module. Erlang's `socket()`.

    Any process may use it. The process that opened or accepted it owns it, and the end of that
    process closes the socket. The end of the last reference to this object does not: call
    `close`, or use `async with`, which closes the socket on the way out.

    Example::

        async with ok(socket.open("inet", "stream")) as sock:
            ok(await socket.connect(sock, ("127.0.0.1", 8080)))
    """

    __slots__ = ("_actor",)

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._number = next(_numbers)

    def __repr__(self) -> str:
        return f"#Socket<0.{self._number}>"

    def __copy__(self) -> "Socket":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Socket":
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(f"{self!r} means something only inside this program: it can't be pickled")

    async def __aenter__(self) -> "Socket":
        return self

    @enable_ki_protection
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._actor.turns.closed:  # if it is, its runtime may have ended too
            await self._close()

    async def _close(self) -> None:
        """Close the socket, in whatever way the block is left."""
        await self._actor.close()
