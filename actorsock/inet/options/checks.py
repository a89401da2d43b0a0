"""The values of options: each check returns the value to keep, or raises.

What is raised says what is wrong; the table adds the option and what it accepts.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from ...arguments import check_seconds
from ...socket.values.c_integers import INT_MAX
from ...socket.values.hosts import HOST_WORDS, host
from ..packets.decoding import check_delimiter, check_type
from ..rules.active_mode import is_active_value

__all__ = [
    "LOCAL",
    "active",
    "at_least",
    "boolean",
    "delimiter",
    "device",
    "family_of_address",
    "integer",
    "linger",
    "local_address",
    "membership",
    "multicast_interface",
    "nothing",
    "one_of",
    "packet",
    "packet_size",
    "path",
    "raw",
    "seconds",
    "size",
    "source_membership",
    "tos",
    "watermark",
]

Check = Callable[[Any], Any]
LOCAL: Final = "local"


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it is neither True nor False")
    return value


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("it is not an integer")
    if not -INT_MAX - 1 <= value <= INT_MAX:
        raise ValueError("it does not fit a C int")
    return value


def at_least(low: int, high: int = INT_MAX) -> Check:
    def check(value: Any) -> int:
        if not low <= integer(value) <= high:
            raise ValueError("it is out of range")
        return int(value)

    return check


def size(value: Any) -> int:
    """Check a size in bytes; anything below 1 is 1."""
    return max(1, integer(value))


def watermark(value: Any) -> int:
    """Check a number of queued bytes; anything below 0 is 0."""
    return max(0, integer(value))


def packet_size(value: Any) -> int:
    # Larger than a C int: the type is unsigned, and 2**32 wraps to "no limit".
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("it is not an integer")
    if not 0 <= value <= 2**32:
        raise ValueError("it is out of range")
    return value % 2**32


def one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError("it is another word")
        return value

    return check


def active(value: Any) -> Any:
    if not is_active_value(value):
        raise ValueError("it is no mode and no count")
    return value


def packet(value: Any) -> Any:
    kind = check_type("it", value)
    return 0 if kind == "raw" else kind


def delimiter(value: Any) -> bytes:
    # Of an integer the low byte counts.
    return check_delimiter("it", value if isinstance(value, bytes) else integer(value) % 256)


def seconds(value: Any) -> float:
    return check_seconds("it", value)


def linger(value: Any) -> tuple[bool, int]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError("it is no pair")
    on, duration = boolean(value[0]), at_least(0)(value[1])
    return (on, duration if on else 0)


def tos(value: Any) -> int:
    # The kernel has a byte, of which TCP keeps the two bits of congestion notification for itself.
    return integer(value) & 0xFF


def device(value: Any) -> str:
    name = value.decode() if isinstance(value, bytes) else value
    if not isinstance(name, str):
        raise TypeError("it is neither str nor bytes")
    if len(name.encode()) > 15 or "\0" in name:
        raise ValueError("it is no name of an interface")
    return name


def path(value: Any) -> str:
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError("it is no path")
    name = os.fsdecode(value)
    if "\0" in name:
        raise ValueError("it holds a NUL")
    return name


def local_address(value: Any) -> Any:
    """Check the options `ip` and `ifaddr`: an address of any family, a word, or a local path."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] == LOCAL:
        if not isinstance(value[1], str | bytes | os.PathLike):
            raise TypeError("its path is no path")
        return LOCAL, os.fsdecode(value[1])
    if value in ("any", "loopback"):
        return value
    family = _family_by_shape(value)
    return host(family, value)


def family_of_address(value: Any) -> str | None:
    """Return the family of an address that `local_address` returned; None for a word."""
    if isinstance(value, tuple):
        return LOCAL
    if value in ("any", "loopback"):
        return None
    return "inet6" if ":" in value else "inet"


def _family_by_shape(value: Any) -> int:
    inet, inet6 = HOST_WORDS
    if isinstance(value, tuple):
        return inet if len(value) == 4 else inet6
    return inet6 if ":" in str(value) else inet


def multicast_interface(value: Any) -> Any:
    """Check `multicast_if`: an address of IPv4, or the number of an interface for IPv6."""
    if isinstance(value, int):
        return at_least(0)(value)
    inet, _ = HOST_WORDS
    return host(inet, value)


def membership(value: Any) -> tuple[Any, ...]:
    """Check (group, interface) and, for IPv4, (group, interface, number of the interface)."""
    if not isinstance(value, tuple) or len(value) not in (2, 3):
        raise TypeError("it is neither (group, interface) nor (group, interface, index)")
    family = _family_by_shape(value[0])
    group = host(family, value[0])
    inet, _ = HOST_WORDS
    interface = host(inet, value[1]) if family == inet else at_least(0)(value[1])
    return (group, interface, *map(at_least(0), value[2:]))


def source_membership(value: Any) -> tuple[str, ...]:
    """Check (group, interface, source), all of IPv4."""
    if not isinstance(value, tuple) or len(value) != 3:
        raise TypeError("it is not (group, interface, source)")
    inet, _ = HOST_WORDS
    return tuple(host(inet, each) for each in value)


def raw(value: Any) -> tuple[int, int, bytes]:
    if not isinstance(value, tuple) or len(value) != 3:
        raise TypeError("it is not (level, name, bytes)")
    level, name, data = value
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError("its value is not bytes")
    return integer(level), integer(name), bytes(data)


def nothing(value: Any) -> Any:
    raise ValueError("it cannot be set")
