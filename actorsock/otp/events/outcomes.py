"""The results of an `EventHandler`'s callbacks that end the handler."""

from typing import Any

import attrs

from ..behaviour.lifecycle import NO_REPLY
from .names import HandlerName, handler_name

__all__ = ["RemoveHandler", "SwapHandler"]


@attrs.frozen
class RemoveHandler:
    """The result of a callback: remove this handler. Erlang's `remove_handler`.

    The manager calls `terminate("remove_handler")` of the handler, and forgets it.

    Args:
        reply: from `handle_call`, where it is needed: the answer (`{remove_handler, Reply}`).
    """

    reply: Any = NO_REPLY


@attrs.frozen
class SwapHandler:
    """The result of a callback: replace this handler by another one. Erlang's `swap_handler`.

    The manager calls `terminate(args)` of this handler, and `init(new_args, term)` of the new
    one, where `term` is the result of `terminate`. The new one is supervised by the same process.

    Args:
        args: any value, for `terminate`.
        handler: the new handler: a class derived from `EventHandler`, or `(class, id)`.
        new_args: any value, for `init`.
        reply: from `handle_call`, where it is needed: the answer.

    Raises:
        TypeError: `handler` is neither such a class nor such a pair.
    """

    args: Any
    handler: HandlerName = attrs.field(converter=handler_name)
    new_args: Any
    reply: Any = NO_REPLY
