"""Message flags: their words, and the bits of the operating system.

The `flags` argument of the send and receive functions becomes one integer for the kernel, and the
flags of a received message become words again. There is one set of flags for all functions, as in
Erlang; the kernel ignores or refuses a flag that a function has no use for.
"""

import socket
import sys
from collections.abc import Iterable
from typing import Final, Literal, get_args

from ...arguments import shown
from .c_integers import INT_MAX, UINT_MAX

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
"""A message flag by name. Erlang's `msg_flag()`.

Sent or received with: `"dontroute"` (no gateway), `"oob"` (out of band), `"nosignal"` (no SIGPIPE;
none is ever raised here), `"more"` (data follows soon), `"confirm"` (the peer's link-layer address
is valid), `"peek"` (leave the data in the socket), `"errqueue"` (read the queue of errors),
`"cmsg_cloexec"` (received descriptors are closed on exec), `"trunc"` (return the real length).

In results: `"eor"` (end of a record), `"trunc"` (the data was cut), `"ctrunc"` (control messages
were cut), `"oob"`, `"errqueue"`.
"""

Flags = Iterable[Flag | int]
"""The `flags` of the send and receive functions: words, and integers for bits without a word."""

# The numbers of Linux, for a Python that was built without the constant.
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


# None marks a word for which this platform has no bit.
_BITS: Final[dict[str, int | None]] = {flag: _bits_of(flag) for flag in get_args(Flag)}

# In the order of `Flag`, which is the order of words in results.
_WORDS: Final[tuple[tuple[int, Flag], ...]] = tuple(
    (bits, flag) for flag in get_args(Flag) if (bits := _BITS[flag])
)


def encode_flags(flags: Flags) -> int:
    """Return the bits of a list, tuple or set of flag words and non-negative integers.

    Raises:
        TypeError: `flags` is something else, or holds something else. Erlang: `{invalid,
            {msg_flags, F}}`.
        ValueError: a word is unknown, or this platform lacks it (the text says which); an
            integer is negative or does not fit a C int. Erlang: `{invalid, {msg_flag, F}}`.
    """
    if type(flags) is tuple and not flags:  # almost every call
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
    """Return the words for the flags of a received message, in the order of `Flag`.

    Bits without a word are left as one integer at the end. The kernel's value is a C int; a
    negative one is read as its bit pattern.
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
    """Return every flag, and True if this platform has it. Erlang's `supports(msg_flags)`."""
    return {flag: bits is not None for flag, bits in _BITS.items()}


def _encode_one(flag: object) -> int:
    if isinstance(flag, str):
        bits = _BITS.get(flag)
        if bits is not None:
            return bits
        if flag in _BITS:
            raise ValueError(f"flags: this platform lacks {flag!r}; it has {_supported()}")
        raise ValueError(f"flags: {shown(flag)} is not a flag; {_accepted()}")
    # True in a list of flags is a mistake, not the bit 1.
    if not isinstance(flag, int) or isinstance(flag, bool):
        raise TypeError(f"flags: {shown(flag)} is not a word or an integer; {_accepted()}")
    if not 0 <= flag <= INT_MAX:
        raise ValueError(f"flags: {shown(flag)} is not in 0..{INT_MAX}; {_accepted()}")
    return int(flag)


def _supported() -> str:
    return ", ".join(flag for flag, bits in _BITS.items() if bits is not None)


def _accepted() -> str:
    return f"accepted are {_supported()} and non-negative integers"
