"""Sockets from a descriptor that somebody else has opened: `open_fd`."""

import os
import socket as stdlib

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_int
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ..core.actor import SocketActor
from ..core.service import service_of
from ..core.socket_object import Socket
from ..kernel.errors import error_of
from ..options.settings import check_settings
from ..values.kinds import (
    Domain,
    Protocol,
    SocketKind,
    Type,
    domain_number,
    protocol_number,
    type_number,
)
from ..values.limits import INT_MAX

__all__ = ["open_fd"]


@enable_ki_protection
def open_fd(
    fd: int,
    *,
    dup: bool = True,
    domain: Domain | int | None = None,
    type: Type | int | None = None,
    protocol: Protocol | int | None = None,
    debug: bool = False,
    use_registry: bool | None = None,
) -> Ok[Socket] | Error:
    """A socket, owned by the caller, on the open descriptor `fd`. Documented `open/1,2`.

    With `dup` the descriptor is duplicated, and `close` closes the duplicate; without, `close`
    leaves `fd` open. Either way `fd` becomes non-blocking, for everybody who has it. `domain`,
    `type` and `protocol` count only where the kernel can't tell. `debug` and `use_registry` are as
    in `open`.

    Raises `ValueError` when `fd` is no open socket and the kernel's answer is not made up for by
    `domain` and `type`. `Error` with the system's reason: `"emfile"`; `"enotsock"` or `"ebadf"`
    where the caller told the kind of what is no socket.
    """
    check_int("fd", fd, "the number of an open descriptor", 0, INT_MAX)
    check_bool("dup", dup)
    check_settings(debug, use_registry)
    given = (
        None if domain is None else domain_number(domain),
        None if type is None else type_number(type),
        None if protocol is None else protocol_number(protocol),
    )
    owner = current_process()
    kind = _kind(fd, given)
    try:
        service = service_of(owner.node)
        own = os.dup(fd) if dup else fd
    except OSError as exc:
        return error_of(exc)
    try:
        sock = stdlib.socket(kind.family, kind.type_number, kind.protocol_number, fileno=own)
    except OSError as exc:  # whatever the caller says, it is none
        if dup:
            os.close(own)
        return error_of(exc)
    try:
        sock.setblocking(False)
    except OSError as exc:
        if dup:
            sock.close()
        else:
            sock.detach()
        return error_of(exc)
    actor = SocketActor(
        service,
        sock,
        kind,
        owner,
        settings=service.settings(debug, use_registry),
        ctype=("fromfd", fd) if dup else "fromfd",
        connected=_has_peer(sock),
    )
    if _has_low_water_mark(sock):
        actor.note_low_water_mark()
    return Ok(actor.socket_object)


def _has_low_water_mark(sock: stdlib.socket) -> bool:
    """The poller, and who asks it, are going to wait for more than the first byte."""
    try:
        return sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVLOWAT) > 1
    except OSError:
        return False


def _kind(fd: int, given: tuple[int | None, int | None, int | None]) -> SocketKind:
    told = []
    for name, otherwise in zip(("SO_DOMAIN", "SO_TYPE", "SO_PROTOCOL"), given, strict=True):
        told.append(_ask(fd, name, otherwise))
    family, type_number, protocol = told
    if family is None or type_number is None:
        raise ValueError(
            f"fd: {fd} is no open socket that the kernel can tell the kind of; an open descriptor "
            "of another kind needs domain and type"
        )
    return SocketKind(family, type_number, protocol or 0)


def _ask(fd: int, name: str, otherwise: int | None) -> int | None:
    option = getattr(stdlib, name, None)
    if option is None:
        return otherwise
    try:
        # The standard library asks through an object; this one is not to close the descriptor.
        probe = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return otherwise
    try:
        return probe.getsockopt(stdlib.SOL_SOCKET, option)
    except OSError:
        return otherwise
    finally:
        probe.detach()


def _has_peer(sock: stdlib.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
