"""A function with its arguments, as bytes for a node that was started from here.

Functions and classes go by their names, wherever they stand; all else is what any message may be.
Reading a parcel imports modules, so it is done only for who has the right to that.
"""

from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from ...otp.supervision.child_spec import ChildSpec, SupervisorFlags
from ..node.distribution import Distribution
from ..node.messages import kin_struct, kin_writer
from ..node.records import STRUCT, Record, record_of
from ..terms.reading import Reader
from ..terms.values import Atom
from ..terms.writing import Writer
from .importable import importable_name, imported

__all__ = ["Parcel", "opened", "packed"]

Parcel = tuple[Callable[..., Any], list[Any], dict[str, Any]]
"""A function, its arguments, and those with a name."""


def packed(
    node: Distribution, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> bytes:
    """Return a function and its arguments as bytes.

    Raises `TypeError` if a function in it can't be imported by its name, or something else stands
    for no term.
    """
    return _writer(node).versioned((function, list(args), kwargs))


def opened(node: Distribution, data: bytes) -> Parcel:
    """Return the function and the arguments in a parcel; import what is needed for that."""
    identities = node.identities
    reader = Reader(node.settings.none, identities.pid, identities.ref, _struct, kin=True)
    function, args, kwargs = reader.whole(data)
    return function, args, kwargs


def _writer(node: Distribution) -> Writer:
    writer = kin_writer(node.identities, node.settings.none)
    # `type` is the type of every class: those of metaclasses derive from it.
    for cls in (FunctionType, BuiltinFunctionType, MethodType, type):
        writer.by_type[cls] = _write_name
    writer.by_type[partial] = _write_partial
    for record in _RECORDS.values():
        assert isinstance(record.make, type)
        writer.by_type[record.make] = record.write
    return writer


def _write_name(writer: Writer, out: bytearray, value: Any) -> None:
    module, name = importable_name(value)
    writer.write(out, {Atom(STRUCT): Atom(_FUNCTION), "module": module, "name": name})


def _write_partial(writer: Writer, out: bytearray, value: "partial[Any]") -> None:
    parts = {"func": value.func, "args": list(value.args), "kwargs": value.keywords}
    writer.write(out, {Atom(STRUCT): Atom(_PARTIAL), **parts})


def _struct(found: dict[Any, Any]) -> Any:
    name = found[STRUCT]
    if name == _FUNCTION:
        return imported(found["module"], found["name"])
    if name == _PARTIAL:
        return partial(found["func"], *found["args"], **found["kwargs"])
    record = _RECORDS.get(name) if type(name) is Atom else None
    return kin_struct(found) if record is None else record.read(found)


_FUNCTION: Final = "actorsock.Function"
_PARTIAL: Final = "actorsock.Partial"

_RECORDS: Final[dict[str, Record]] = {
    f"actorsock.{cls.__name__}": record_of(cls, f"actorsock.{cls.__name__}")
    for cls in (ChildSpec, SupervisorFlags)
}
"""What a supervisor is started with."""
