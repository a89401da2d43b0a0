"""Options: setopt and getopt, at level otp, by name, and in native mode.

Names, numbers and codecs come from `options`; this module calls the kernel, or the actor.
"""

import socket as stdlib
from typing import Any, Final, Literal, TypeAlias, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.identity import Pid, check_pid
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import CLOSED, SocketActor, actor_of
from ..core.socket_object import Socket
from ..kernel import libc
from ..options import (
    NativeRead,
    encode_native,
    find,
    find_otp,
    native_level,
    native_option,
    native_spec,
)
from .asking import at_once

__all__ = ["getopt", "setopt"]

# A known option that this platform lacks, or that cannot be set (or read).
_LACKING: Final = Error("enoprotoopt")
# Linux changes the priority of packets together with these options. Erlang's documentation says
# that the priority stays, so it is restored.
_CHANGES_PRIORITY: Final = (
    {(stdlib.IPPROTO_IP, stdlib.IP_TOS), (stdlib.IPPROTO_IPV6, getattr(stdlib, "IPV6_TCLASS", -1))}
    if hasattr(stdlib, "SO_PRIORITY")
    else set()
)

# The usual options whose values are bool, for type checkers.
OtpFlag: TypeAlias = Literal["debug", "iow", "select_read", "use_registry"]
SocketFlag: TypeAlias = Literal[
    "acceptconn", "broadcast", "dontroute", "keepalive", "oobinline", "reuseaddr", "reuseport"
]
TcpFlag: TypeAlias = Literal["cork", "nodelay"]


@enable_ki_protection
def setopt(sock: Socket, level: str | int, option: str | int, value: Any) -> Ok[None] | Error:
    """Set an option. Erlang's `socket:setopt/3,4` and `socket:setopt_native/3`.

    If the level or the option is a number, the call is in native mode: the value goes to the
    kernel as it is.

    Args:
        sock: the socket.
        level: `"otp"`, `"socket"`, `"ip"`, `"ipv6"`, `"tcp"`, `"udp"` or `"sctp"`. In native
            mode a number, `"socket"`, or the name of a protocol.
        option: the name of an option of the level, such as `"keepalive"`; in native mode its
            number.
        value: depends on the option: True or False, an integer, a word, or a record such as
            `Linger`, for which a dict of its fields does too. In native mode an int, a bool
            or a bytes-like object.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`: the socket is closed
        - `"enoprotoopt"`: this platform lacks the option, or it cannot be set, or not on this
          socket
        - `"not_owner"`: the caller is not the owner of the socket, who alone may set the
          options `"controlling_process"` and `"meta"` of level otp
        - another reason of the operating system, such as `"einval"` or `"eperm"`

    Raises:
        TypeError: an argument, or a field of the value, has another type.
        ValueError: the level, the option or a word is unknown, or a number is out of range.

    Example::

        ok(socket.setopt(sock, "socket", "reuseaddr", True))
        ok(socket.setopt(sock, "otp", "controlling_process", pid))
    """
    actor = actor_of(sock)
    if level == "otp" and isinstance(level, str):
        return _set_otp(actor, option, value)
    if isinstance(level, str) and isinstance(option, str):
        found = find(level, option)
        number: int | None = None
        raw: int | bytes = b""
        if found.encode is not None:
            number, raw = found.number, found.encode(value)
        level_number = found.level_number
    else:
        level_number = native_level(level)
        number, raw = native_option(level, option), encode_native(value)

    def call(opened: stdlib.socket) -> Error | None:
        if number is None:
            return _LACKING
        if (level_number, number) in _CHANGES_PRIORITY:
            _set_but_priority(opened, level_number, number, raw)
        else:
            opened.setsockopt(level_number, number, raw)
        actor.note_option(level_number, number)
        return None

    return at_once(actor, call, "setopt", level, option)


@overload
def getopt(
    sock: Socket, level: Literal["otp"], option: Literal["controlling_process"]
) -> Ok[Pid] | Error: ...
@overload
def getopt(sock: Socket, level: Literal["otp"], option: Literal["fd"]) -> Ok[int] | Error: ...
@overload
def getopt(sock: Socket, level: Literal["otp"], option: OtpFlag) -> Ok[bool] | Error: ...
@overload
def getopt(sock: Socket, level: Literal["socket"], option: SocketFlag) -> Ok[bool] | Error: ...
@overload
def getopt(sock: Socket, level: Literal["tcp"], option: TcpFlag) -> Ok[bool] | Error: ...
@overload
def getopt(sock: Socket, level: str | int, option: Any) -> Ok[Any] | Error: ...
@enable_ki_protection
def getopt(sock: Socket, level: str | int, option: Any) -> Ok[Any] | Error:
    """Read an option. Erlang's `socket:getopt/2,3` and `socket:getopt_native/3`.

    Args:
        sock: the socket.
        level: as for `setopt`.
        option: the name of an option of the level. In native mode a pair: the number or name
            of the option, and the form of its value, which is `"integer"`, `"boolean"`, a
            size in bytes, or bytes for the buffer that the kernel is to fill.

    Returns:
        `Ok(value)`; in native mode an int, a bool or bytes. Or `Error`:

        - `"closed"`: the socket is closed (`"otp"`, `"use_registry"` can still be read)
        - `"enoprotoopt"`: this platform lacks the option, or it cannot be read, or not on this
          socket
        - `"efault"`, `"einval"`: the size is 0, or negative
        - another reason of the operating system

    Raises:
        TypeError: an argument has another type.
        ValueError: the level, the option or the form is unknown, or a number does not fit a
            C int.

    Example::

        match socket.getopt(sock, "socket", "linger"):
            case Ok(Linger(onoff=True, linger=seconds)): ...
        ok(socket.getopt(sock, "tcp", (1, "boolean")))  # TCP_NODELAY by its number
    """
    actor = actor_of(sock)
    if level == "otp" and isinstance(level, str):
        return _get_otp(actor, option)
    if isinstance(option, tuple):
        if len(option) != 2:
            raise ValueError(f"option: expected (option, value spec), got {shown(option)}")
        level_number, number = native_level(level), native_option(level, option[0])
        read = native_spec(option[1])
    elif not isinstance(level, str) or not isinstance(option, str):
        raise TypeError(
            f"option: native mode takes (option, value spec), such as ({shown(option)}, 'integer')"
        )
    else:
        found = find(level, option)
        level_number, number = found.level_number, found.number
        read = _LACKING
        if found.decode is not None:
            read = NativeRead(found.size, found.decode, found.request)

    def call(opened: stdlib.socket) -> object:
        if isinstance(read, Error):
            return read
        if number is None:
            return _LACKING
        raw = libc.getsockopt(
            opened, actor.kind.family, level_number, number, read.size, read.request
        )
        return read.decode(raw)

    return at_once(actor, call, "getopt", level, option)


def _set_but_priority(opened: stdlib.socket, level: int, number: int, raw: int | bytes) -> None:
    """Set an option, and restore the priority of packets, which Linux changes with it."""
    priority = opened.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY)
    opened.setsockopt(level, number, raw)
    opened.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY, priority)


def _set_otp(actor: SocketActor, name: object, value: object) -> Ok[None] | Error:
    option = find_otp(name)
    if option.check is not None:
        value = option.check(value)
    if option.name == "controlling_process":
        value = check_pid(value, "value")
    charge(SYSTEM_CALL)
    caller = current_process().pid
    if actor.turns.closed:
        return CLOSED
    if option.check is None:
        return _LACKING
    if option.owner_only and actor.turns.owner is not caller:
        return Error("not_owner")
    if isinstance(value, Pid) and option.name == "controlling_process":
        actor.give(caller, value)
    else:
        actor.change_setting(option.name, value)
    return Ok()


def _get_otp(actor: SocketActor, name: object) -> Ok[Any] | Error:
    charge(SYSTEM_CALL)
    option = find_otp(name)
    if option.name == "use_registry":
        return Ok(actor.settings.use_registry)  # also of a closed socket, as in Erlang
    if actor.turns.closed:
        return CLOSED
    match option.name:
        case "controlling_process":
            return Ok(actor.turns.owner)
        case "fd":
            return Ok(actor.fd)
        case "domain" | "type" | "protocol":
            return Ok(getattr(actor.kind, option.name))
        case setting:
            return Ok(getattr(actor.settings, setting))
