"""A function called inside another network namespace (Linux)."""

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

__all__ = ["call_in_namespace"]

T = TypeVar("T")
_CLONE_NEWNET: Final = 0x40000000


def call_in_namespace(path: str, function: Callable[..., T], *args: Any) -> T:
    """Return `function(*args)`, called inside the network namespace at `path`.

    setns(2) moves one thread. A new thread enters the namespace and ends after the call, so
    that no thread has to return to the old namespace, which could fail.

    Raises:
        OSError: the namespace cannot be entered, or `function` raised it.
    """
    results: list[T] = []
    failures: list[OSError] = []

    def visit() -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _enter(fd)
            finally:
                os.close(fd)
            results.append(function(*args))
        except OSError as exc:
            failures.append(exc)
        except ValueError:  # a NUL in the path, which no file can have
            failures.append(OSError(errno.ENOENT, os.strerror(errno.ENOENT)))

    thread = threading.Thread(target=visit, name="network namespace", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _enter(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    setns = getattr(libc, "setns", None)
    if setns is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
