"""How a handler is named: by its class, or by its class and an id."""

from typing import Any

from ...arguments import shown
from ...log_text import text_of
from ..calls.calling import is_same
from .event_handler import EventHandler

__all__ = ["HandlerName", "class_of", "handler_name", "is_same_name", "text_of_name"]

HandlerName = type[EventHandler] | tuple[type[EventHandler], Any]
"""A class derived from `EventHandler`, or `(class, id)` with any id: several handlers of one class
are told apart by their ids. Erlang's `Module | {Module, Id}`."""


def handler_name(handler: Any) -> HandlerName:
    """Return `handler`; raise `TypeError` if it is no name of a handler."""
    cls = handler[0] if type(handler) is tuple and len(handler) == 2 else handler
    if not (isinstance(cls, type) and issubclass(cls, EventHandler)):
        raise TypeError(
            "handler: expected a class derived from EventHandler, or (class, id), "
            f"got {shown(handler)}"
        )
    return handler  # type: ignore[no-any-return]


def class_of(name: HandlerName) -> type[EventHandler]:
    """Return the class in a name."""
    return name[0] if isinstance(name, tuple) else name


def is_same_name(name: HandlerName, other: HandlerName) -> bool:
    """Return True if both name the same handler."""
    if isinstance(name, tuple) and isinstance(other, tuple):
        return name[0] is other[0] and is_same(name[1], other[1])
    return name is other


def text_of_name(name: HandlerName) -> str:
    """Return a name as log records show it."""
    cls = class_of(name).__qualname__
    return f"({cls}, {text_of(name[1])})" if isinstance(name, tuple) else cls
