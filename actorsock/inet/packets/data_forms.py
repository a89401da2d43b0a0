"""The form of data: the header that is sent in front of a packet, and what a program receives."""

from typing import Any, Final, Literal, TypeAlias

from .rules import PacketType

__all__ = ["HEAD_SIZES", "Mode", "length_header", "shaped"]

Mode: TypeAlias = Literal["binary", "list"]

HEAD_SIZES: Final[dict[PacketType, int]] = {1: 1, 2: 2, 4: 4}
"""The packet types that put a length in front of what is sent, and how many bytes it has."""


def length_header(head_size: int, size: int) -> bytes:
    """Return the length `size` as `head_size` bytes.

    As in Erlang the size is not checked: of a length that does not fit the low bytes are sent.
    """
    try:
        return size.to_bytes(head_size, "big")
    except OverflowError:
        return size.to_bytes(8, "big")[-head_size:]


def shaped(data: Any, mode: Mode, header: int) -> Any:
    """Return a received packet in the form that the options `mode` and `header` ask for.

    Packets that are records stay as they are. `"list"` gives text, one character for each byte
    (a string of Erlang is a list of characters). A `header` of N gives a tuple: the first N bytes
    as integers, then the rest as bytes if there is one; it has no effect in mode `"list"`.

    Example::

        match shaped(b"\\x01\\x02rest", "binary", 2):
            case (version, kind, rest): ...
    """
    if not isinstance(data, bytes):
        return data
    if mode == "list":
        return data.decode("latin-1")
    if not header:
        return data
    rest = data[header:]
    return (*data[:header], rest) if rest else tuple(data)
