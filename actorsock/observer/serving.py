"""`serve`: the process of the observer, and what it listens on."""

import os
import secrets
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from .. import socket
from ..arguments import check_bool, shown
from ..results import BadMatch, Ok, ok
from ..runtime.api.ending import ending
from ..runtime.api.inspecting import set_label
from ..runtime.api.messaging import current_pid
from ..runtime.api.spawning import spawn
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid
from ..streams.listeners import SocketListener, open_tcp_listeners
from ..streams.resolving import check_port
from ..streams.serving import serve_listeners
from ..streams.socket_stream import SocketStream
from . import actions
from .questions.charts import Charts
from .questions.looks import Looks
from .questions.one_process import process
from .questions.processes import processes
from .questions.sockets import sockets
from .questions.supervision import tree
from .questions.system import system
from .questions.timers import names, timers
from .questions.tracing import trace_lines
from .questions.waits import waits
from .web import local_sockets
from .web.connection import serve_connection
from .web.gate import Gate, names_of
from .web.site import PAGES, Question, Site

__all__ = ["Observed", "serve"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_MOST_CONNECTIONS: Final = 32


@attrs.frozen
class Observed:
    """Where a program is observed: the result of `serve`.

    Attributes:
        url: the address to open in a browser. What stands behind its `#` is the token, which lets
            its bearer in: it belongs into no log.
        port: the port.
        path: the local socket, by which `actorsock observe` and `actorsock top` of the same user
            find the program; None if there is no folder for it.
    """

    url: str = attrs.field(repr=False)
    port: int
    path: Path | None


@asynccontextmanager
async def serve(
    port: int = 9911,
    *,
    host: str = "127.0.0.1",
    control: bool = False,
    messages: bool = False,
    token_file: str | Path | None = None,
    insecure: bool = False,
) -> AsyncIterator[Observed]:
    """Let this runtime be observed, in a browser and a terminal, during the block.

    A process of its own serves. If it ends, the program goes on. While nobody looks, it costs
    nothing. HTTP is the library h11's: `pip install actorsock[observer]`.

    Args:
        port: the port; with 0 the system chooses one.
        host: an address of this machine. Other ones than the loopback need `token_file` and
            `insecure`, since whoever reads the network then reads the answers, and the token.
        control: True lets people act on the program: end processes, suspend and resume
            behaviours. What they do is logged.
        messages: True shows the messages in mailboxes and the states of behaviours too.
        token_file: a file with the token, which only its owner may read; without one the token is
            a new one each time.
        insecure: True to listen on an address that others can reach, without encryption.

    Yields:
        an `Observed`.

    Raises:
        OSError: the port is in use, or `token_file` can't be read.
        ValueError: `host` is no loopback address, and `token_file` or `insecure` is missing; the
            file may be read by others, or has no token of 32 characters or more; `port` is out
            of range.
        TypeError: an argument has a wrong type.

    Example::

        async def main():
            async with observer.serve() as observed:
                print("look at", observed.url)
                await work()
    """
    check_port(port)
    check_bool("control", control)
    check_bool("messages", messages)
    check_bool("insecure", insecure)
    if not isinstance(host, str):
        raise TypeError(f"host: expected an address as a str, got {shown(host)}")
    if host not in _LOOPBACK and not (insecure and token_file is not None):
        raise ValueError(
            f"host: {host!r} can be reached by others; that needs token_file=... and insecure=True"
        )
    token = secrets.token_urlsafe(32) if token_file is None else _token_in(Path(token_file))
    listeners = await open_tcp_listeners(port, host=host)
    port = listeners[0].port
    path = _open_local(listeners)
    hosts = names_of(port) if host in _LOOPBACK else None
    gate = Gate(hosts, token.encode(), control, frozenset(PAGES))
    observer = spawn(_serve, gate, messages, listeners)
    for listener in listeners:
        ok(socket.setopt(listener.socket, "otp", "controlling_process", observer))
    in_url = f"[{host}]" if ":" in host else host
    try:
        async with ending(observer):
            yield Observed(f"http://{in_url}:{port}/#{token}", port, path)
    finally:
        if path is not None:
            local_sockets.remove(path)


async def _serve(gate: Gate, messages: bool, listeners: list[SocketListener]) -> None:
    set_label("observer")
    looks = Looks(current_process().node)
    charts = Charts()
    questions = _questions(looks, charts, current_pid(), gate.control, messages)
    lines = {"trace": partial(trace_lines, current_pid(), charts, messages)}
    allowed = actions.ACTIONS if gate.control else {}
    site = Site(gate, questions, lines, allowed)
    # No browser reaches the local socket, and the kernel tells who its peer is.
    near = Site(attrs.evolve(gate, hosts=None, token=None), questions, lines, allowed)

    async def connection(stream: SocketStream) -> None:
        if _is_local(stream):
            if _is_of_this_user(stream):
                await serve_connection(stream, near)
        else:
            await serve_connection(stream, site)

    await serve_listeners(connection, listeners, max_connections=_MOST_CONNECTIONS)


def _questions(
    looks: Looks, charts: Charts, own: Pid, control: bool, messages: bool
) -> Mapping[str, Question]:
    return {
        "system": partial(system, looks),
        "processes": partial(processes, looks, own),
        "process": partial(process, control, messages),
        "tree": partial(tree, looks, own),
        "sockets": partial(sockets, looks.node),
        "waits": partial(waits, looks),
        "chart": charts.chart,
        "timers": partial(timers, looks),
        "names": partial(names, looks),
    }


def _token_in(path: Path) -> str:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"token_file: {path} may be used by others; chmod 400 it")
    token = path.read_text("ascii").strip()
    if len(token) < 32 or not token.isprintable() or " " in token:
        raise ValueError(f"token_file: expected 32 or more printable characters in {path}")
    return token


def _open_local(listeners: list[SocketListener]) -> Path | None:
    """Listen on the local socket of this program too, where there is a folder for it."""
    sock = ok(socket.open("local", "stream"))
    try:
        path = local_sockets.path_of(os.getpid())
        local_sockets.remove(path)
        # For the socket alone: a folder that is made with it lets nobody in.
        before = os.umask(0o177)
        try:
            ok(socket.bind(sock, socket.SockAddrUn(str(path))))
        finally:
            os.umask(before)
        ok(socket.listen(sock))
    except (OSError, ValueError, BadMatch):  # ValueError: the path is too long
        socket.close_nowait(sock)
        return None
    listeners.append(SocketListener(sock))
    return path


def _is_local(stream: SocketStream) -> bool:
    return socket.info(stream.socket).domain == "local"


def _is_of_this_user(stream: SocketStream) -> bool:
    found = socket.getopt(stream.socket, "socket", "peercred")
    # Where the system does not tell, the folder has kept other users out.
    return not isinstance(found, Ok) or bool(found.value.uid == os.getuid())
