"""Messages and data: what a program hands to the send functions and gets from `recvmsg`.

Responsible for the `Msg` record, for checking the data and the pieces (`iov`) that are to be
sent, and for cutting off what has been sent already. It does not read addresses, control
messages or flags, which have modules of their own, and it copies no data that can be sent as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

import attrs

from ...arguments import shown
from .control import ControlMessage

__all__ = [
    "BytesLike",
    "Data",
    "Msg",
    "Piece",
    "Pieces",
    "as_bytes",
    "parse_msg",
    "remaining",
    "to_bytes_list",
]


class BytesLike(Protocol):
    """What type checkers know bytes, bytearrays, memoryviews, arrays and their like by."""

    # Python has it since 3.12, and `collections.abc.Buffer` for it; type checkers always have.
    def __buffer__(self, flags: int, /) -> memoryview:
        """The memory."""


# Of any list: a list[bytes] is no list[Data], since something else could be put into that.
Data: TypeAlias = "BytesLike | list[Any] | tuple[Data, ...]"
"""What `as_bytes` takes: bytes-like, or a list or tuple of such, nested at will."""

Pieces: TypeAlias = list[Any] | tuple[BytesLike, ...]
"""The `iov` of a message: a list or tuple of bytes-like pieces."""

Piece: TypeAlias = bytes | memoryview
"""Data that is ready for the kernel: `bytes`, or a flat memoryview of single bytes."""


def _frozen(items: Sequence[Any]) -> tuple[Any, ...]:
    # A message travels between processes, so its lists become tuples. What is not a list is
    # left for `parse_msg`, which can name it.
    return tuple(items) if type(items) is list else items  # type: ignore[return-value]


@attrs.frozen
class Msg:
    """A message for `sendmsg`, or from `recvmsg`; the documented `msg()`.

    `addr` is where to or where from: any form of address when sending, a `SockAddr*` record
    or `None` (none was given) when received. `iov` is the data, a list or tuple of bytes-like
    pieces; a received message has exactly one, of type `bytes`. `ctrl` is a list or tuple of
    `ControlMessage`. `flags` are the words (and possibly one integer) of a received message;
    those of a message to be sent are ignored, as documented: `sendmsg` takes its own.
    """

    addr: Any = None
    # Of the type below when received or checked; `parse_msg` takes any bytes-like pieces.
    iov: tuple[Piece, ...] = attrs.field(default=(), converter=_frozen)
    ctrl: tuple[ControlMessage | Mapping[str, object], ...] = attrs.field(
        default=(), converter=_frozen
    )
    flags: tuple[str | int, ...] = attrs.field(default=(), converter=_frozen)


_IOV: Final = "a list or tuple of bytes-like pieces"


def parse_msg(msg: object) -> Msg:
    """The checked form of a message to be sent: its `iov` a tuple of `Piece`, `flags` empty.

    `msg` is a `Msg`, or the documented map as a dict, which must have `"iov"`, may have
    `"addr"` and `"ctrl"`, and whose other keys are ignored. `addr` and `ctrl` are passed on
    as they are. No data is copied: pieces that are not `bytes` become memoryviews, so what
    they look at must not change before the message is sent.

    Raises `TypeError` or `ValueError` naming `msg` and the offending part: not a message, no
    `iov`, `iov` not a list or tuple, element N (counted from 1) not bytes-like. Documented
    counterpart: the `Msg` argument of `sendmsg`, where these are badarg, `{iov,
    {improper_list, N}}` and `{iov, {element_not_binary, N}}`.
    """
    if isinstance(msg, Msg):
        return Msg(addr=msg.addr, iov=_pieces(msg.iov), ctrl=msg.ctrl)
    if not isinstance(msg, Mapping):
        raise TypeError(
            f"msg: {shown(msg)} is not a message; accepted are a Msg, or a dict with "
            f'"iov" ({_IOV}) and optionally "addr" and "ctrl"'
        )
    if "iov" not in msg:
        raise ValueError(f'msg: {shown(msg)} has no "iov"; it must be {_IOV}')
    return Msg(addr=msg.get("addr"), iov=_pieces(msg["iov"]), ctrl=msg.get("ctrl", ()))


def as_bytes(data: object) -> Piece:
    """Data to be sent as one piece: bytes-like, or a list or tuple of such, nested at will.

    `bytes` come back as they are and another bytes-like object as a memoryview of it, neither
    copied; so what a caller hands over must not change before it is sent. Several pieces are
    joined. Raises `TypeError` naming `data` for anything else, and `ValueError` for a list
    that contains itself. Documented counterpart: the `Data` argument of `send` and `sendto`;
    unlike Erlang's iodata a list holds no single bytes as integers.
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
    """What is left of `iov` after its first `sent` bytes; `()` when nothing is left.

    The first piece left is cut: it is a memoryview, so that a long message is not copied once
    for every part of it that the kernel takes. Use `to_bytes_list` on what a caller is to
    keep. Raises `ValueError` when `sent` is negative or more than there is. Documented
    counterpart: `rest_iov`.
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
    """The pieces as `bytes`: the form in which a caller is told what was not sent."""
    return [bytes(piece) for piece in iov]


_DATA: Final = (
    "accepted are bytes, bytearray, memoryview and other bytes-like objects, and lists or tuples "
    "of these (text must be encoded, single bytes written as bytes([65]))"
)


def _pieces(iov: object) -> tuple[Piece, ...]:
    if not isinstance(iov, list | tuple):
        raise TypeError(f"msg: its iov is {shown(iov)}; it must be {_IOV}")
    pieces = []
    for number, element in enumerate(iov, 1):
        piece = _piece(element)
        if piece is None:
            raise TypeError(
                f"msg: element {number} of its iov is {shown(element)}; each must be bytes-like"
            )
        pieces.append(piece)
    return tuple(pieces)


def _piece(data: object) -> Piece | None:
    """`data` in the form that the kernel takes, uncopied where possible; `None` if it has none."""
    if isinstance(data, bytes):
        return data
    try:
        view = memoryview(data)  # type: ignore[arg-type]  # finding out is the point
    except (
        BufferError,
        TypeError,
        ValueError,
    ):  # not bytes-like, or released
        return None
    try:
        return view.cast("B")
    except (TypeError, ValueError):  # not contiguous, or of records: no flat view exists
        return view.tobytes()


def _flatten(data: list[object] | tuple[object, ...]) -> list[Piece]:
    # A loop, not recursion: iodata that was built by wrapping may be nested very deep.
    pieces: list[Piece] = []
    open_lists = [iter(data)]
    open_ids = [id(data)]
    on_path = {id(data)}
    while open_lists:
        for element in open_lists[-1]:
            if isinstance(element, list | tuple):
                if id(element) in on_path:
                    raise ValueError(f"data: a list in it contains itself; {_DATA}")
                open_lists.append(iter(element))
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
