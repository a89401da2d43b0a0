"""Aliases: refs that lead to a process for as long as the process wants to receive through them.

A client sends an alias along with its request. The answer comes through the alias; once the client
has given up waiting the alias is inactive, and an answer that comes late is dropped.
`monitor(dest, alias=...)` makes the ref of a monitor an alias at the same time.
"""

from threading import get_ident
from typing import Any, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_word
from ..bodies.current import current_process
from ..core.identity import Ref, check_ref
from ..core.process import aliased
from ..core.remote import RemoteRef

__all__ = ["alias", "send_through", "unalias"]


@enable_ki_protection
def alias(mode: Literal["explicit_unalias", "reply"] = "explicit_unalias") -> Ref:
    """Create an alias of the calling process. Erlang's `alias/0,1`.

    Args:
        mode: the end of the alias: `"explicit_unalias"` keeps it active until `unalias`; with
            `"reply"` the first message through it ends it too.

    Returns:
        A `Ref` that other processes can `send` to: the message is delivered to the caller.

    Raises:
        TypeError, ValueError: `mode` is not one of the two words.

    Example::

        ref = alias("reply")
        send(server, Request(reply_to=ref))
        match await receive(Answer, after=2):
            case Timeout():
                unalias(ref)  # an answer that comes later is dropped
    """
    check_word("mode", mode, ("explicit_unalias", "reply"))
    ref = Ref()
    current_process().add_alias(ref, mode)
    return ref


@enable_ki_protection
def unalias(ref: Ref) -> bool:
    """Deactivate an alias of the calling process. Erlang's `unalias/1`.

    A monitor with the same ref stays.

    Args:
        ref: the result of `alias`, or of `monitor` with an alias.

    Returns:
        True if `ref` was an active alias of the caller's; False otherwise.

    Raises:
        TypeError: `ref` is not a `Ref`.

    Example::

        ref = alias()
        assert unalias(ref)
        send(ref, "dropped")
    """
    return current_process().drop_alias(check_ref(ref))


def send_through(ref: Ref, message: Any) -> None:
    """Deliver `message` to the process that `ref` is an alias of; drop it if it is inactive.

    Works from any thread, as `send` does.
    """
    process = aliased.get(ref)
    if process is None:
        if isinstance(ref, RemoteRef):
            ref.deliver(message)
        return
    if get_ident() != process.node.thread:
        process.node.deliver_soon(send_through, ref, message)
    else:
        # Before the delivery: an idle handler runs in it, and must find the alias ended.
        process.alias_used(ref)
        process.deliver(message)
