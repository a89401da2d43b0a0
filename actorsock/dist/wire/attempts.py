"""Who connects to whom, if both nodes begin: the rules for one other node, without I/O.

The owner reports what happens to its connections, and is told what to do with them. A connection
is any object that the owner uses as a name of it.

Of two attempts at the same time the one of the node with the greater name goes on, which both sides
can tell. Messages that wait for a connection go through the one that comes up, whoever began it, so
none is lost as long as one does.
"""

from typing import Any

import attrs

from .handshake import Status

__all__ = ["Attempts", "Drop", "GiveUp", "Up"]


@attrs.frozen
class Drop:
    """Close the connection of an attempt, or the one that a new one replaces; say nothing."""

    connection: Any


@attrs.frozen
class Up:
    """Use this connection from now on."""

    connection: Any


@attrs.frozen
class GiveUp:
    """The connection is lost, or no attempt is left: what goes or waits for one is lost."""


Decision = Drop | Up | GiveUp


@attrs.define
class Attempts:
    """The connections with the node `other`, as seen by the node `me`."""

    me: str
    other: str
    ours: Any = None
    """Our attempt, while its handshake goes on."""
    theirs: Any = None
    """Their attempt, while its handshake goes on."""
    up: Any = None
    """The connection that is used."""
    awaiting: bool = False
    """They have refused our attempt because theirs goes on, and it has not reached us yet."""

    @property
    def idle(self) -> bool:
        """True if there is neither a connection nor an attempt: one may be begun."""
        return self.ours is self.theirs is self.up is None and not self.awaiting

    def begun(self, connection: Any) -> None:
        """Note our attempt; only if `idle`."""
        assert self.idle
        self.ours = connection

    def begun_by_them(self, connection: Any) -> tuple[Status, list[Decision]]:
        """Return the status to answer an attempt of theirs with."""
        if self.up is not None:
            # A handshake that replaces the connection: they have lost it, and we do not know yet.
            dropped = self._replace_theirs(connection)
            return "alive", dropped
        if self.ours is not None:
            if self.me > self.other:
                return "nok", []
            ours, self.ours = self.ours, None
            return "ok_simultaneous", [Drop(ours), *self._replace_theirs(connection)]
        return "ok", self._replace_theirs(connection)

    def _replace_theirs(self, connection: Any) -> list[Decision]:
        # A node makes one attempt at a time, so an earlier one of theirs is over.
        before, self.theirs = self.theirs, connection
        self.awaiting = False
        return [] if before is None else [Drop(before)]

    def may_replace(self) -> bool:
        """Return the answer to `alive`: whether our attempt replaces what they take for alive.

        They have it, we do not: unless their own attempt is what they mean.
        """
        return self.up is None and self.theirs is None

    def refused(self, connection: Any, status: str | None) -> list[Decision]:
        """Note that the other side has refused our attempt."""
        if connection is not self.ours:
            return []
        self.ours = None
        if status in ("nok", "alive"):
            # Theirs goes on, or is up already: with us it may be on its way.
            self.awaiting = self.theirs is None and self.up is None
            return []
        return self._over()

    def completed(self, connection: Any) -> list[Decision]:
        """Note that a handshake is complete."""
        if connection is self.ours:
            self.ours = None
        elif connection is self.theirs:
            self.theirs = None
        else:
            return [Drop(connection)]  # it was given up in the meantime
        self.awaiting = False
        before, self.up = self.up, connection
        return [Up(connection)] if before is None else [Drop(before), Up(connection)]

    def ended(self, connection: Any) -> list[Decision]:
        """Note that a connection, or the attempt on it, has ended."""
        if connection is self.ours:
            self.ours = None
        elif connection is self.theirs:
            self.theirs = None
        elif connection is self.up:
            # Also while an attempt of theirs goes on: that may be another life of the node.
            self.up = None
            return [GiveUp()]
        else:
            return []
        return self._over()

    def waited_long(self) -> list[Decision]:
        """Note that the attempt that they went on with has not come."""
        if not self.awaiting:
            return []
        self.awaiting = False
        return self._over()

    def _over(self) -> list[Decision]:
        return [GiveUp()] if self.idle else []
