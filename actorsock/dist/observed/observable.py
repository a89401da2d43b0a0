"""`Observable`: what other nodes may see of this one and do here."""

from typing import Final

import attrs

from ...arguments import check_bool
from ..node.distribution import Distribution
from .load import Traffic
from .windows import Windows

__all__ = ["Look", "Observable"]


@attrs.frozen(kw_only=True)
class Observable:
    """Lets Erlang's observer, etop and observer_cli on other nodes look at this one.

    It is the argument `observable` of `dist.start`. Every node that knows the cookie can look then.
    Erlang has no counterpart: there, every node can be looked at.

    Attributes:
        control: True lets people end processes and collect garbage by the windows of an observer.
            With False, the default, this node drops and logs exit signals that come from these
            windows. All other processes of other nodes can send exit signals in any case, as in
            every cluster.
        messages: True also shows the messages in mailboxes and the states of behaviours. With
            False, the default, only labels, names and stacks are shown.
        tracing: True lets etop measure how long processes run, as it does by default; else it
            needs `{tracing, off}`. For that the node listens, while etop is used, on the port that
            etop names (8415 unless it is told another) of the address `listen` of `dist.start`,
            without authentication or encryption, and traces all processes, which makes them
            slower. One connection is accepted, from the machine of the node that has asked. It
            gets pids and run times.

    Raises:
        TypeError: an argument is not a bool.

    Example::

        async with dist.start("py@host", cookie_file=..., observable=dist.Observable()):
            await work()
    """

    control: bool = False
    messages: bool = False
    tracing: bool = False

    def __attrs_post_init__(self) -> None:
        check_bool("control", self.control)
        check_bool("messages", self.messages)
        check_bool("tracing", self.tracing)


class Look:
    """What the functions of the table get as their first argument: the node, what may be shown of
    it, and what was seen before."""

    def __init__(self, node: Distribution, observable: Observable) -> None:
        self.node: Final = node
        self.control: Final = observable.control
        self.messages: Final = observable.messages
        self.tracing: Final = observable.tracing
        self.traffic: Final = Traffic(node.node)
        self.windows: Final = Windows(node)
