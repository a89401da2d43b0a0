"""What this platform supports: `supports` and `is_supported` in all their documented forms."""

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
    """What this platform supports. Documented `supports/0,1,2`.

    - `supports()`: a dict of everything below
    - `supports("options")`: a dict of `(level, option)` to bool; `supports("options", level)`: of
      the options of one level
    - `supports("msg_flags")`, `"protocols"`, `"ioctl_requests"`, `"ioctl_flags"`: a dict of name to
      bool
    - any other key: an empty dict
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
    """Whether this platform supports something. Documented `is_supported/1,2,3`.

    - `is_supported("sctp")`, `"ipv6"`, `"local"`, `"netns"`, `"sendfile"`, or a key of `supports`
    - `is_supported("msg_flags", flag)`, and so for the other keys of `supports`
    - `is_supported("options", level, option)`, or with a pair `(level, option)`

    What is unknown is not supported.
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
    except TypeError:  # not hashable, hence no name
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
    # Only the running kernel knows; asking it leaves nothing behind.
    try:
        stdlib.socket(stdlib.AF_INET, stdlib.SOCK_SEQPACKET, 132).close()
    except OSError:
        return False
    return True
