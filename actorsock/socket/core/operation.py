"""The request that a program makes to a socket actor, as the actor sees it.

An operation knows how to make an attempt on the descriptor and how far it has come. It does not
know whose turn it is and how its caller waits: that is the actor's part. The operations
themselves are in `operations`; this module has what is asked of each, and the two common ways in
which one may end early.
"""

import abc
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...results import Error, Ok, Tag
from ...runtime.core.identity import Pid
from .turns import Activity, LaneName

if TYPE_CHECKING:
    from .actor import SocketActor

__all__ = ["InParts", "Operation", "Whole"]

T_co = TypeVar("T_co", covariant=True)


class Operation(Generic[T_co]):
    """One request to a socket actor, and how far it has come."""

    # The metaclass is `type`: CPython makes instances of a class with another one, such as that of
    # `abc.ABC`, more slowly. Type checkers see what is abstract.

    __slots__ = ()

    tag: Tag
    """The name of the operation in select and abort messages."""

    activity: Activity
    """The queue that it shares with others; see `turns`."""

    lane: LaneName
    """The lane of the activity, stored here because each request looks at it."""

    @abc.abstractmethod
    def attempt(self, actor: "SocketActor", pid: Pid, patient: bool) -> Ok[T_co] | Error | None:
        """Do what can be done now on behalf of `pid`; return None when it must wait (for more).

        A `patient` caller will wait. For such a caller, None promises that the poller reports the
        next time that there is something to do, and an attempt may stop early with None so that
        other processes run. A caller that is not patient gets all that there is now.
        """

    @abc.abstractmethod
    def progress(self) -> Any:
        """Return the data of a `Select`: received so far, or left to send; None for nothing."""

    @abc.abstractmethod
    def continuation(self) -> Any:
        """Return what a later call needs to continue this one; it is put into the `SelectInfo`."""

    @abc.abstractmethod
    def interrupted(self, reason: str) -> Error:
        """Return the `Error` of a blocking call that ends before it is complete."""

    @abc.abstractmethod
    def abandoned(self, actor: "SocketActor", result: object) -> None:
        """Give back what the caller has not seen, because its blocking call unwinds.

        `result` is the result that the caller was woken with but could not return, or anything
        else if there was none.
        """

    @abc.abstractmethod
    def continues_in_actor(self, actor: "SocketActor") -> bool:
        """Return whether the actor may make the further attempts of a blocking call itself.

        That saves a switch to the caller for each attempt. It is allowed if nothing is lost when
        the caller is gone by the time the operation is complete.
        """


class Whole(Operation[T_co]):
    """An operation that is complete in one attempt, or has changed nothing."""

    __slots__ = ()

    def progress(self) -> None:
        """Return None: there is never a part of it."""

    def continuation(self) -> object:
        """Return None: there is nothing to continue."""
        return None

    def interrupted(self, reason: str) -> Error:
        """Return the error alone."""
        return Error(reason)

    def abandoned(self, actor: "SocketActor", result: object) -> None:
        """Do nothing: nothing was taken from the kernel."""

    def continues_in_actor(self, actor: "SocketActor") -> bool:
        """Return False: what an attempt takes from the kernel could not be given back."""
        return False


class InParts(Operation[T_co]):
    """An operation that gives something to the kernel, part by part."""

    __slots__ = ()

    def interrupted(self, reason: str) -> Error:
        """Return the error, with how far it has come."""
        return Error(reason, self.progress())

    def abandoned(self, actor: "SocketActor", result: object) -> None:
        """Do nothing: what the kernel has taken can't be taken back."""

    def continues_in_actor(self, actor: "SocketActor") -> bool:
        """Return True: the kernel may take more of it while the caller is suspended or gone."""
        return True
