"""Native mode: options by number, with values as the kernel has them.

`setopt` and `getopt` have such forms for options that have no name here. The arguments are level,
option, value, and a description of how to read a value. The meaning of an option is unknown, so
that only the form of the arguments is checked.
"""

from collections.abc import Callable
from typing import Final

import attrs

from ...arguments import shown
from ...results import Error
from ..values.c_integers import INT_MAX, named_c_int
from ..values.codecs import decode_integer
from .tables import find

__all__ = ["NativeRead", "encode_native", "native_option", "native_spec"]


@attrs.frozen(eq=False)
class NativeRead:
    """The way to read the value of one option.

    Attributes:
        size: how many bytes to offer the kernel, at least 1.
        decode: turns the bytes that the kernel wrote into the result.
        request: the bytes to put into the buffer before the call; empty if the kernel ignores
            them.
    """

    size: int
    decode: Callable[[bytes], object]
    request: bytes = b""


def native_option(level: object, option: object) -> int | None:
    """Return the number of an option, given as that number or as a name of `level`.

    None means that the option is known but that this platform lacks it.

    Raises:
        TypeError: the option is neither a str nor an integer.
        ValueError: the name is unknown, or the level is a number, whose options have no names;
            or the integer does not fit a C int.
    """
    if not isinstance(option, str):
        return named_c_int("option", option, _OPTION)
    if not isinstance(level, str):
        raise ValueError(
            f"option: {shown(option)} is a name, and level {shown(level)} a number, whose options "
            f"have no names; accepted: {_OPTION}"
        )
    return find(level.lower(), option).number


def encode_native(value: object) -> int | bytes:
    """Return a value for the kernel: an integer or bool as a C int, a bytes-like object as bytes.

    Raises `TypeError` for another type and `ValueError` for an integer that does not fit a C int.
    """
    if isinstance(value, int):
        return named_c_int("value", int(value), _VALUE)
    try:
        return memoryview(value).tobytes()  # type: ignore[arg-type]  # a TypeError is expected
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"value: {shown(value)} is refused; accepted: {_VALUE}") from None


def native_spec(spec: object) -> NativeRead | Error:
    """Return the way to read a value that `spec` describes.

    - `"integer"` or `int`: a C int
    - `"boolean"` or `bool`: a C int, True if it is not 0
    - a size in bytes, greater than 0: the bytes that the kernel wrote, at most so many
    - a bytes-like object: the same; its length is the size, and the kernel finds its bytes in
      the buffer

    For size 0 the result is `Error("efault")`, for a negative size `Error("einval")`: these
    are the errors that the kernel has for such buffers, and that Erlang returns.

    Raises `TypeError` for another type and `ValueError` for another word or for a size that does
    not fit a C int.
    """
    if isinstance(spec, str | type):
        read = _READS.get(spec)
        if read is None:
            wrong = ValueError if isinstance(spec, str) else TypeError
            raise wrong(f"value spec: {shown(spec)} is refused; accepted: {_SPEC}")
        return read
    if isinstance(spec, int):
        size = named_c_int("value spec", spec, _SPEC)
        if size <= 0:
            return Error("einval" if size else "efault")
        return _bytes_read(size, b"")
    try:
        request = memoryview(spec).tobytes()  # type: ignore[arg-type]  # a TypeError is expected
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"value spec: {shown(spec)} is refused; accepted: {_SPEC}") from None
    return _bytes_read(len(request), request)


# The most bytes that the standard library's getsockopt offers the kernel.
_LARGEST: Final = 1024

_OPTION: Final = f"an integer up to {INT_MAX} or the name of an option of the level"
_VALUE: Final = "an integer that fits a C int, a bool, or a bytes-like object"
_SPEC: Final = '"integer", "boolean", a size in bytes, or a bytes-like object'


def _decode_boolean(data: bytes) -> bool:
    return decode_integer(data) != 0


def _bytes_read(size: int, request: bytes) -> NativeRead:
    # Erlang offers the kernel an empty buffer. The standard library cannot, because size 0 means
    # an integer there. So one byte is offered, and cut off.
    return NativeRead(min(max(size, 1), _LARGEST), lambda data: data[:size], request[:_LARGEST])


_INTEGER: Final = NativeRead(4, decode_integer)
_BOOLEAN: Final = NativeRead(4, _decode_boolean)

# "int" and "bool" are the words of the first edition of Erlang's documentation.
_READS: Final[dict[str | type, NativeRead]] = {
    "integer": _INTEGER,
    "int": _INTEGER,
    int: _INTEGER,
    "boolean": _BOOLEAN,
    "bool": _BOOLEAN,
    bool: _BOOLEAN,
}
