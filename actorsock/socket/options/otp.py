"""The options of the level otp, which belong to the library and not to the kernel.

The table has their names, the check of a new value, and the processes that may set them. The values
are kept by the socket's actor in a `Settings` record, whose defaults are those of a new socket.
Some follow from the socket and have no setting: `fd`, `domain`, `type`, `protocol` and
`controlling_process`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from ...arguments import restated, shown
from ..values.c_integers import INT_MAX
from .settings import DEFAULTS

__all__ = ["OTP_OPTIONS", "OtpOption", "find_otp"]


@attrs.frozen(eq=False)
class OtpOption:
    """An option of the level otp. Erlang's `otp_socket_option()`. Every one may be read.

    Attributes:
        name: its word, such as `"rcvbuf"`.
        value: the values that are accepted, in words; of an option that is only read, the
            values that `getopt` returns. Sizes are bytes; the count of a pair is the number of
            reads that one `recv` makes.
        check: turns the argument of `setopt` into the value to keep. It raises `TypeError` or
            `ValueError` with the option, the value and what is accepted. None if the option
            cannot be set.
        default: the value of a new socket; None if it follows from the socket.
        owner_only: True if only the owner of the socket may set it.
    """

    name: str
    value: str
    check: Callable[[object], object] | None
    default: object
    owner_only: bool


def find_otp(name: object) -> OtpOption:
    """Return the option `name` of the level otp.

    Raises:
        TypeError: `name` is not a str.
        ValueError: the option is unknown; the text has those that are accepted.
    """
    if not isinstance(name, str):
        raise TypeError(f"option: {shown(name)} is not a str, the name of an option")
    option = OTP_OPTIONS.get(name)
    if option is None:
        raise ValueError(
            f"option: {shown(name)} is unknown to level 'otp'; "
            f"accepted are {', '.join(OTP_OPTIONS)}"
        )
    return option


def _anything(value: object) -> object:
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it is neither True nor False")
    return value


def _only_true(value: object) -> bool:
    if not _boolean(value):
        raise ValueError("a socket stays in the registry until it closes")
    return True


def _size(default: int, value: object) -> int:
    if isinstance(value, str):
        if value == "default":
            return default
        raise ValueError("it is an unknown word")
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("it is not an integer")
    if not 0 < value <= INT_MAX:
        raise ValueError("it is out of range")
    return int(value)


def _rcvbuf(value: object) -> int | tuple[int, int]:
    if not isinstance(value, tuple):
        return _size(DEFAULTS.read_size, value)
    if len(value) != 2:
        raise ValueError("it is not a pair")
    count, size = value
    if isinstance(count, str):
        raise TypeError("its first element is not an integer")
    return _size(DEFAULTS.read_count, count), _size(DEFAULTS.read_size, size)


_rcvctrlbuf: Final = partial(_size, DEFAULTS.rcvctrlbuf)
_sndctrlbuf: Final = partial(_size, DEFAULTS.sndctrlbuf)

# fmt: off
_ROWS: Final[tuple[tuple[str, Callable[[object], object] | None, str], ...]] = (
    # name                   check         value
    ("debug",                _boolean,     "True or False"),
    ("iow",                  _boolean,     "True or False"),
    ("controlling_process",  _anything,    "a pid"),
    ("rcvbuf",               _rcvbuf,      '"default", a size, or (count, either)'),
    ("rcvctrlbuf",           _rcvctrlbuf,  '"default" or a size'),
    ("sndctrlbuf",           _sndctrlbuf,  '"default" or a size'),
    ("meta",                 _anything,    "anything"),
    ("fd",                   None,         "an integer"),
    ("use_registry",         _only_true,   "True"),
    ("domain",               None,         "a word or an integer"),
    ("type",                 None,         "a word or an integer"),
    ("protocol",             None,         "a word or an integer"),
    ("select_read",          _boolean,     "True or False"),
)
# fmt: on

_OWNER_ONLY: Final = {"controlling_process", "meta"}


def _checked(name: str, accepts: str, check: Callable[[object], object], value: object) -> object:
    try:
        return check(value)
    except (TypeError, ValueError) as problem:
        text = f"option otp/{name}: {shown(value)} is refused: {problem}; accepted: {accepts}"
        raise restated(problem, text) from None


OTP_OPTIONS: Final[dict[str, OtpOption]] = {
    name: OtpOption(
        name=name,
        value=value,
        check=partial(_checked, name, value, check) if check else None,
        default=getattr(DEFAULTS, name, None),
        owner_only=name in _OWNER_ONLY,
    )
    for name, check, value in _ROWS
}
"""The options of the level otp by name, in the order of Erlang's documentation."""
