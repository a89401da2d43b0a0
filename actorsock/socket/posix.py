"""Names of operating-system errors: errno numbers as the lower-case words that `Error` carries."""

import errno
from typing import Final

from ..results import Error

__all__ = ["error_of", "reason_of"]

# Linux has one number for the two, and Erlang says enotsup.
_NAMES: Final = {
    **{number: name.lower() for number, name in errno.errorcode.items()},
    errno.EOPNOTSUPP: "enotsup",
    errno.EAGAIN: "eagain",
}


def reason_of(number: int | None) -> str:
    """The reason for an errno number, such as `"econnrefused"`."""
    return _NAMES.get(number or 0, f"errno_{number}")


def error_of(exc: OSError, data: object = None) -> Error:
    """The `Error` that stands for an `OSError`."""
    return Error(reason_of(exc.errno), data)
