"""Sockets on a descriptor that was opened elsewhere: `open_fd`.

The kernel is asked for domain, type and protocol; the caller's arguments are a fallback.
"""

import os
import socket as stdlib
from contextlib import suppress

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_int
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import SocketActor
from ..core.service import log_opening, service_of
from ..core.socket_object import Socket
from ..kernel.errors import error_of
from ..options.settings import check_settings
from ..values.c_integers import INT_MAX
from ..values.kinds import (
    Domain,
    Protocol,
    SocketKind,
    Type,
    domain_number,
    protocol_number,
    type_number,
)

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
    """Open a socket on an open descriptor. The calling process owns it. Erlang's `socket:open/1,2`.

    The descriptor becomes non-blocking. This is a property of the open file, so it holds for
    every descriptor that shares the file, also in other operating-system processes.

    Args:
        fd: the number of an open descriptor.
        dup: True (the default) to duplicate the descriptor: `close` closes the duplicate.
            False to use `fd` itself: `close` leaves it open.
        domain: the domain of the socket, as for `open`; used if the kernel cannot report it.
        type: the type, likewise.
        protocol: the protocol, likewise.
        debug: as for `open`.
        use_registry: as for `open`.

    Returns:
        `Ok(sock)`, a `Socket`; or `Error`:

        - `"emfile"`: there are too many open descriptors
        - `"enotsock"`, `"ebadf"`: `fd` is no socket, or not open, although `domain` and `type`
          were given
        - another reason of the operating system

    Raises:
        TypeError: an argument has another type.
        ValueError: `fd` is no open socket and `domain` and `type` were not given; or a word
            is unknown.

    Example::

        left, right = stdlib.socketpair()
        sock = ok(socket.open_fd(left.fileno()))
    """
    fd = check_int("fd", fd, "the number of an open descriptor", 0, INT_MAX)
    check_bool("dup", dup)
    check_settings(debug, use_registry)
    given = (
        None if domain is None else domain_number(domain),
        None if type is None else type_number(type),
        None if protocol is None else protocol_number(protocol),
    )
    owner = current_process()
    owner.body.budget -= SYSTEM_CALL
    kind = _kind(fd, given)
    result = _opened(owner, fd, dup, kind, debug, use_registry)
    log_opening(owner, "open_fd", (fd, kind.domain, kind.type, kind.protocol), result)
    return result


def _opened(
    owner: Process,
    fd: int,
    dup: bool,
    kind: SocketKind,
    debug: bool,
    use_registry: bool | None,
) -> Ok[Socket] | Error:
    try:
        service = service_of(owner.node)
        own = os.dup(fd) if dup else fd
    except OSError as exc:
        return error_of(exc)
    try:
        sock = stdlib.socket(kind.family, kind.type_number, kind.protocol_number, fileno=own)
    except OSError as exc:  # no socket, although the caller gave a kind
        if dup:
            with suppress(OSError):
                os.close(own)
        return error_of(exc)
    try:
        sock.setblocking(False)
    except OSError as exc:
        if dup:
            with suppress(OSError):
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
    actor.look_for_low_water_mark()
    return Ok(actor.socket_object)


def _kind(fd: int, given: tuple[int | None, int | None, int | None]) -> SocketKind:
    family, type_number, protocol = (
        _reported(fd, name, otherwise)
        for name, otherwise in zip(("SO_DOMAIN", "SO_TYPE", "SO_PROTOCOL"), given, strict=True)
    )
    if family is None or type_number is None:
        raise ValueError(
            f"fd: {fd} is no open socket that the kernel can tell the kind of; an open descriptor "
            "of another kind needs domain and type"
        )
    return SocketKind(family, type_number, protocol or 0)


def _reported(fd: int, name: str, otherwise: int | None) -> int | None:
    option = getattr(stdlib, name, None)
    if option is None:
        return otherwise
    try:
        # getsockopt needs an object of the standard library. It is detached in the end, so that
        # it does not close the descriptor. Its family does not matter for these options.
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
