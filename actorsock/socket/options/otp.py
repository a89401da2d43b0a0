"""The options of the level otp: what the library itself, not the kernel, keeps for a socket.

Responsible for their names, which of them may be set and by whom, and the check of a value. It
does not keep the values: the socket's actor does, in `Settings`, which also says what they are at
the start; it alone knows those that follow from the socket (`fd`, `domain`, `type`, `protocol`,
`controlling_process`).
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from ...arguments import restated, shown
from ..values.limits import INT_MAX
from .settings import DEFAULTS

__all__ = ["OTP_OPTIONS", "OtpOption", "find_otp"]


@attrs.frozen(eq=False)
class OtpOption:
    """An option of the level otp; the documented `otp_socket_option()`.

    `value` says in words what is accepted, or what a get-only option gives. `check` turns the
    value given into the one to keep and to give back; it raises `TypeError` or `ValueError`
    naming the option, the value and what is accepted, and is `None` if the option may not be
    set. Every option may be got. `default` is the value at the start, `None` where it follows
    from the socket. With `owner_only` no process but the socket's owner may set it.

    Sizes are bytes. The count of a pair is how many reads `recv` makes in one go.
    """

    name: str
    value: str
    check: Callable[[object], object] | None
    default: object
    owner_only: bool


def find_otp(name: object) -> OtpOption:
    """The option `name` of the level otp.

    Raises `TypeError` if it is not a str and `ValueError` if it is unknown, naming what is
    accepted. Documented counterpart: the `{otp, Opt}` of `setopt` and `getopt`.
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
"""The options of the level otp by name, in documented order."""
