"""`Observable`: what other nodes may see of this one, and what is needed to tell it."""

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

    It is the argument `observable` of `dist.start`. Each node that knows the cookie can look then.

    Attributes:
        control: True lets people act by the windows of an observer: end processes, and collect
            garbage. Otherwise exit signals that come from these windows are dropped and logged.
            All other processes of other nodes can send exit signals in any case, as in every
            cluster.
        messages: True shows the messages in mailboxes and the states of behaviours too. Labels,
            names and the stack are shown in any case.

    Raises:
        TypeError: an argument is no bool.

    Example::

        async with dist.start("py@host", cookie_file=..., observable=dist.Observable()):
            await work()
    """

    control: bool = False
    messages: bool = False

    def __attrs_post_init__(self) -> None:
        check_bool("control", self.control)
        check_bool("messages", self.messages)


class Look:
    """What the functions of the table know: the node, and what may be shown of it."""

    def __init__(self, node: Distribution, observable: Observable) -> None:
        self.node: Final = node
        self.control: Final = observable.control
        self.messages: Final = observable.messages
        self.traffic: Final = Traffic(node.node)
        self.windows: Final = Windows(node)
