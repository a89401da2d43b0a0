"""The select info: what ties the answer "it must wait" to the message that follows."""

from typing import Any, Literal

import attrs

from .runtime.identity import Ref

__all__ = ["SelectInfo", "Tag"]

Tag = Literal[
    "accept",
    "connect",
    "recv",
    "recvfrom",
    "recvmsg",
    "send",
    "sendfile",
    "sendmsg",
    "sendto",
    "sendv",
]
"""The operation that waits."""


@attrs.frozen
class SelectInfo:
    """Names a waiting operation: what `cancel` takes. Erlang's `{select_info, Tag, Handle}`."""

    tag: Tag
    ref: Ref
    """The handle: the select or abort message will carry it."""
    continuation: Any = attrs.field(default=None, eq=False, repr=False)
    """What a send that is continued with this info goes on with (flags, destination)."""
