"""The native mode: options by number, and their values as the kernel has them.

Responsible for reading the arguments of the native forms of `setopt` and `getopt`: level,
option, value, and how a value is to be read. It knows nothing of what an option means, so it
checks no more than that the kernel can be asked.
"""

from collections.abc import Callable
from typing import Final

import attrs

from ...arguments import shown
from ...results import Error
from ..values.codecs import decode_integer
from ..values.levels import native_int
from ..values.limits import INT_MAX
from .tables import find

__all__ = ["NativeRead", "encode_native", "native_option", "native_spec"]


@attrs.frozen(eq=False)
class NativeRead:
    """How to read an option's value in native mode.

    `size` is how many bytes to offer the kernel, at least 1. `decode` turns what the kernel
    wrote into the result. `request` is what these bytes are to hold before the call, as far as
    the caller can arrange it; empty if it does not matter.
    """

    size: int
    decode: Callable[[bytes], object]
    request: bytes = b""


def native_option(level: object, option: object) -> int | None:
    """The number of an option: an integer as it is, or the name of an option of `level`.

    `None` means that the option is known but that this platform lacks it. Raises `TypeError`
    for another type of option, `ValueError` for an unknown name, for a name with a level that
    is a number, and for an integer that does not fit a C int. Documented counterpart: the
    `NativeOpt` of `setopt_native` and `getopt_native`.
    """
    if not isinstance(option, str):
        return native_int("option", option, _OPTION)
    if not isinstance(level, str):
        raise ValueError(
            f"option: {shown(option)} is a name, and level {shown(level)} a number, whose options "
            f"have no names; accepted: {_OPTION}"
        )
    return find(level.lower(), option).number


def encode_native(value: object) -> int | bytes:
    """A value for the kernel as it is: an integer or bool as a C int, bytes-like as bytes.

    Raises `TypeError` for another type and `ValueError` for an integer that does not fit a C
    int. Documented counterpart: the `Value` of `setopt_native`.
    """
    if isinstance(value, int):
        return native_int("value", int(value), _VALUE)
    try:
        return memoryview(value).tobytes()  # type: ignore[arg-type]  # finding out is the point
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"value: {shown(value)} is refused; accepted: {_VALUE}") from None


def native_spec(spec: object) -> NativeRead | Error:
    """How `spec` says to read a value.

    - `"integer"` or `int`: a C int; `"boolean"` or `bool`: a C int that is not 0
    - a size in bytes, greater than 0: the bytes that the kernel wrote, at most so many
    - bytes-like: what the kernel is to find in the buffer, and by its length the size

    `Error("efault")` for size 0 and `Error("einval")` for a negative size are what the kernel
    has to say of such buffers: an answer to the caller, not a wrong argument. Raises
    `TypeError` for another type and `ValueError` for another word and for a size that does not
    fit a C int. Documented counterpart: the `ValueSpec` of `getopt_native`.
    """
    if isinstance(spec, str | type):
        read = _READS.get(spec)
        if read is None:
            kind = ValueError if isinstance(spec, str) else TypeError
            raise kind(f"value spec: {shown(spec)} is refused; accepted: {_SPEC}")
        return read
    if isinstance(spec, int):
        size = native_int("value spec", spec, _SPEC)
        if size <= 0:
            return Error("einval" if size else "efault")
        return _bytes_read(size, b"")
    try:
        request = memoryview(spec).tobytes()  # type: ignore[arg-type]  # finding out is the point
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"value spec: {shown(spec)} is refused; accepted: {_SPEC}") from None
    return _bytes_read(len(request), request)


# The standard library's getsockopt offers the kernel no more than this.
_LARGEST: Final = 1024

_OPTION: Final = f"an integer up to {INT_MAX} or the name of an option of the level"
_VALUE: Final = "an integer that fits a C int, a bool, or a bytes-like object"
_SPEC: Final = '"integer", "boolean", a size in bytes, or a bytes-like object'


def _decode_boolean(data: bytes) -> bool:
    return decode_integer(data) != 0


def _bytes_read(size: int, request: bytes) -> NativeRead:
    # An empty buffer, which Erlang has the kernel fill with nothing, cannot be offered: to the
    # standard library size 0 means an integer. One byte is offered, and none of it given back.
    return NativeRead(min(max(size, 1), _LARGEST), lambda data: data[:size], request[:_LARGEST])


_INTEGER: Final = NativeRead(4, decode_integer)
_BOOLEAN: Final = NativeRead(4, _decode_boolean)

# "int" and "bool" are what the documentation's first edition called them.
_READS: Final[dict[str | type, NativeRead]] = {
    "integer": _INTEGER,
    "int": _INTEGER,
    int: _INTEGER,
    "boolean": _BOOLEAN,
    "bool": _BOOLEAN,
    bool: _BOOLEAN,
}
