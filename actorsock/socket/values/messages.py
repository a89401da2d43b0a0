"""Messages and data: the arguments of the send functions, and the result of `recvmsg`.

Data is checked and put into a form that the kernel takes; the part that was sent already is cut
off. No data is copied that can be sent as it is. Addresses, control messages and flags of a
message are read in their own modules.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

import attrs

from ...arguments import exact_items, shown
from .control import ControlMessage

__all__ = [
    "BytesLike",
    "Data",
    "Msg",
    "Piece",
    "Pieces",
    "as_bytes",
    "parse_msg",
    "parse_pieces",
    "remaining",
    "to_bytes_list",
]


class BytesLike(Protocol):
    """Bytes, bytearrays, memoryviews, arrays and similar objects, for type checkers."""

    # Python has this method, and `collections.abc.Buffer`, since 3.12. Type checkers know it for
    # older versions too, so a protocol works in all.
    def __buffer__(self, flags: int, /) -> memoryview:
        """The memory."""
        ...


# list[Any], because list is invariant: a list[bytes] is not a list[Data].
Data: TypeAlias = "BytesLike | list[Any] | tuple[Data, ...]"
"""Data to send: bytes-like, or a list or tuple of such data, nested to any depth."""

Pieces: TypeAlias = list[Any] | tuple[BytesLike, ...]
"""The `iov` of a message: a list or tuple of bytes-like pieces."""

Piece: TypeAlias = bytes | memoryview
"""Data that is ready for the kernel: `bytes`, or a flat memoryview of single bytes."""


def _frozen(items: Sequence[Any]) -> tuple[Any, ...]:
    # A message is sent between processes, so its lists become tuples. Another object is left as
    # it is: `parse_msg` reports it with its name.
    return tuple(items) if type(items) is list else items  # type: ignore[return-value]


@attrs.frozen
class Msg:
    """A message for `sendmsg`, or from `recvmsg`. Erlang's `msg()`.

    Attributes:
        addr: the destination of a message to send, in any form of address; the source of a
            received one, a `SockAddr...`. None if there is none.
        iov: the data, a list or tuple of bytes-like pieces. A received message has exactly
            one, of type `bytes`.
        ctrl: the control messages, a list or tuple of `ControlMessage`.
        flags: the flags of a received message: words, and one integer for bits without a word.
            In a message to send they are ignored, as in Erlang: `sendmsg` has an argument for
            its flags.

    Example::

        msg = Msg(addr=("127.0.0.1", 9), iov=[b"hello ", b"world"])
        match await socket.sendmsg(sock, msg):
            case Ok(): ...
    """

    addr: Any = None
    # `parse_msg` and `recvmsg` give this type; a message to send may have any bytes-like pieces.
    iov: tuple[Piece, ...] = attrs.field(default=(), converter=_frozen)
    ctrl: tuple[ControlMessage | Mapping[str, object], ...] = attrs.field(
        default=(), converter=_frozen
    )
    flags: tuple[str | int, ...] = attrs.field(default=(), converter=_frozen)


_IOV: Final = "a list or tuple of bytes-like pieces"


def parse_msg(msg: object) -> Msg:
    """Return the checked form of a message to send: `iov` a tuple of `Piece`, `flags` empty.

    `addr` and `ctrl` are passed on unchecked. No data is copied: a piece that is not `bytes`
    becomes a memoryview, so its memory must not change before the message is sent.

    Args:
        msg: a `Msg`, or Erlang's map as a dict with `"iov"` and perhaps `"addr"` and `"ctrl"`.
            Other keys are ignored.

    Raises:
        TypeError: `msg` is no message, its `iov` is no list or tuple, or a piece is not
            bytes-like; pieces are counted from 1. Erlang: badarg, `{iov, {improper_list, N}}`
            and `{iov, {element_not_binary, N}}`.
        ValueError: the dict has no `"iov"`.
    """
    if isinstance(msg, Msg):
        return Msg(addr=msg.addr, iov=parse_pieces(msg.iov), ctrl=msg.ctrl)
    if not isinstance(msg, Mapping):
        raise TypeError(
            f"msg: {shown(msg)} is not a message; accepted are a Msg, or a dict with "
            f'"iov" ({_IOV}) and optionally "addr" and "ctrl"'
        )
    if "iov" not in msg:
        raise ValueError(f'msg: {shown(msg)} has no "iov"; it must be {_IOV}')
    return Msg(addr=msg.get("addr"), iov=parse_pieces(msg["iov"]), ctrl=msg.get("ctrl", ()))


def parse_pieces(iov: object, what: str = "msg: its iov") -> tuple[Piece, ...]:
    """Return the checked pieces of a message, as `parse_msg` does; `what` names them in errors."""
    if not isinstance(iov, list | tuple):
        raise TypeError(f"{what} is {shown(iov)}; it must be {_IOV}")
    pieces = []
    for number, element in enumerate(exact_items(iov), 1):
        piece = _piece(element)
        if piece is None:
            raise TypeError(
                f"{what}: element {number} is {shown(element)}; each must be bytes-like"
            )
        pieces.append(piece)
    return tuple(pieces)


def as_bytes(data: object) -> Piece:
    """Return data to send as one piece.

    `bytes` are returned as they are and another bytes-like object as a memoryview of it;
    neither is copied, so the memory must not change before it is sent. The pieces of a list
    or tuple, nested to any depth, are joined. Unlike Erlang's iodata, a list has no single
    bytes as integers.

    Raises:
        TypeError: `data`, or something in it, is not bytes-like.
        ValueError: a list contains itself.
    """
    if type(data) is bytes:
        return data
    if isinstance(data, list | tuple):
        pieces = _flatten(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    piece = _piece(data)
    if piece is None:
        raise TypeError(f"data: {shown(data)} is not sendable; {_DATA}")
    return piece


def remaining(iov: Sequence[Piece], sent: int) -> tuple[Piece, ...]:
    """Return the rest of `iov` after its first `sent` bytes; `()` if nothing is left.

    A piece that was sent in part becomes a memoryview of its rest: a copy would copy a long
    message once for every part that the kernel takes. Use `to_bytes_list` for a rest that a
    caller keeps. Raises `ValueError` if `sent` is negative or more than there is.
    """
    if sent < 0:
        raise ValueError(f"sent: {sent} is negative")
    left = sent
    for index, piece in enumerate(iov):
        if left < len(piece):
            if not left:
                return tuple(iov[index:])
            return (memoryview(piece)[left:], *iov[index + 1 :])
        left -= len(piece)
    if left:
        raise ValueError(f"sent: {sent} bytes are {left} more than iov holds")
    return ()


def to_bytes_list(iov: Sequence[Piece]) -> list[bytes]:
    """Return the pieces as `bytes`, the form of unsent data in results."""
    return [bytes(piece) for piece in iov]


_DATA: Final = (
    "accepted are bytes, bytearray, memoryview and other bytes-like objects, and lists or tuples "
    "of these (text must be encoded, single bytes written as bytes([65]))"
)


def _piece(data: object) -> Piece | None:
    """Return `data` in a form that the kernel takes, if possible uncopied; else None."""
    if type(data) is bytes:
        return data
    # An instance of a class of its own, also one of bytes, may say another length than its memory
    # has, and the loops around the system calls would never end. A memoryview knows the memory.
    try:
        view = memoryview(data)  # type: ignore[arg-type]  # a TypeError is expected
    except (BufferError, TypeError, ValueError):  # not bytes-like, or a released memoryview
        return None
    try:
        return view.cast("B")
    except (TypeError, ValueError):  # strided, or with a record as its format: no flat view
        return view.tobytes()


def _flatten(data: list[object] | tuple[object, ...]) -> list[Piece]:
    # A loop with a stack, because iodata that was built by wrapping may be nested deeper than
    # Python can recurse. `on_path` finds a list that contains itself; the same list twice side
    # by side is fine.
    pieces: list[Piece] = []
    open_lists = [iter(exact_items(data))]
    open_ids = [id(data)]
    on_path = {id(data)}
    while open_lists:
        for element in open_lists[-1]:
            if isinstance(element, list | tuple):
                if id(element) in on_path:
                    raise ValueError(f"data: a list in it contains itself; {_DATA}")
                open_lists.append(iter(exact_items(element)))
                open_ids.append(id(element))
                on_path.add(id(element))
                break
            piece = _piece(element)
            if piece is None:
                raise TypeError(f"data: {shown(element)} in it is not sendable; {_DATA}")
            pieces.append(piece)
        else:
            open_lists.pop()
            on_path.discard(open_ids.pop())
    return pieces
