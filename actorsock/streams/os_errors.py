"""The reasons of sockets as the exceptions that trio's users expect: `OSError` with its number."""

import errno
import os
from typing import Final, TypeVar

from ..results import Error, Ok, Select, SelectRead

__all__ = ["os_error", "value_of"]

T = TypeVar("T")

# Linux has one number for the two, and the sockets say enotsup.
_NUMBERS: Final = {
    **{name.lower(): number for number, name in errno.errorcode.items()},
    "enotsup": errno.EOPNOTSUPP,
}


def os_error(reason: str) -> OSError:
    """The exception for the reason of an `Error`, such as `"econnrefused"`."""
    number = _NUMBERS.get(reason)
    if number is None and reason.startswith("errno_"):
        number = int(reason.removeprefix("errno_"))
    return OSError(reason) if number is None else OSError(number, os.strerror(number))


def value_of(answer: Ok[T] | Error | Select | SelectRead) -> T:
    """The value of an `Ok`; an `Error` is raised as the `OSError` that it stands for."""
    if isinstance(answer, Ok):
        return answer.value
    assert isinstance(answer, Error)  # only calls that do not block answer Select
    raise os_error(answer.reason)
