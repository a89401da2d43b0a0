"""`setopts` and `getopts`."""

from collections.abc import Iterable
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...results import Error, Ok
from ..driver.inet_actor import EINVAL, InetActor
from ..driver.socket_objects import InetSocket
from ..options.lists import OptionList, RawRead, options_to_get, options_to_set
from ..options.table import Option
from .arguments import inet_actor_of

__all__ = ["getopts", "setopts", "values_of"]

_OK: Final[Ok[None]] = Ok()


@twin
@enable_ki_protection
def setopts(sock: InetSocket, options: OptionList) -> Ok[None] | Error:
    """Set options of a socket. Erlang's `inet:setopts/2`.

    All options are checked first: if one is wrong, none is set. Any process may set options; the
    messages that an active mode allows go to the owner.

    Args:
        sock: the socket.
        options: a mapping of names to values; or a list, as in Erlang, of pairs and of the words
            `"binary"` and `"list"`. docs/gen_tcp.md has a table of all options. In a list they are
            set from the last to the first, so of one given twice the first counts.

    Returns:
        `Ok()`, or `Error`:

        - `"einval"`: the socket is closed; an option is unknown or cannot be set, or its value is
          wrong
        - another reason of the operating system: the options set before it stay set

    Raises:
        TypeError: `sock` is no such socket, or `options` is neither a list nor a mapping.

    Example::

        ok(inet.setopts(sock, {"active": "once"}))
        ok(inet.setopts(sock, [("packet", 4), "binary"]))
    """
    actor = inet_actor_of(sock)
    if type(options) is dict and len(options) == 1 and options.get("active") == "once":
        # The short way of a program that reads packet by packet.
        if actor.turns.closed:
            return EINVAL
        result = actor.set_active("once")
        actor.options_set()
        return result
    settings = options_to_set(options)
    if isinstance(settings, Error):
        return settings
    if actor.turns.closed:
        return EINVAL
    result = _OK
    for option, value in settings:
        result = actor.set_option(option, value)
        if isinstance(result, Error):
            break
    actor.options_set()
    return result


@enable_ki_protection
def getopts(sock: InetSocket, names: Iterable[Any]) -> Ok[dict[Any, Any]] | Error:
    """Read options of a socket. Erlang's `inet:getopts/2`.

    Args:
        sock: the socket.
        names: the names of options; `("raw", level, name, size)` reads any option of the system,
            where bytes of that size may stand for the size.

    Returns:
        `Ok(values)`, a dict in the order asked, without the options that this socket does not
        have; the key of a raw option is `("raw", level, name)`. Or `Error("einval")`: the socket
        is closed, or one of the options is unknown or cannot be read.

    Raises:
        TypeError: `sock` is no such socket, or `names` is no list.

    Example::

        ok(inet.getopts(sock, ["active", "packet"]))  # {"active": False, "packet": 0}
    """
    actor = inet_actor_of(sock)
    options = options_to_get(names)
    if isinstance(options, Error):
        return options
    return EINVAL if actor.turns.closed else Ok(values_of(actor, options))


def values_of(actor: InetActor, options: Iterable[Option | RawRead]) -> dict[Any, Any]:
    """Return the values of options, without those that the socket does not have."""
    found = {}
    for option in options:
        value = actor.get_option(option)
        if value is not ...:
            key = ("raw", option.level, option.name) if isinstance(option, RawRead) else option.name
            found[key] = value
    return found
