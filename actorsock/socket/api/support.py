"""The features that this platform supports: `supports` and `is_supported` in all their forms."""

import os
import socket as stdlib
import sys
from collections.abc import Callable
from typing import Any, Final

from ..options import LEVELS, protocol_names, supported
from ..values.flags import supported_flags
from .ioctl import supported_flags as supported_interface_flags
from .ioctl import supported_requests

__all__ = ["is_supported", "supports"]


def supports(*keys: Any) -> Any:
    """Return the features that this platform supports. Erlang's `socket:supports/0,1,2`.

    Args:
        *keys: none, one or two of the keys below.

    Returns:
        a dict of name to bool:

        - `supports()`: `"sctp"`, `"ipv6"`, `"local"`, `"netns"` and `"sendfile"` with a bool,
          and each key below with its dict
        - `supports("options")`: `(level, option)` to bool
        - `supports("options", level)`: the options of one level to bool
        - `supports("msg_flags")`, `supports("protocols")`, `supports("ioctl_requests")`,
          `supports("ioctl_flags")`: names to bool
        - any other key, or level: an empty dict

    Raises:
        TypeError: there are more than two keys.

    Example::

        socket.supports("options", "tcp")["keepidle"]
    """
    if not keys:
        return {**{key: table() for key, table in _TABLES.items()}, **_features()}
    if len(keys) == 1:
        table = _TABLES.get(keys[0]) if isinstance(keys[0], str) else None
        return table() if table is not None else {}
    if len(keys) == 2:
        return supported(keys[1]) if keys[0] == "options" else {}
    raise TypeError(f"supports: expected at most 2 keys, got {len(keys)}")


def is_supported(*keys: Any) -> bool:
    """Return True if this platform supports a feature. Erlang's `socket:is_supported/1,2,3`.

    Args:
        *keys: the feature:

            - `"sctp"`, `"ipv6"`, `"local"`, `"netns"`, `"sendfile"`, or a key of `supports`
            - `"msg_flags"` and a flag, and likewise the other keys of `supports`
            - `"options"`, a level and an option; or `"options"` and a pair of them

    Returns:
        True or False; False for an unknown key or name.

    Raises:
        TypeError: there is no key, or there are more than three.

    Example::

        socket.is_supported("options", "socket", "reuseport")
    """
    if not 1 <= len(keys) <= 3:
        raise TypeError(f"is_supported: expected 1 to 3 keys, got {len(keys)}")
    key, *rest = keys
    if not isinstance(key, str):
        return False
    if not rest:
        return key in _TABLES or _features().get(key, False)
    name: Any = rest[0] if len(rest) == 1 else tuple(rest)
    table = _TABLES.get(key)
    try:
        return table is not None and table().get(name, False)
    except TypeError:  # an unhashable object cannot be a name
        return False


def _options() -> dict[tuple[str, str], bool]:
    return {(level, name): has for level in LEVELS for name, has in supported(level).items()}


def _protocols() -> dict[str, bool]:
    return dict.fromkeys(protocol_names(), True)


_TABLES: Final[dict[str, Callable[[], dict[Any, bool]]]] = {
    "ioctl_requests": supported_requests,
    "ioctl_flags": supported_interface_flags,
    "options": _options,
    "msg_flags": supported_flags,
    "protocols": _protocols,
}


def _features() -> dict[str, bool]:
    return {
        "sctp": _has_sctp(),
        "ipv6": stdlib.has_ipv6,
        "local": hasattr(stdlib, "AF_UNIX"),
        "netns": sys.platform == "linux",
        "sendfile": hasattr(os, "sendfile"),
    }


def _has_sctp() -> bool:
    # SCTP is a module of the kernel that may be missing; opening a socket is the only test.
    try:
        stdlib.socket(stdlib.AF_INET, stdlib.SOCK_SEQPACKET, 132).close()
    except OSError:
        return False
    return True
