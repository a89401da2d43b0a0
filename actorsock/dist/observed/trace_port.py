"""Telling etop how long each process runs, only with `Observable(tracing=True)`.

With its option `{tracing, on}`, the default, etop has `dbg` on its node open a trace port on the
node that it looks at: that node listens on a TCP port, and etop connects to it. Nothing protects
that connection: so it carries pids and run times alone, and is accepted only from the machine of
the node that has asked for it.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

import trio

from ... import gen_tcp, inet, trace
from ...inet.driver.socket_objects import TcpSocket
from ...inet.rules.messages import Tcp, TcpClosed
from ...observing.parts import by_parts
from ...results import Error, Ok
from ...runtime.api.linking import exit
from ...runtime.api.messaging import current_pid, receive, send, sleep
from ...runtime.core.identity import make_ref
from ...runtime.core.messages import Timeout
from ...runtime.core.process import processes_of
from ..node.identities import FarPid
from ..served.leader import leader_there
from ..terms.values import Atom, Fun
from .names import UNDEFINED, text
from .observable import Look
from .run_times import RunTimes, frames

__all__ = ["TRACING", "do_relay", "localhost", "whereis_dbg"]

_log: Final = logging.getLogger("actorsock.dist")

_A: Final = Atom

_PERIOD: Final = 0.5
"""Seconds after which the run times are told; etop shows them every 5 seconds."""

_PATIENCE: Final = 30.0
"""Seconds to wait for the reader to connect, and to read when it has much to read."""

_QUEUE: Final = 5000
"""The size of the queue of messages that etop asks for; here sums take its place."""

_PAUSES: Final = (0.05, 0.2, 0.75)
"""Seconds between attempts to listen: the trace of an etop that has just ended may be ending."""

_FLAGS: Final = {"running", "timestamp"}


def localhost(look: Look) -> list[int]:
    """Return the host to which etop connects: that of this node's name. `net_adm:localhost/0`."""
    return text(look.node.name.partition("@")[2])


def whereis_dbg(look: Look) -> Atom:
    """Return that nobody traces this node; end with a hint if nobody may.

    etop asks this first. It ends when the answer is no pid, and shows the hint.
    """
    if not look.tracing:
        hint = "with Observable(tracing=True) or --observable-tracing, etop can measure run times"
        exit(text(f"this node is not traced for etop: use etop with {{tracing, off}}; {hint}"))
    if look.node.settings.address is None:
        exit(text("this node does not listen, as for etop it had to: use {tracing, off}"))
    return UNDEFINED


async def do_relay(look: Look, *asked: Any) -> None:
    """Listen for etop and tell it the run times, until it or its node goes away.

    Erlang's `dbg:do_relay/2`, and since OTP 27 `/3`. The process that runs this is linked with the
    server of `dbg` that has asked for it, and ends with that.
    """
    *session, parent, tracer = asked
    if not isinstance(parent, FarPid):
        # Not a process of this node either: it would be killed.
        _log.warning("refused a trace: only the dbg of another node can ask for one")
        return
    address = look.node.settings.address
    port = _port_of(tracer)
    if port is None or address is None:
        _refuse(parent, "only etop can trace it")
    ip, _ = address
    match await _listen(ip, port):
        case Error(reason):
            _refuse(parent, f"it can't listen on port {port} of {ip}: {reason}")
        case Ok(listener):
            me = current_pid()
            send(parent, (_A("started"), me, *(me for _ in session)))
    reader = await _reader(listener, parent.peer.address)
    await gen_tcp.close(listener)
    if reader is not None:
        await _tell(look, reader)


def _port_of(tracer: Any) -> int | None:
    """Return the port to listen on; None if this is not what etop asks for."""
    match tracer:
        # What `dbg:trace_port(ip, {Port, Size})` returns. The compiler has ordered the two.
        case (str("port"), Fun(module=str("dbg"), free=(int(port), int(size)))):
            if size != _QUEUE:
                port, size = size, port
            return port if size == _QUEUE and 0 < port < 2**16 else None
    return None


async def _listen(ip: str, port: int) -> Ok[TcpSocket] | Error:
    options = {"ip": ip, "reuseaddr": True, "active": False, "send_timeout": _PATIENCE}
    listening = gen_tcp.listen(port, options)
    for pause in _PAUSES:
        if isinstance(listening, Ok) or listening.reason != "eaddrinuse":
            break
        await sleep(pause)
        listening = gen_tcp.listen(port, options)
    return listening


def _refuse(parent: FarPid, why: str) -> NoReturn:
    """End, and have etop end too."""
    _log.warning("refused a trace for %r: %s", parent, why)
    leader = leader_there.get()
    if leader is not None:
        said = f"The node refuses to be traced: {why}\n".encode()
        request = _A("put_chars"), _A("unicode"), said
        send(leader, (_A("io_request"), current_pid(), make_ref(), request))
    # The server of `dbg` waits for the begin of the trace for ever, and etop for that server.
    exit(parent, "kill")
    exit("normal")


async def _reader(listener: TcpSocket, machine: str | None) -> TcpSocket | None:
    """Return the connection that comes from `machine`; None if there is none for some time."""
    until = trio.current_time() + _PATIENCE  # also if many come from elsewhere
    refused = False
    while (left := until - trio.current_time()) > 0:
        match await gen_tcp.accept(listener, left):
            case Error():
                break
            case Ok(sock):
                match inet.peername(sock):
                    case Ok((str(address), _)) if address == machine:
                        return sock
                    case Ok((address, _)) if not refused:  # once: they may be many
                        said = "refused to tell run times to a reader at %s: etop is at %s"
                        _log.warning(said, address, machine)
                        refused = True
                await gen_tcp.close(sock)  # also one that is broken already
    _log.info("nobody reads the trace that etop has asked for")
    return None


async def _tell(look: Look, reader: TcpSocket) -> None:
    """Tell the run times again and again, until the other side has closed the connection."""
    inet.setopts(reader, {"active": "once"})
    times = RunTimes()
    with trace.session(times.record, keep=0) as session:
        trace.process(session, "all", ["running"])
        while isinstance(await receive((Tcp, TcpClosed), after=_PERIOD), Timeout):
            session.names.clear()  # it remembers every process, for charts
            async for part in by_parts(times.take()):
                told = frames(look.node.writer, part, time.time_ns() // 1000)
                if isinstance(await gen_tcp.send(reader, told), Error):
                    return


def erlang_trace(look: Look, *asked: Any) -> int:
    """Return how many processes there are, if these are flags that etop sets or clears.

    Erlang's `dbg:erlang_trace/3`, and since OTP 27 `/4`. Processes are traced once the reader is
    connected. Raises `ValueError` for other flags.
    """
    _, how, flags = asked[-3:]
    if how and not {flag for flag in flags if isinstance(flag, str)} <= _FLAGS:
        raise ValueError(f"badarg: etop alone can trace this node, which wants {sorted(_FLAGS)}")
    return len(processes_of(look.node.node))


def trace_pattern(look: Look, what: Any, pattern: Any, flags: Any) -> int:
    """Return that no function was traced: `dbg:stop` ends that. `erlang:trace_pattern/3`."""
    if not isinstance(pattern, bool):
        raise ValueError("badarg: no functions are traced here")
    return 0


def deliver_and_flush(look: Look, tracer: Any) -> list[int]:
    """Return that everything was told: `dbg:stop` asks for it. `dbg:deliver_and_flush/1`."""
    return [0]


TRACING: Final[dict[tuple[str, str, int], Callable[..., Any]]] = {
    ("dbg", "do_relay", 2): do_relay,
    ("dbg", "do_relay", 3): do_relay,
    ("dbg", "erlang_trace", 3): erlang_trace,
    ("dbg", "erlang_trace", 4): erlang_trace,
    ("erlang", "trace_pattern", 3): trace_pattern,
    ("dbg", "deliver_and_flush", 1): deliver_and_flush,
}
"""The functions that etop calls when it traces this node, or has `dbg` call."""
