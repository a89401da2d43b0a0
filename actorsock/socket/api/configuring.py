"""Options: setopt and getopt, at level otp, by name, and in native mode."""

import socket as stdlib
from typing import Any, Final, Literal, TypeAlias, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, check_pid
from ..core.actor import CLOSED, SocketActor, actor_of
from ..core.handle import Socket
from ..core.stdlib_shape import LOW_WATER_MARK
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

# A known option that this platform lacks, or that can't be set (or got).
_LACKING: Final = Error("enoprotoopt")
# As documented, one who sets these has not asked for another priority.
_CHANGES_PRIORITY: Final = (
    {(stdlib.IPPROTO_IP, stdlib.IP_TOS), (stdlib.IPPROTO_IPV6, getattr(stdlib, "IPV6_TCLASS", -1))}
    if hasattr(stdlib, "SO_PRIORITY")
    else set()
)

# Options whose values are bool: those of a program's everyday life, for type checkers.
OtpFlag: TypeAlias = Literal["debug", "iow", "select_read", "use_registry"]
SocketFlag: TypeAlias = Literal[
    "acceptconn", "broadcast", "dontroute", "keepalive", "oobinline", "reuseaddr", "reuseport"
]
TcpFlag: TypeAlias = Literal["cork", "nodelay"]


@enable_ki_protection
def setopt(sock: Socket, level: str | int, option: str | int, value: Any) -> Ok[None] | Error:
    """Set an option. Documented `setopt/3,4`; with numbers, `setopt_native/3`.

    `level` is `"otp"`, `"socket"`, `"ip"`, `"ipv6"`, `"tcp"`, `"udp"`, `"sctp"`; what `value` may
    be depends on the option. In native mode it is an int, a bool, or bytes.

    `Error`: `"closed"`; `"enoprotoopt"` for an option that this platform lacks or that can't
    be set; `"not_owner"` for what only the owner may set; or the kernel's reason.
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
        if (level_number, number) == LOW_WATER_MARK:
            actor.expect_late_telling()
        return None

    return at_once(actor, call)


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
    """Get an option. Documented `getopt/2,3`; in native mode `getopt_native`.

    Native mode is a pair for `option`: the number (or name), and how to read the value:
    `"integer"`, `"boolean"`, a size in bytes, or bytes that the kernel is to find in the buffer.

    `Error`: `"closed"`; `"enoprotoopt"` for an option that this platform lacks or that can't
    be got; or the kernel's reason.
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

    return at_once(actor, call)


def _set_but_priority(opened: stdlib.socket, level: int, number: int, raw: int | bytes) -> None:
    """Set an option with which Linux would set the priority of packets as well."""
    priority = opened.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY)
    opened.setsockopt(level, number, raw)
    opened.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY, priority)


def _set_otp(actor: SocketActor, name: object, value: object) -> Ok[None] | Error:
    option = find_otp(name)
    if option.check is not None:
        value = option.check(value)
    if option.name == "controlling_process":
        value = check_pid(value, "value")
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
    option = find_otp(name)
    if option.name == "use_registry":
        return Ok(actor.settings.use_registry)  # also of a closed socket, as documented
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
