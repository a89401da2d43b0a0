"""Names of operating-system errors: errno numbers as the lower-case words that `Error` carries."""

import errno
from typing import Final

from ...results import Error

__all__ = ["error_of", "number_of", "reason_of"]

# Linux has one number for the two, and Erlang says enotsup.
_NAMES: Final = {
    **{number: name.lower() for number, name in errno.errorcode.items()},
    errno.EOPNOTSUPP: "enotsup",
    errno.EAGAIN: "eagain",
}
_NUMBERS: Final = {
    **{name.lower(): number for number, name in errno.errorcode.items()},
    **{name: number for number, name in _NAMES.items()},
}
_NAMELESS: Final = "errno_"


def reason_of(number: int | None) -> str:
    """The reason for an errno number, such as `"econnrefused"`."""
    return _NAMES.get(number or 0, f"{_NAMELESS}{number}")


def number_of(reason: str) -> int | None:
    """The opposite of `reason_of`; None for a reason that is not the system's (`"closed"`)."""
    if reason.startswith(_NAMELESS):
        return int(reason.removeprefix(_NAMELESS))
    return _NUMBERS.get(reason)


def error_of(exc: OSError, data: object = None) -> Error:
    """The `Error` that stands for an `OSError`."""
    return Error(reason_of(exc.errno), data)
