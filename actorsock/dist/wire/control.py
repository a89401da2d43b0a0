"""What one node asks of another: one table of operations, each with its number and its fields.

A control message is a tuple, the number first. `parsed` makes an `Operation` of one, and leaves out
the token of a traced form. Whether a reason or a message stands in the tuple or in the payload is
decided by the table too.
"""

from typing import Any, Final

import attrs

from ...runtime.core.identity import Pid, Ref
from ..terms.values import BadTerm

__all__ = ["OPERATIONS", "Operation", "Row", "parsed"]


# The numbers of the forms that this node sends: reasons as payload, and no tokens.
LINK: Final = 1
SEND_NAME: Final = 6
MONITOR: Final = 19
DEMONITOR: Final = 20
SEND: Final = 22
EXIT: Final = 24
EXIT2: Final = 26
MONITOR_EXIT: Final = 28
SPAWN: Final = 29
SPAWN_REPLY: Final = 31
SEND_ALIAS: Final = 33
UNLINK: Final = 35
UNLINK_ACK: Final = 36


@attrs.frozen
class Row:
    """One form of an operation."""

    name: str
    fields: tuple[tuple[str, tuple[type, ...]], ...]
    """The fields after the number, each with its types. An underscore has no meaning."""
    payload: str | None = None
    """The field that is the payload."""


@attrs.frozen
class Operation:
    """A control message that was received: what is asked, and the fields by their names."""

    name: str
    fields: dict[str, Any]


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "pid": (Pid,),
    "ref": (Ref,),
    "name": (str,),
    "target": (Pid, str),
    "int": (int,),
    "any": (object,),
}
"""What stands in a field; a target is a pid or a registered name."""

_SPAWN: Final = "ref:ref sender:pid leader:pid function:any options:any"


def _row(name: str, fields: str, payload: str | None = None) -> Row:
    pairs = (field.partition(":") for field in fields.split())
    return Row(name, tuple((field, _KINDS[kind]) for field, _, kind in pairs), payload)


OPERATIONS: Final[dict[int, Row]] = {
    1: _row("link", "sender:pid to:pid"),
    2: _row("send", "_:any to:pid", "message"),
    3: _row("exit", "sender:pid to:pid reason:any"),
    6: _row("send_name", "sender:pid _:any to:name", "message"),
    7: _row("group_leader", "sender:pid to:pid"),
    8: _row("exit2", "sender:pid to:pid reason:any"),
    12: _row("send", "_:any to:pid token:any", "message"),
    13: _row("exit", "sender:pid to:pid token:any reason:any"),
    16: _row("send_name", "sender:pid _:any to:name token:any", "message"),
    18: _row("exit2", "sender:pid to:pid token:any reason:any"),
    19: _row("monitor", "sender:pid to:target ref:ref"),
    20: _row("demonitor", "sender:pid to:target ref:ref"),
    21: _row("monitor_exit", "sender:target to:pid ref:ref reason:any"),
    22: _row("send", "sender:pid to:pid", "message"),
    23: _row("send", "sender:pid to:pid token:any", "message"),
    24: _row("exit", "sender:pid to:pid", "reason"),
    25: _row("exit", "sender:pid to:pid token:any", "reason"),
    26: _row("exit2", "sender:pid to:pid", "reason"),
    27: _row("exit2", "sender:pid to:pid token:any", "reason"),
    28: _row("monitor_exit", "sender:target to:pid ref:ref", "reason"),
    29: _row("spawn", _SPAWN, "arguments"),
    30: _row("spawn", f"{_SPAWN} token:any", "arguments"),
    31: _row("spawn_reply", "ref:ref to:pid flags:int result:any"),
    32: _row("spawn_reply", "ref:ref to:pid flags:int result:any token:any"),
    33: _row("send_alias", "sender:pid to:ref", "message"),
    34: _row("send_alias", "sender:pid to:ref token:any", "message"),
    35: _row("unlink", "id:int sender:pid to:pid"),
    36: _row("unlink_ack", "id:int sender:pid to:pid"),
}
"""The operations by their numbers; those with a token are the traced forms."""

_WORDS: Final[dict[Any, str]] = {True: "true", False: "false", None: "undefined"}
"""The atoms that are other values in Python, where one stands for a name."""


def parsed(control: Any, payload: Any, has_payload: bool) -> Operation:
    """Return what a frame asks for; raise `BadTerm` if it is no control message."""
    if type(control) is not tuple or not control or type(control[0]) is not int:
        raise BadTerm("a control message is no tuple with a number")
    row = OPERATIONS.get(control[0])
    if row is None:
        raise BadTerm(f"there is no operation {control[0]}")
    if len(control) != len(row.fields) + 1 or has_payload is not (row.payload is not None):
        raise BadTerm(f"operation {control[0]} has other fields")
    fields = {}
    for (field, types), value in zip(row.fields, control[1:], strict=True):
        if str in types and (value is None or type(value) is bool):
            value = _WORDS[value]  # a process may be registered as `true`
        if not isinstance(value, types):
            raise BadTerm(f"{field} of operation {control[0]} is something else")
        fields[field] = value
    fields.pop("_", None)
    fields.pop("token", None)
    if row.payload is not None:
        fields[row.payload] = payload
    return Operation(row.name, fields)
