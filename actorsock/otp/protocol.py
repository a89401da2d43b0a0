"""What callers and servers send each other, whatever the behaviour of the server.

`Call` and `Cast` are requests, `Answer` comes back through the caller's alias. A process that
is no behaviour may receive calls too: it matches `Call(caller, request)` and uses `reply`.
"""

from typing import Any

import attrs

from ..results import Error
from ..runtime.identity import Pid, Ref

__all__ = ["Answer", "Begin", "Begun", "Call", "Caller", "Cast", "StopRequest", "Tick"]


@attrs.frozen
class Caller:
    """Who waits for an answer; Erlang's `From`."""

    pid: Pid
    ref: Ref
    """The alias that the answer goes to. It is active for as long as the caller waits."""


@attrs.frozen
class Call:
    """A request that is to be answered."""

    caller: Caller
    request: Any


@attrs.frozen
class Cast:
    """A request that is not answered."""

    request: Any


@attrs.frozen
class Answer:
    """The answer to a call."""

    ref: Ref
    value: Any


@attrs.frozen
class StopRequest:
    """What `stop` asks for."""

    reason: Any


@attrs.frozen
class Begin:
    """The first message to a new server."""

    parent: Pid | None
    """Whose exit signal ends it even if it traps exits: the process that it was linked to."""
    starter: Ref
    """Where it says how `init` went."""
    args: tuple[Any, ...]


@attrs.frozen
class Begun:
    """How `init` went: None is well."""

    ref: Ref
    error: Error | None


@attrs.frozen
class Tick:
    """A server's own timer has run out; a stamp that is no longer valid says: ignore it."""

    name: Any
    stamp: int
