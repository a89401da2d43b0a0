"""Objects of classes between nodes: registered classes of the program, and the library's own.

Such an object is sent as a map whose `__struct__` is the name of its class: Elixir's form of a
struct. A received map with a registered name is made an object, by calling the class with its
fields, so that its validators run. Nothing else is ever made of what another node sends.
"""

import dataclasses
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import attrs

from ...arguments import exact_str, shown
from ...log_text import text_of
from ..terms.values import LONGEST_ATOM, Atom
from ..terms.writing import Write, Writer

__all__ = [
    "MAIN",
    "MAIN_COPY",
    "STRUCT",
    "Record",
    "RecordWriter",
    "module_of",
    "record_of",
    "register_type",
    "registered_struct",
]

_log: Final = logging.getLogger("actorsock.dist")

C = TypeVar("C", bound=type)

STRUCT: Final = "__struct__"

MAIN: Final = "__main__"
MAIN_COPY: Final = "__actorsock_main__"
"""The name under which another program has imported the script that its parent runs."""


@attrs.frozen
class Record:
    """A class whose objects travel."""

    name: str
    make: Callable[..., Any]
    fields: tuple[tuple[str, str], ...]
    """For each field the name of the argument of the class, and of the attribute."""
    part: Callable[[str, Any], Any] = lambda attribute, value: value
    """Returns what is written for a field."""

    def write(self, writer: Writer, out: bytearray, value: Any) -> None:
        """Append `value` as a map."""
        pairs: dict[Any, Any] = {Atom(STRUCT): Atom(self.name)}
        for argument, attribute in self.fields:
            pairs[Atom(argument)] = self.part(attribute, getattr(value, attribute))
        writer.write(out, pairs)

    def read(self, found: dict[Any, Any]) -> Any:
        """Return the object for a map; the map itself, with a log record, if the class refuses."""
        try:
            # A key may be anything, such as an int of so many digits that `str` refuses it.
            return self.make(**{str(key): value for key, value in found.items() if key != STRUCT})
        except Exception as exc:
            _log.warning("%s takes no %s: it stays a dict", self.name, text_of(exc))
            return found


def record_of(
    cls: type, name: str, part: Callable[[str, Any], Any] = lambda attribute, value: value
) -> Record:
    """Return the record of a class of attrs or a dataclass."""
    if attrs.has(cls):
        fields: Iterable[tuple[str, str]] = [
            (field.alias or field.name, field.name) for field in attrs.fields(cls) if field.init
        ]
    elif dataclasses.is_dataclass(cls):
        fields = [(field.name, field.name) for field in dataclasses.fields(cls) if field.init]
    else:
        raise TypeError(f"cls: expected a class of attrs or a dataclass, got {shown(cls)}")
    return Record(name, cls, tuple(fields), part)


_by_type: Final[dict[type, Record]] = {}
_by_name: Final[dict[str, Record]] = {}


def register_type(cls: C, /, name: str | None = None) -> C:
    """Let objects of a class travel between nodes.

    A node of this library gets an equal object if it has registered the class too, as it has when
    it imports the module of the class. An Erlang or Elixir node gets a map with the atom
    `'__struct__'`, Elixir's form of a struct, and may send one. A map with a name that is not
    registered stays a dict.

    Every node that knows the cookie can have the class called with any fields: register classes
    whose objects do nothing when they are made.

    Args:
        cls: a class of attrs, or a dataclass. Subclasses are registered by themselves.
        name: the name that it has for other nodes, such as `"Elixir.Shop.Order"`; by default the
            names of its module and of the class, with a dot between them.

    Returns:
        `cls`, so that `@dist.register_type` can stand in front of it.

    Raises:
        TypeError: `cls` is no such class.
        ValueError: another class has this name, or the name has more than 255 characters.

    Example::

        @dist.register_type
        @attrs.frozen
        class Order:
            article: str
            count: int
    """
    if not isinstance(cls, type):
        raise TypeError(f"cls: expected a class, got {shown(cls)}")
    if name is None:
        name = f"{module_of(cls)}.{cls.__qualname__}"
    elif not issubclass(type(name), str):
        raise TypeError(f"name: expected a str, got {shown(name)}")
    name = exact_str(name)
    if not 0 < len(name) <= LONGEST_ATOM:
        raise ValueError(f"name: expected 1 to {LONGEST_ATOM} characters, got {shown(name)}")
    record = record_of(cls, name)
    other = _by_name.get(name)
    if other is not None and _names(other.make) != _names(cls):
        raise ValueError(f"name: {shown(name)} stands for {shown(other.make)} already")
    _by_type[cls] = _by_name[name] = record
    return cls


def _names(cls: Any) -> tuple[str, str]:
    # A module that is imported again makes its classes again.
    return module_of(cls), cls.__qualname__


def module_of(value: Any) -> str:
    """Return the module of a class or function, as every program of one's own calls it."""
    module = value.__module__
    if module == MAIN_COPY:
        return MAIN
    if module == MAIN and (spec := sys.modules[MAIN].__spec__) is not None:
        return spec.name  # of `python -m`: it can be imported as what it is
    return str(module)


class RecordWriter(Writer):
    """A writer that also knows registered classes."""

    def derived(self, value: Any) -> Write:
        record = _by_type.get(type(value))
        return super().derived(value) if record is None else record.write


def registered_struct(found: dict[Any, Any]) -> Any:
    """Return the object that a received map with a `__struct__` is, or the map."""
    name = found[STRUCT]
    record = _by_name.get(name) if type(name) is Atom else None
    return found if record is None else record.read(found)
