"""The processes that make and accept connections, and `net_kernel`, to which all are linked.

`net_kernel` is the name that other nodes ping. It starts each connection, and if it ends, all
connections end with it, as in Erlang.
"""

import logging
from typing import Any, Final

from ...log_text import text_of
from ...otp.calls.protocol import Caller
from ...otp.server.gen_server import GenServer
from ...otp.server.outcomes import NoReply, Reply
from ...results import Error, Ok
from ...runtime.api.linking import link, trap_exit
from ...runtime.api.messaging import sleep
from ...runtime.api.naming import whereis
from ...runtime.api.spawning import spawn
from ...runtime.bodies.current import current_process
from ...runtime.core.messages import Exit
from ...socket.api import configuring, connecting, opening
from ...socket.core.socket_object import Socket
from ..terms.reading import Reader
from ..terms.values import Atom
from ..wire.frames import FrameReader
from ..wire.handshake import Accepting, Connecting, HandshakeError, Status
from . import epmd
from .channel import Channel, channel_over
from .connection import Connection
from .distribution import Connect, Distribution
from .messages import kin_struct
from .peer import Peer
from .records import registered_struct

__all__ = ["MOST_HANDSHAKES", "NetKernel", "accept_connections"]

_log: Final = logging.getLogger("actorsock.dist")

MOST_HANDSHAKES: Final = 16
"""Handshakes of other nodes that may go on at once."""


class NetKernel(GenServer):
    """Starts connections, and answers pings. Erlang's `net_kernel`."""

    def init(self, node: Distribution) -> None:
        trap_exit(True)  # the end of a connection is a message
        self.node = node
        node.pid = current_process().pid
        node.serving.add(node.pid)

    def handle_call(self, request: Any, caller: Caller) -> Reply | NoReply:
        match request:
            case (str("is_auth"), str()):
                return Reply(Atom("yes"))
        _log.warning("%r asks net_kernel for what it does not serve: %s", caller, text_of(request))
        return Reply((Atom("error"), Atom("notsup")))

    def handle_cast(self, request: Any) -> None:
        _log.debug("net_kernel drops %s", text_of(request))

    def handle_info(self, message: Any) -> None:
        match message:
            case Connect(peer, connection):
                spawn(_connect, self.node, peer, connection, light=True)
            case Exit():
                pass
            case _:
                _log.debug("net_kernel drops %s", text_of(message))

    def format_status(self) -> Any:
        return {"node": self.node.name, "connected": list(self.node.connected)}


def _begin(node: Distribution, connection: Connection) -> bool:
    """Become the reader of a connection; return False if it was given up before it began."""
    connection.process = current_process()
    node.serving.add(connection.process.pid)
    kernel = whereis("net_kernel")
    if kernel is None or connection.why is not None:
        return False
    link(kernel)
    return True


async def _connect(node: Distribution, peer: Peer, connection: Connection) -> None:
    reason = "noconnection"
    try:
        if not _begin(node, connection):
            return
        match await _open(node, peer.name):
            case Ok(sock):
                reason = await _as_connecting(
                    node,
                    peer,
                    connection,
                    channel_over(sock, node.settings.tls, peer.name.partition("@")[2]),
                )
            case Error(why):
                _log.info("no way to %s: %s", peer.name, why)
    finally:
        peer.carry_out(peer.attempts.ended(connection), connection.why or reason)
        node.serving.discard(current_process().pid)


async def _open(node: Distribution, name: str) -> Ok[Socket] | Error:
    """Return a socket that is connected with the node `name`."""
    address = node.settings.known.get(name)
    if address is None and node.find is not None:
        address = await node.find(name)
    if address is None:
        short, _, host = name.partition("@")
        port = await epmd.lookup(short, host, node.settings.epmd_port)
        if port is None:
            return Error("epmd knows no such node")
        address = host, port
    return await epmd.connect(*address)


async def _as_connecting(
    node: Distribution, peer: Peer, connection: Connection, channel: Channel
) -> str:
    machine = Connecting(node.myself, peer.name, peer.attempts.may_replace)
    try:
        rest = await connection.shake_hands(channel, machine, machine.begin())
    except HandshakeError as refusal:
        _log.log(
            logging.DEBUG if refusal.status in ("nok", "alive") else logging.WARNING,
            "connecting with %s failed: %s",
            peer.name,
            refusal,
        )
        peer.refused(connection, refusal.status)
        return "noconnection"
    assert machine.agreed is not None
    connection.meet(node.name, peer.name)
    peer.established(connection, machine.agreed)
    return await connection.serve(channel, peer, _frames(node, machine.agreed.kin), rest)


def _frames(node: Distribution, kin: bool) -> FrameReader:
    identities = node.identities
    struct = kin_struct if kin else registered_struct
    return FrameReader(Reader(node.settings.none, identities.pid, identities.ref, struct, kin))


async def accept_connections(node: Distribution, listener: Socket) -> None:
    """Accept connections for as long as the node lives; the code of a process."""
    handshakes: set[Connection] = set()
    while True:
        match await connecting.accept(listener):
            case Ok(sock):
                if len(handshakes) >= MOST_HANDSHAKES:
                    _log.warning("refused a connection: %d handshakes go on", MOST_HANDSHAKES)
                    await opening.close(sock)
                    continue
                connection = Connection(node.settings.ticktime)
                handshakes.add(connection)
                pid = spawn(_accepted, node, connection, sock, handshakes, light=True)
                configuring.setopt(sock, "otp", "controlling_process", pid)
            case Error(reason):
                _log.warning("accepting a connection failed: %s", reason)
                await sleep(0.1)  # no descriptors are left, for example


async def _accepted(
    node: Distribution, connection: Connection, sock: Socket, handshakes: set[Connection]
) -> None:
    peer: Peer | None = None
    reason = "noconnection"

    def decide(name: str) -> Status:
        nonlocal peer
        if name == node.name:
            return "not_allowed"
        peer = node.peer(name)
        status, decisions = peer.attempts.begun_by_them(connection)
        peer.carry_out(decisions)
        return status

    machine = Accepting(node.myself, decide)
    try:
        try:
            if not _begin(node, connection):
                return
            channel = channel_over(sock, node.settings.tls, None)
            rest = await connection.shake_hands(channel, machine)
        except HandshakeError as refusal:
            _log.log(
                logging.DEBUG if refusal.status in ("nok", "alive") else logging.WARNING,
                "refused a connection from %s: %s",
                _where(sock),
                refusal,
            )
            return
        finally:
            handshakes.discard(connection)
        assert machine.agreed is not None
        assert peer is not None
        connection.meet(node.name, peer.name)
        peer.established(connection, machine.agreed)
        frames = _frames(node, machine.agreed.kin)
        reason = await connection.serve(channel, peer, frames, rest)
    finally:
        if peer is not None:
            peer.carry_out(peer.attempts.ended(connection), connection.why or reason)
        node.serving.discard(current_process().pid)


def _where(sock: Socket) -> str:
    match opening.peername(sock):
        case Ok(address):
            return str(address)
        case Error(reason):
            return f"somewhere ({reason})"
