"""The operations of scenarios, performed on actorsock.

Each entry of `OPERATIONS` is the function for one word; most are the public function itself.
"""

import os
from collections.abc import Callable
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs
import trio

import actorsock
from actorsock import (
    CallError,
    Error,
    Ok,
    Pid,
    Ref,
    SocketStream,
    Timeout,
    ok,
    otp,
    process_info,
    socket,
)
from actorsock.otp import Call, Caller

from ..notation import Form, Name
from .acting_on_ports import PORT_OPERATIONS
from .acting_on_ssl import SSL_OPERATIONS

__all__ = ["OPERATIONS", "Unbound", "resolve"]

ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz"


class Unbound(Exception):
    """A name without a value."""


def resolve(value: Any, values: dict[str, Any], tmp: str) -> Any:
    """Return an argument of the notation as a value."""
    match value:
        case Name(name):
            if name not in values:
                raise Unbound(name)
            return values[name]
        case Form("fill", int(size)):
            return (ALPHABET * (size // 26 + 1))[:size]
        case Form("tmp" | "name", name):
            return f"{tmp}/{name}"
        case Form("path", name):
            return {"family": "local", "path": f"{tmp}/{name}"}
        case Form("inet" | "inet6" as family, port):
            return {"family": family, "addr": "loopback", "port": resolve(port, values, tmp)}
        case Form("text" | "ip", text):
            return text
        case list():
            return [resolve(each, values, tmp) for each in value]
        case tuple():
            return tuple(resolve(each, values, tmp) for each in value)
        case dict():
            return {key: resolve(each, values, tmp) for key, each in value.items()}
    return value


async def tcp_pair() -> Ok[Any]:
    """Make two connected sockets."""
    return await _pair("inet", lambda connector, listener: None)


async def small_pair() -> Ok[Any]:
    """Make two connected sockets with small buffers."""

    def little(connector: socket.Socket, listener: socket.Socket) -> None:
        ok(socket.setopt(connector, "socket", "sndbuf", 4096))
        ok(socket.setopt(listener, "socket", "rcvbuf", 2048))

    return await _pair("inet", little)


async def tcp6_pair() -> Ok[Any]:
    """Make two connected sockets over IPv6."""
    return await _pair("inet6", lambda connector, listener: None)


async def _pair(domain: str, prepare: Callable[[socket.Socket, socket.Socket], None]) -> Ok[Any]:
    listener = ok(socket.open(domain, "stream", "tcp"))
    ok(socket.bind(listener, "loopback"))
    connector = ok(socket.open(domain, "stream", "tcp"))
    prepare(connector, listener)
    ok(socket.listen(listener))
    ok(await socket.connect(connector, ok(socket.sockname(listener))))
    accepted = ok(await socket.accept(listener))
    ok(await socket.close(listener))
    return Ok((connector, accepted))


async def local_pair(path: dict[str, Any]) -> Ok[Any]:
    """Make two connected local sockets."""
    listener = ok(socket.open("local", "stream"))
    ok(socket.bind(listener, path))
    ok(socket.listen(listener))
    connector = ok(socket.open("local", "stream"))
    ok(await socket.connect(connector, path))
    accepted = ok(await socket.accept(listener))
    ok(await socket.close(listener))
    return Ok((connector, accepted))


async def udp_pair() -> Ok[Any]:
    """Make two UDP sockets that are connected to each other."""
    one, two = (ok(socket.open("inet", "dgram", "udp")) for _ in range(2))
    for sock in (one, two):
        ok(socket.bind(sock, "loopback"))
    ok(await socket.connect(one, ok(socket.sockname(two))))
    ok(await socket.connect(two, ok(socket.sockname(one))))
    return Ok((one, two))


async def listener() -> Ok[Any]:
    """Make a listening socket; return it with its port."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(sock, "loopback"))
    ok(socket.listen(sock))
    return Ok((sock, port))


async def unused_port() -> int:
    """Return a port on which no socket listens."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(sock, "loopback"))
    ok(await socket.close(sock))
    return port


def udp() -> Ok[Any]:
    """Make a UDP socket; return it with its port."""
    sock = ok(socket.open("inet", "dgram", "udp"))
    return Ok((sock, ok(socket.bind(sock, "loopback"))))


def port(sock: socket.Socket) -> int:
    """Return the port that a socket is bound to."""
    name: Any = ok(socket.sockname(sock))
    number: int = name.port
    return number


def info(sock: socket.Socket) -> dict[str, Any]:
    """Return the info of a socket, without its counters."""
    found = attrs.asdict(socket.info(sock), recurse=False)
    del found["counters"]
    return found


def counters(sock: socket.Socket) -> dict[str, int]:
    """Return the counters of a socket that are not 0."""
    return {name: count for name, count in socket.info(sock).counters.items() if count}


def write_file(path: str, data: bytes) -> None:
    """Write a file."""
    Path(path).write_bytes(data)


async def sendfile(
    sock: socket.Socket, path: str, offset: int, count: int, timeout: float = inf
) -> Any:
    """Call `sendfile` with the file at a path."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return await socket.sendfile(sock, fd, offset, count, timeout)
    finally:
        os.close(fd)


async def by_stream(sock: socket.Socket, method: str, *args: Any) -> Any:
    """Call a method of the stream of a socket."""
    if sock not in STREAMS:
        STREAMS[sock] = SocketStream(sock)
    try:
        return await getattr(STREAMS[sock], method)(*args)
    except (trio.ClosedResourceError, trio.BrokenResourceError):
        return Error("gone")


async def receive_message(timeout: float = inf) -> Any:
    """Receive the oldest message."""
    return await actorsock.receive(lambda message: not isinstance(message, Order), after=timeout)


async def receive_by_ref(ref: Any, timeout: float = inf) -> Any:
    """Receive the oldest message that carries `ref`, or the handle of a select info."""
    handle = ref.ref if isinstance(ref, socket.SelectInfo) else ref
    if not isinstance(handle, Ref):
        return Timeout()  # no message carries it; in Erlang any term can be matched
    return await actorsock.receive(handle, after=timeout)


async def receive_word(word: str, timeout: float = inf) -> Any:
    """Receive the oldest message that equals a word."""
    return await actorsock.receive(lambda message: message == word, after=timeout)


async def call(server: Any, request: Any, timeout: float = inf) -> Any:
    """Call an actor; return its answer, or why there is none."""
    try:
        return Ok(await otp.call(server, request, timeout))
    except CallError as exc:
        return Error(exc.reason)


async def receive_response(request: Ref, timeout: float = inf) -> Any:
    """Take the answer of a request, or why there is none; after a time-out none comes any more."""
    result = await otp.receive_response(request, timeout)
    return Error(result.reason) if isinstance(result, Error) else result


async def next_call(timeout: float = inf) -> Any:
    """Take the oldest call; return what is asked."""
    taken = await actorsock.receive(Call, after=timeout)
    if isinstance(taken, Timeout):
        return taken
    CALLERS[actorsock.current_pid()] = taken.caller
    return taken.request


def reply(answer: Any) -> None:
    """Answer the call that was taken last."""
    otp.reply(CALLERS[actorsock.current_pid()], answer)


CALLERS: Final[WeakKeyDictionary[Pid, Caller]] = WeakKeyDictionary()
"""Who waits for the answer of an actor."""


def left(seconds: float | None) -> str | None:
    """Replace the seconds that a timer has left by a word."""
    return None if seconds is None else "some"


def about(pid: Pid, item: str) -> Any:
    """Return one item of `process_info`."""
    info = process_info(pid, [item])
    if info is None:
        return None
    found = info[item]
    return [pid for pid in found if pid != DIRECTOR.get()] if item == "monitored_by" else found


DIRECTOR: Final[ContextVar[Pid | None]] = ContextVar("director", default=None)
"""The process that directs the scenario and monitors its actors; not itself an actor."""


STREAMS: Final[WeakKeyDictionary[socket.Socket, SocketStream]] = WeakKeyDictionary()
"""A socket has one stream, which remembers that its end has been sent."""


class Order:
    """An order of the director to an actor; not a message of the scenario."""


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    **{name: getattr(socket, name) for name in socket.__all__ if name[0].islower()},
    "cancel_socket_monitor": socket.cancel_monitor,
    "monitor_socket": socket.monitor,
    "info": info,
    "counters": counters,
    "sendfile": sendfile,
    "tcp_pair": tcp_pair,
    "small_pair": small_pair,
    "tcp6_pair": tcp6_pair,
    "local_pair": local_pair,
    "udp_pair": udp_pair,
    "listener": listener,
    "unused_port": unused_port,
    "udp": udp,
    "port": port,
    "write_file": write_file,
    "send_all": lambda sock, data: by_stream(sock, "send_all", data),
    "receive_some": lambda sock: by_stream(sock, "receive_some"),
    "send_eof": lambda sock: by_stream(sock, "send_eof"),
    "aclose": lambda sock: by_stream(sock, "aclose"),
    "self": actorsock.current_pid,
    "send_message": actorsock.send,
    "receive_message": receive_message,
    "receive_by_ref": receive_by_ref,
    "receive_word": receive_word,
    "link": actorsock.link,
    "unlink": actorsock.unlink,
    "monitor": actorsock.monitor,
    "demonitor": actorsock.demonitor,
    "trap_exit": actorsock.trap_exit,
    "exit": actorsock.exit,
    "register": actorsock.register,
    "unregister": actorsock.unregister,
    "whereis": actorsock.whereis,
    "is_alive": actorsock.is_alive,
    "make_ref": Ref,
    "alias": actorsock.alias,
    "unalias": actorsock.unalias,
    "process_info": about,
    "send_after": actorsock.send_after,
    "start_timer": actorsock.start_timer,
    "cancel_timer": lambda ref: left(actorsock.cancel_timer(ref)),
    "read_timer": lambda ref: left(actorsock.read_timer(ref)),
    "sleep": actorsock.sleep,
    "call": call,
    "cast": otp.cast,
    "send_request": otp.send_request,
    "receive_response": receive_response,
    "next_call": next_call,
    "reply": reply,
    **PORT_OPERATIONS,
    **SSL_OPERATIONS,
}
