"""Message flags: the words of the documentation and the bits of the operating system.

Responsible for turning the `flags` argument of the send and receive functions into the one
integer that the kernel takes, and the flags of a received message back into words. It does
not know what a flag does, nor which function was called: the documentation has one set of
flags for all of them.
"""

import socket
import sys
from collections.abc import Iterable
from typing import Final, Literal, get_args

from ...arguments import shown
from .limits import INT_MAX, UINT_MAX

__all__ = ["Flag", "Flags", "decode_flags", "encode_flags", "supported_flags"]

Flag = Literal[
    "cmsg_cloexec",
    "confirm",
    "ctrunc",
    "dontroute",
    "eor",
    "errqueue",
    "more",
    "oob",
    "peek",
    "trunc",
    "nosignal",
]
"""A message flag by name; the documented `msg_flag()`, in the documented order of results."""

Flags = Iterable[Flag | int]
"""What the send and receive functions take: words, and bits that have no word."""

# What Linux calls them, for a Python that was built without the constant.
_LINUX: Final[dict[Flag, int]] = {
    "cmsg_cloexec": 0x4000_0000,
    "confirm": 0x800,
    "ctrunc": 0x8,
    "dontroute": 0x4,
    "eor": 0x80,
    "errqueue": 0x2000,
    "more": 0x8000,
    "oob": 0x1,
    "peek": 0x2,
    "trunc": 0x20,
    "nosignal": 0x4000,
}


def _bits_of(flag: Flag) -> int | None:
    bits = getattr(socket, f"MSG_{flag.upper()}", None)
    if isinstance(bits, int):
        return int(bits)
    return _LINUX[flag] if sys.platform == "linux" else None


# Every word; `None` marks a word that this platform has no bit for.
_BITS: Final[dict[str, int | None]] = {flag: _bits_of(flag) for flag in get_args(Flag)}

_WORDS: Final[tuple[tuple[int, Flag], ...]] = tuple(
    (bits, flag) for flag in get_args(Flag) if (bits := _BITS[flag])
)


def encode_flags(flags: Flags) -> int:
    """The bits of a list, tuple or set of flag words and non-negative integers, OR-ed.

    Raises `TypeError` for anything else than such a collection of `str` and `int`, and
    `ValueError` for an unknown word, for a word that this platform lacks (the message says
    which of the two it is; see `supported_flags`) and for an integer that is negative or
    does not fit a C int. Documented counterpart: the `Flags` argument of `send`, `recv` and
    their relatives, where these are `{invalid, {msg_flag, F}}` and `{invalid, {msg_flags, F}}`.
    """
    if type(flags) is tuple and not flags:  # nearly every call
        return 0
    if not isinstance(flags, tuple | list | set | frozenset):
        raise TypeError(
            f"flags: {shown(flags)} is not a list or tuple of flag words and integers; "
            f"{_accepted()}"
        )
    bits = 0
    for flag in flags:
        bits |= _encode_one(flag)
    return bits


def decode_flags(bits: int) -> tuple[Flag | int, ...]:
    """The words of a received message's flags, in the documented order.

    Bits that have no word are left as one integer at the end. The operating system's value
    is a C int, so a negative one is read as its bit pattern. Documented counterpart: the
    `flags` of the message that `recvmsg` returns.
    """
    if not bits:
        return ()
    left = bits & UINT_MAX
    words: list[Flag | int] = []
    for bit, word in _WORDS:
        if left & bit:
            words.append(word)
            left &= ~bit
    if left:
        words.append(left)
    return tuple(words)


def supported_flags() -> dict[str, bool]:
    """Every documented flag and whether this platform has it; `supports(msg_flags)`."""
    return {flag: bits is not None for flag, bits in _BITS.items()}


def _encode_one(flag: object) -> int:
    if isinstance(flag, str):
        bits = _BITS.get(flag)
        if bits is not None:
            return bits
        if flag in _BITS:
            raise ValueError(f"flags: this platform lacks {flag!r}; it has {_supported()}")
        raise ValueError(f"flags: {shown(flag)} is not a flag; {_accepted()}")
    # `True` in a list of flags is a slip, not the bit 1.
    if not isinstance(flag, int) or isinstance(flag, bool):
        raise TypeError(f"flags: {shown(flag)} is not a word or an integer; {_accepted()}")
    if not 0 <= flag <= INT_MAX:
        raise ValueError(f"flags: {shown(flag)} is not in 0..{INT_MAX}; {_accepted()}")
    return int(flag)


def _supported() -> str:
    return ", ".join(flag for flag, bits in _BITS.items() if bits is not None)


def _accepted() -> str:
    return f"accepted are {_supported()} and non-negative integers"
