"""`erlang:process_info/2`: the items that Erlang's programs ask for.

An item that does not exist in Python is empty or 0: the heap and the stack of a process, its
binaries, its error handler.
"""

import gc
from collections.abc import Callable
from typing import Any, Final

from ...observing.process_items import ITEMS
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive
from ..node.system_messages import as_seen
from ..terms.values import Atom
from .names import UNDEFINED, current_function, entry, mfa, word
from .observable import Look

__all__ = ["process_info"]

_A: Final = Atom

_MOST_MESSAGES: Final = 1000
"""How many messages of a mailbox are shown, oldest first."""


def process_info(look: Look, pid: Pid, asked: Any) -> Any:
    """Return one item of a process, or a list of them; `undefined` if it has ended.

    Raises `ValueError` if there is no such item.
    """
    process = look.node.here(pid)
    if process is None:
        return UNDEFINED
    if isinstance(asked, list):
        return [(item, _value(look, process, item)) for item in asked]
    value = _value(look, process, asked)
    return [] if asked == "registered_name" and value == [] else (asked, value)


def _value(look: Look, process: Process, item: Any) -> Any:
    match item:
        case (str("dictionary"), key):
            return dict(_dictionary(look, process)).get(key, UNDEFINED)
        case str() if item in _ITEMS:
            return _ITEMS[item](look, process)
    raise ValueError(f"badarg: there is no item {item!r}")


def _of(item: str) -> Callable[[Look, Process], Any]:
    return lambda _, process: ITEMS[item](process)


def _constant(value: Any) -> Callable[[Look, Process], Any]:
    return lambda _, process: value


def _monitors(look: Look, process: Process) -> list[Any]:
    found = ITEMS["monitors"](process)
    return [
        (_A("process"), tuple(map(word, one)) if isinstance(one, tuple) else one) for one in found
    ]


def _messages(look: Look, process: Process) -> list[Any]:
    if not look.messages:
        return []
    return [as_seen(message) for message in process.mailbox.messages()[:_MOST_MESSAGES]]


def _dictionary(look: Look, process: Process) -> list[tuple[Atom, Any]]:
    found = [
        (_A("$ancestors"), _ancestors(process)),
        (_A("$initial_call"), mfa(process.body.describe())),
    ]
    if process.label is not None:
        found.append((_A("$process_label"), as_seen(process.label)))
    return found


def _ancestors(process: Process) -> list[Any]:
    found: list[Any] = []
    parent: Pid | None = ITEMS["parent"](process)
    while parent is not None:
        starter = alive.get(parent)
        if starter is None:
            return [*found, parent]
        found.append(parent if starter.name is None else word(starter.name))
        parent = ITEMS["parent"](starter)
    return found


def _label(look: Look, process: Process) -> Any:
    return UNDEFINED if process.label is None else as_seen(process.label)


def _collection(look: Look, process: Process) -> list[tuple[Atom, int]]:
    # All processes share Python's collector. It collects the oldest generation after so many
    # collections of the one before.
    return [(_A("min_heap_size"), 0), (_A("fullsweep_after"), gc.get_threshold()[2])]


_ITEMS: Final[dict[str, Callable[[Look, Process], Any]]] = {
    "binary": _constant([]),
    "catchlevel": _constant(0),
    "current_function": lambda _, process: current_function(process),
    "current_stacktrace": lambda _, process: [*map(entry, ITEMS["current_stacktrace"](process))],
    "dictionary": _dictionary,
    "error_handler": _constant(UNDEFINED),
    "garbage_collection": _collection,
    "group_leader": lambda look, _: look.node.leader,
    "heap_size": _constant(0),
    "initial_call": lambda _, process: mfa(process.body.describe()),
    "label": _label,
    "last_calls": _constant(False),
    "links": _of("links"),
    "memory": _of("memory"),
    "message_queue_len": _of("message_queue_len"),
    "messages": _messages,
    "monitored_by": _of("monitored_by"),
    "monitors": _monitors,
    "priority": _constant(_A("normal")),
    "reductions": _of("reductions"),
    "registered_name": lambda _, process: [] if process.name is None else word(process.name),
    "sequential_trace_token": _constant([]),
    "stack_size": _constant(0),
    "status": lambda _, process: _A(ITEMS["status"](process)),
    "suspending": _constant([]),
    "total_heap_size": _constant(0),
    "trace": _constant(0),
    "trap_exit": _of("trap_exit"),
}
