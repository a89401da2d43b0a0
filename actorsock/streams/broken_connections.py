"""Handlers whose connection breaks: that is no crash of the server's code.

A peer that resets its connection, or does not speak TLS where the handler expects it, makes the
handler's next call raise `trio.BrokenResourceError`. Few handlers can do anything about it. A crash
report with a traceback for each would bury those of real mistakes, and lets any peer fill the log.
"""

import functools
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import trio

from ..runtime.bodies.functions import call_function, name_of
from ..runtime.core.process import ProcessExit
from .limited_log import LimitedLog
from .socket_stream import SocketStream

__all__ = ["Handler", "ending_quietly"]

Handler: TypeAlias = Callable[[SocketStream], Awaitable[object]]
"""An async function that serves one connection, given as a stream."""

_log: Final = logging.getLogger("actorsock.streams")


def ending_quietly(handler: Handler) -> Handler:
    """Return `handler`, except that a broken connection ends its process without a crash report.

    The exit reason is the exception, as after a crash. The log gets one line, at most every 10
    seconds.
    """
    log = LimitedLog(_log)  # one for the server: all of its connections share the limit

    @functools.wraps(handler)  # the process is said to run `handler`
    async def serve(stream: SocketStream) -> None:
        try:
            await call_function(handler, (stream,))
        except (trio.BrokenResourceError, ExceptionGroup) as exc:
            failures = _broken(exc)
            if not failures:
                raise
            if any(isinstance(failure.__cause__, ssl.SSLError) for failure in failures):
                # The peer's fault, or a wrong certificate of the server.
                level, what = logging.WARNING, "TLS has failed on"
            elif stream.broken_by is not None:
                level, what = logging.INFO, "the peer has broken"
            else:
                raise  # another connection that the handler uses, such as one to a database
            cause = failures[0].__cause__
            log.log(level, what, "%s a connection of %s: %s", what, name_of(handler), cause)
            raise ProcessExit(exc) from exc

    return serve


def _broken(exc: BaseException) -> list[trio.BrokenResourceError]:
    """Return the exceptions in `exc` if it says nothing but that connections are broken."""
    leaves: list[BaseException] = [exc]
    found: list[trio.BrokenResourceError] = []
    while leaves:
        leaf = leaves.pop()
        if isinstance(leaf, BaseExceptionGroup):
            leaves.extend(leaf.exceptions)
        elif isinstance(leaf, trio.BrokenResourceError):
            found.append(leaf)
        else:
            return []
    return found
