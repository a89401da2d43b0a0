"""The local sockets by which programs of the same user are found: one for each, named by its pid.

They stand in a folder that only the user can enter. A name whose program has gone is removed by the
next program that lists them.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

import attrs

__all__ = ["Found", "folder", "listed", "path_of", "remove"]

_NAME: Final = re.compile(r"([1-9][0-9]*)\.sock")


@attrs.frozen
class Found:
    """A program that can be observed."""

    pid: int
    """The process id that the operating system knows it by."""
    path: Path
    """Its local socket."""


def folder() -> Path:
    """Return the folder of the sockets, which is made if it is missing.

    Raises:
        OSError: it can't be made, or it is not what it should be: a folder of this user, which
            nobody else may enter.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    user = os.getuid()
    path = Path(runtime) / "actorsock" if runtime else Path(f"/tmp/actorsock-{user}")
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise PermissionError(f"{path}: expected a folder of this user with the mode 0700")
    if found.st_mode & 0o700 != 0o700:
        path.chmod(0o700)  # made under a umask that takes away what its user needs
    return path


def path_of(pid: int) -> Path:
    """Return the path of the socket of the program with the process id `pid`."""
    return folder() / f"{pid}.sock"


def listed() -> list[Found]:
    """Return the programs that can be observed, and remove the names of those that have gone."""
    found = []
    for path in sorted(folder().iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        pid = int(match[1])
        if _is_alive(pid):
            found.append(Found(pid, path))
        else:
            remove(path)
    return found


def remove(path: Path) -> None:
    """Remove the name of a socket, if it is still there."""
    path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and of another user: the number was given to another program
    return True
