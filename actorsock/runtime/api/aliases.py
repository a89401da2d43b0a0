"""Aliases: a ref that leads to a process for as long as the process wants to hear through it.

Whoever asks for something sends an alias along. The answer reaches it through the alias, and
once it has stopped waiting the alias is inactive: an answer that comes late goes nowhere.
`monitor(dest, alias=...)` makes a monitor's ref an alias at the same time.
"""

from typing import Any, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_word
from ..bodies.current import current_process
from ..core.identity import Ref, check_ref
from ..core.process import aliased

__all__ = ["alias", "send_through", "unalias"]


@enable_ki_protection
def alias(mode: Literal["explicit_unalias", "reply"] = "explicit_unalias") -> Ref:
    """A ref that others can `send` to, as long as it is active: the message comes to the caller.

    It is active until `unalias`, or with mode `"reply"` until the first message comes through
    it. Erlang's `alias/0,1`.
    """
    check_word("mode", mode, ("explicit_unalias", "reply"))
    ref = Ref()
    current_process().add_alias(ref, mode)
    return ref


@enable_ki_protection
def unalias(ref: Ref) -> bool:
    """Nothing comes through `ref` from here on; True if it was an active alias of the caller's.

    A monitor with the same ref stays. Erlang's `unalias/1`.
    """
    return current_process().drop_alias(check_ref(ref))


def send_through(ref: Ref, message: Any) -> None:
    """Deliver `message` to the process that `ref` is an alias of; to nobody if it is inactive."""
    process = aliased.get(ref)
    if process is not None:
        process.heard_through(ref)
        process.deliver(message)
