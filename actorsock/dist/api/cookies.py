"""The cookie, which all nodes of a cluster share: where it comes from."""

import os
import stat
from pathlib import Path
from typing import Final

from ...arguments import exact_str, shown

__all__ = ["VARIABLE", "cookie_from_file", "the_cookie"]

VARIABLE: Final = "ACTORSOCK_COOKIE"


def cookie_from_file(path: str | os.PathLike[str]) -> str:
    """Return the cookie in a file that only its owner may read, such as `~/.erlang.cookie`.

    Args:
        path: the path of the file.

    Raises:
        PermissionError: others may read or write the file.
        OSError: the file can't be read.
        ValueError: it is empty.
    """
    file = Path(path)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise PermissionError(
            f"{file}: other users may read or write it (mode {mode:04o}), and whoever knows the "
            f"cookie may do anything. Run `chmod 400 {file}`"
        )
    cookie = file.read_text(encoding="utf-8").strip()
    if not cookie:
        raise ValueError(f"{file}: it is empty")
    return cookie


def the_cookie(cookie: str | None, cookie_file: str | os.PathLike[str] | None) -> str:
    """Return the cookie of an argument, a file, or the environment; there is no other."""
    if cookie is not None and cookie_file is not None:
        raise ValueError("cookie, cookie_file: expected only one of them")
    if cookie_file is not None:
        return cookie_from_file(cookie_file)
    if cookie is None:
        cookie = os.environ.get(VARIABLE)
        if not cookie:
            raise ValueError(f"cookie: expected one, or cookie_file, or {VARIABLE} to be set")
    if not issubclass(type(cookie), str):
        raise TypeError(f"cookie: expected a str, got {shown(type(cookie))}")
    if not 0 < len(cookie) <= 255:
        raise ValueError("cookie: expected 1 to 255 characters")
    return exact_str(cookie)
