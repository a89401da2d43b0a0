"""Lists of options as callers give them: to open a socket, to set, and to get.

A wrong option raises where a socket is opened, and is `Error("einval")` in `setopts` and `getopts`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...arguments import shown
from ...results import Error
from .checks import LOCAL, family_of_address
from .table import OPTIONS, Family, Option

__all__ = ["Function", "OpeningOptions", "RawRead", "opening_options", "options_to_get",
           "options_to_set"]  # fmt: skip

OptionList: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""A mapping of names to values; or a list, as in Erlang, of pairs and of single words."""

Function: TypeAlias = Literal["connect", "listen", "open"]
_LETTERS: Final[dict[Function, str]] = {"connect": "C", "listen": "L", "open": "U"}
_MODES: Final = ("binary", "list")
_FAMILIES: Final[tuple[Family, ...]] = ("inet", "inet6", "local")
_LARGEST_READ: Final = 65535


@attrs.frozen
class OpeningOptions:
    """The options of `connect`, `listen` or `open`, checked.

    Attributes:
        family: the family of the socket: as asked for, or that of the local address.
        values: the last value of each option given, by name. `ifaddr` is found as `ip`.
        repeated: the options of which each one counts, in their order.
    """

    family: Family
    values: dict[str, Any]
    repeated: tuple[tuple[Option, Any], ...]


@attrs.frozen
class RawRead:
    """An option of the system to read: `{raw, Level, Name, Size}`."""

    level: int
    name: int
    size: int


def opening_options(
    function: Function, options: OptionList, family: Family | None = None
) -> OpeningOptions:
    """Check the options of `gen_tcp.connect`, `gen_tcp.listen` or `gen_udp.open`.

    Args:
        function: the function that they are given to.
        options: the options; of one given twice the last counts.
        family: the family of the address to connect to; None without one.

    Raises:
        TypeError: `options` is no list, or a value has a wrong type.
        ValueError: an option is unknown, not one of the function's, or has a wrong value; an
            address or an option belongs to another family than the socket.
    """
    letter = _LETTERS[function]
    values: dict[str, Any] = {}
    repeated: list[tuple[Option, Any]] = []
    asked: Family | None = None
    for place, (name, value) in enumerate(_pairs(options)):
        if name in _FAMILIES and value is _WORD:
            asked = _FAMILIES[_FAMILIES.index(name)]
            continue
        option = OPTIONS.get(name) if isinstance(name, str) and value is not _WORD else None
        if option is None or letter not in option.where:
            raise ValueError(f"option {shown(name)}: {function} has no such option")
        if name == "inet_backend" and place:
            raise ValueError("option inet_backend: only the first option may be it")
        checked = option.check(value)
        if option.repeats:
            repeated.append((option, checked))
        else:
            values["ip" if name == "ifaddr" else name] = checked
    found = _family(asked, family, values.get("ip"))
    for name in values:
        if OPTIONS[name].kernel and OPTIONS[name].effect("tcp", found) == "einval":
            raise ValueError(f"option {name}: a socket of the family {found!r} has none")
    return OpeningOptions(found, values, tuple(repeated))


def options_to_set(options: OptionList) -> list[tuple[Option, Any]] | Error:
    """Check the options of `inet.setopts`.

    Returns:
        The options with their values in the order in which they are to be set. Those of a list are
        set from the last to the first, so that of one given twice the first counts; of a mapping
        `active` is the last. `Error("einval")` if one is wrong:
        none is to be set then.

    Raises:
        TypeError: `options` is no list.
    """
    settings = []
    for name, value in _pairs(options):
        option = OPTIONS.get(name) if isinstance(name, str) and value is not _WORD else None
        if option is None or "s" not in option.where:
            return Error("einval")
        try:
            settings.append((option, option.check(value)))
        except (TypeError, ValueError):
            return Error("einval")
    if isinstance(options, Mapping):
        # A mapping has no order that counts: the mode comes last, when all else is set.
        return sorted(settings, key=lambda setting: setting[0].name == "active")
    return settings[::-1]


def options_to_get(names: Iterable[Any]) -> list[Option | RawRead] | Error:
    """Check the names of `inet.getopts`.

    Args:
        names: names, and `("raw", level, name, size)`, where bytes of that size may stand for it.

    Returns:
        The options in the order asked, `netns` last; `Error("einval")` if one cannot be got.

    Raises:
        TypeError: `names` is no list.
    """
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise TypeError(f"names: expected a list of names, got {shown(names)}")
    options = [_to_get(name) for name in names]
    known = [option for option in options if option is not None]
    if len(known) < len(options):
        return Error("einval")
    return sorted(known, key=lambda option: option is OPTIONS["netns"])


def _to_get(name: Any) -> Option | RawRead | None:
    if isinstance(name, str):
        option = OPTIONS.get(name)
        return option if option is not None and option.get else None
    match name:
        case ("raw", int(level), int(number), int(size)):
            pass
        case ("raw", int(level), int(number), bytes(request)):
            size = len(request)
        case _:
            return None
    return RawRead(level, number, size) if 0 <= size <= _LARGEST_READ else None


class _Word:
    """The value of an option that is a word alone."""


_WORD: Final = _Word()


def _pairs(options: OptionList) -> list[tuple[Any, Any]]:
    if isinstance(options, Mapping):
        return list(options.items())
    if isinstance(options, str | bytes) or not isinstance(options, Sequence):
        raise TypeError(f"options: expected a list or a mapping, got {shown(options)}")
    return [_pair(option) for option in options]


def _pair(option: Any) -> tuple[Any, Any]:
    match option:
        case str() if option in _MODES:
            return "mode", option
        case ("raw", level, name, value):
            return "raw", (level, name, value)
        case (name, value):
            return name, value
    return option, _WORD


def _family(asked: Family | None, peer: Family | None, address: Any) -> Family:
    local = None if address is None else family_of_address(address)
    families = {each for each in (asked, peer, local) if each is not None}
    if len(families) > 1:
        raise ValueError(f"options: families differ: {', '.join(sorted(map(str, families)))}")
    found = families.pop() if families else "inet"
    if found == LOCAL:
        return "local"
    return "inet6" if found == "inet6" else "inet"
