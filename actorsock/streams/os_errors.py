"""The reasons of sockets as the exceptions that trio's users expect: `OSError` with its number."""

import os
from typing import TypeVar

from ..results import Error, Ok, Select, SelectRead
from ..socket.kernel.errors import number_of

__all__ = ["os_error", "value_of"]

T = TypeVar("T")


def os_error(reason: str) -> OSError:
    """The exception for the reason of an `Error`, such as `"econnrefused"`."""
    number = number_of(reason)
    return OSError(reason) if number is None else OSError(number, os.strerror(number))


def value_of(answer: Ok[T] | Error | Select | SelectRead) -> T:
    """The value of an `Ok`; an `Error` is raised as the `OSError` that it stands for."""
    if isinstance(answer, Ok):
        return answer.value
    assert isinstance(answer, Error)  # only calls that do not block answer Select
    raise os_error(answer.reason)
