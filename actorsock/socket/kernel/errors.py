"""Names of operating-system errors: errno numbers as the lower-case words that `Error` carries."""

import errno
from typing import Final

from trio.lowlevel import enable_ki_protection

from ...results import Error

__all__ = ["error_of", "number_of", "reason_of"]

# Some numbers have two names, of which `errno.errorcode` keeps one. Linux: EOPNOTSUPP is
# ENOTSUP, and EAGAIN is EWOULDBLOCK. These are the names that Erlang uses.
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
    """Return the reason for an errno number, such as `"econnrefused"`.

    A number without a name becomes `"errno_<number>"`, so that `number_of` can undo it.
    """
    return _NAMES.get(number or 0, f"{_NAMELESS}{number}")


def number_of(reason: str) -> int | None:
    """Return the errno number of a reason; None if it is not the system's, such as `"closed"`."""
    if reason.startswith(_NAMELESS):
        return int(reason.removeprefix(_NAMELESS))
    return _NUMBERS.get(reason)


@enable_ki_protection
def error_of(exc: OSError, data: object = None) -> Error:
    """Return the `Error` for an `OSError`."""
    return Error(reason_of(exc.errno), data)
