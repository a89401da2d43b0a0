"""`setopts` and `getopts` of `ssl`: the options of the socket, and the modes of the connection."""

from collections.abc import Iterable, Mapping
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...inet.calls.options import values_of
from ...inet.options.lists import options_to_get, options_to_set
from ...inet.options.table import Option
from ...results import Error, Ok
from ..driver.ssl_socket import Plain, SslSocket
from ..options.lists import OptionList
from .arguments import CLOSED, carrier_of, connection_of, socket_of

__all__ = ["getopts", "setopts"]


@enable_ki_protection
def setopts(sock: SslSocket, options: OptionList) -> Ok[None] | Error[Any]:
    """Set options of a socket: `active`, and those of `inet.setopts`. Erlang's `ssl:setopts/2`.

    Of a listening socket they are for the connections that it will accept.

    Args:
        sock: the socket.
        options: as for `inet.setopts`.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`
        - `("options", ("socket_options", options, "einval"))`: one is unknown or has a wrong value;
          none is set
        - `("options", ("socket_options", ("active", count)))`: the count would pass 32767
        - `"notsup_on_transport_accept_socket"`: its handshake has not been made

    Raises:
        TypeError: `sock` is no `SslSocket`, or `options` is neither a list nor a mapping.
    """
    behind = socket_of(sock)
    actor = connection_of(sock)
    # A program that reads packet by packet sets this one after each of them.
    if type(options) is dict and len(options) == 1 and options.get("active") == "once":
        if isinstance(actor, Error):
            return actor
        done = actor.set_active("once")
        actor.options_set()
        return done
    settings = options_to_set(options)
    if isinstance(settings, Error):
        return CLOSED if actor == CLOSED else _wrong(options)
    if isinstance(behind, Plain) and behind.listens:
        return _set_for_later(behind, settings)
    if isinstance(actor, Error):
        return actor
    result: Ok[None] | Error[Any] = Ok()
    for option, value in settings:
        result = actor.set_option(option, value)
        if isinstance(result, Error):
            if option.name == "active" and result.reason == "einval":
                result = Error(("options", ("socket_options", ("active", value))))
            break
    actor.options_set()
    return result


def _wrong(options: OptionList) -> Error[Any]:
    given = tuple(options.items()) if isinstance(options, Mapping) else tuple(options)
    return Error(("options", ("socket_options", given, "einval")))


@enable_ki_protection
def getopts(sock: SslSocket, names: Iterable[Any]) -> Ok[dict[Any, Any]] | Error[Any]:
    """Read options of a socket, as `inet.getopts`. Erlang's `ssl:getopts/2`.

    Args:
        sock: the socket.
        names: as for `inet.getopts`.

    Returns:
        `Ok(values)`; or `Error`: `"closed"`, `("options", ("socket_options", name, "einval"))` if
        there is no such option, or `"notsup_on_transport_accept_socket"`.

    Raises:
        TypeError: `sock` is no `SslSocket`, or `names` is no list.
    """
    behind = socket_of(sock)
    listening = behind if isinstance(behind, Plain) and behind.listens else None
    actor = connection_of(sock) if listening is None else carrier_of(listening)
    asked = list(names) if not isinstance(names, str) else names
    options = options_to_get(asked)
    if isinstance(actor, Error):
        return actor
    if actor.turns.closed:
        return CLOSED
    if isinstance(options, Error):
        wrong = next(name for name in asked if isinstance(options_to_get([name]), Error))
        return Error(("options", ("socket_options", wrong, "einval")))
    found = values_of(actor, options)
    if listening is not None and "active" in found:
        found["active"] = listening.active
    return Ok(found)


def _set_for_later(listening: Plain, settings: list[tuple[Option, Any]]) -> Ok[None] | Error[Any]:
    actor = carrier_of(listening)
    if actor.turns.closed:
        return CLOSED
    for option, value in settings:
        if option.name == "active":
            listening.active = value
        elif isinstance(result := actor.set_option(option, value), Error):
            return result
    return Ok()
