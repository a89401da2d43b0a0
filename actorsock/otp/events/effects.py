"""What the rules of an event manager ask for, besides the effects of all behaviours."""

from typing import Any

import attrs

from ...runtime.core.identity import Pid
from ..behaviour.effects import Raised

__all__ = ["Link", "Report", "Tell", "Unlink"]


@attrs.frozen
class Link:
    """Link the manager with a process that supervises a handler."""

    pid: Pid


@attrs.frozen
class Unlink:
    """Remove such a link."""

    pid: Pid


@attrs.frozen
class Tell:
    """Send a message to a process."""

    pid: Pid
    message: Any


@attrs.frozen
class Report:
    """Log that a callback of a handler has failed, and that the handler is removed."""

    handler: Any
    callback: str
    failure: Raised
    supervisor: Pid | None = None
    """The process that is told by a message."""
