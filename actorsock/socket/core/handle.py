"""The socket as a program holds it: an opaque term that can be sent to any process."""

from itertools import count
from types import TracebackType
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from .stdlib_shape import StdlibShape

__all__ = ["Socket"]

_numbers: Final = count(1)


class Socket(StdlibShape):
    """A socket; every function of this module takes it first. Erlang's `socket()`.

    Any process may use it; the one that opened or accepted it owns it, and its end closes the
    socket. It stays open when the last copy of this object is gone: close it, or use
    `async with`, which closes it on the way out.
    """

    __slots__ = ("__weakref__", "_actor", "_number")

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
        if not self._actor.turns.closed:  # if it is, the runtime may be over too
            await self._actor.close()
