"""What operations have in common that are done whole, or may be done in part."""

from typing import Any

from ...results import Error
from ..core.actor import Operation, SocketActor

__all__ = ["Partly", "Whole"]


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


class Partly:
    """An operation that gives to the kernel, part by part."""

    __slots__ = ()

    def interrupted(self: Operation[Any], reason: str) -> Error:
        """The error, with how far it has come."""
        return Error(reason, self.progress())

    def abandoned(self, actor: SocketActor, answer: object) -> None:
        """What has gone has gone."""

    def in_place(self, actor: SocketActor) -> bool:
        """Yes: nobody has to be there when the kernel takes more of it."""
        return True
