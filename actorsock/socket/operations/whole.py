"""What operations without parts have in common: they are done, or have not begun."""

from ...results import Error
from ..actor import SocketActor

__all__ = ["Whole"]


class Whole:
    """An operation that is complete in one attempt, or has changed nothing."""

    __slots__ = ()

    def progress(self) -> None:
        """There is no part of it."""

    def continuation(self) -> object:
        """Nothing to go on from."""
        return None

    def interrupted(self, reason: str) -> Error:
        """The error alone."""
        return Error(reason)

    def abandoned(self, actor: SocketActor, answer: object) -> None:
        """Nothing was taken."""

    def in_place(self, actor: SocketActor) -> bool:
        """No: what it takes can't be given back."""
        return False
