"""Listening sockets of gen_tcp: `listen` and `accept`."""

from math import inf

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...socket.core.service import service_of
from ...socket.kernel.errors import error_of
from ..driver.listen_actor import ListenActor
from ..driver.opening import apply_options, bind, kind_of, open_descriptor
from ..driver.socket_objects import TcpSocket
from ..driver.stream_actor import StreamActor
from ..names.lookup import port_number
from ..options.lists import OpeningOptions, OptionList, opening_options
from .arguments import check_timeout, stream_of

__all__ = ["accept", "listen"]


@enable_ki_protection
def listen(port: int | str, options: OptionList = ()) -> Ok[TcpSocket] | Error:
    """Listen on a TCP port. The caller owns the socket. Erlang's `gen_tcp:listen/2`.

    Args:
        port: 0..65535, or the name of a service; with 0 the system chooses, see `inet.port`. The
            option `port` replaces it.
        options: a list or a mapping; docs/gen_tcp.md has the table. Accepted sockets inherit
            most of them.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"eaddrinuse"`: another socket has the port, or the file of a local address exists
        - `"eaddrnotavail"`: the address of the option `ip` is not of this machine
        - `"eacces"` and others of the operating system

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        listener = ok(gen_tcp.listen(0, {"packet": 4, "active": "once", "reuseaddr": True}))
        port = ok(inet.port(listener))
    """
    chosen = opening_options("listen", options)
    number = port_number("port", port, "tcp")
    if chosen.family == "local" and number:
        raise ValueError(f"port: expected 0 for a local address, got {shown(port)}")
    owner = current_process()
    kind = kind_of(chosen.family, "tcp")
    opened = open_descriptor(kind, chosen)
    if isinstance(opened, Error):
        return opened
    actor = ListenActor(service_of(owner.node), opened.value, kind, owner, chosen.family)
    result = apply_options(actor, chosen)
    if isinstance(result, Ok):
        result = bind(actor, chosen, number, always=True)
    if isinstance(result, Ok):
        result = _start_listening(actor, chosen)
    if isinstance(result, Error):
        actor.close_now()
        return result
    handle: TcpSocket = actor.socket_object
    if "active" in chosen.values:
        actor.mode.value = False
        actor.set_active(chosen.values["active"])
    return Ok(handle)


def _start_listening(actor: ListenActor, options: OpeningOptions) -> Ok[None] | Error:
    if "fd" not in options.values:
        try:
            actor.sock.listen(options.values.get("backlog", 5))
        except OSError as exc:
            return error_of(exc)
    actor.listening = True
    return Ok()


@enable_ki_protection
async def accept(sock: TcpSocket, timeout: float = inf) -> Ok[TcpSocket] | Error:
    """Accept a connection. The caller owns it. Erlang's `gen_tcp:accept/1,2`.

    Several processes may wait; they are served in the order in which they called. The accepted
    socket inherits the options that the listening one has at this moment; if it is active, its
    first messages may come before this function returns.

    Args:
        sock: a listening socket; any process may accept.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"timeout"`
        - `"closed"`: the listening socket is closed, or was so meanwhile
        - `"einval"`: the socket does not listen
        - `"emfile"`: no descriptor is left; the connection stays in the backlog

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = stream_of(sock)
    check_timeout(timeout)
    if isinstance(actor, StreamActor):
        return Error("closed" if actor.turns.closed else "einval")
    return await actor.accept(timeout)
