"""`start`: making a runtime a node of a cluster for the time of a block."""

import ipaddress
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_int, check_seconds, check_word, shown
from ...otp.behaviour.starting import start_link
from ...otp.supervision.child_spec import ChildSpec, SupervisorFlags
from ...otp.supervision.supervisor import Supervisor
from ...results import ok
from ...runtime.api.linking import exit, monitor, unlink
from ...runtime.api.messaging import receive
from ...runtime.api.spawning import spawn_link
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process
from ...socket.api import configuring, opening
from ...socket.core.socket_object import Socket
from ...socket.values.address import SockAddrIn, SockAddrIn6
from ..node import epmd
from ..node.channel import Tls
from ..node.distribution import Distribution, Services, Settings
from ..node.net_kernel import NetKernel, accept_connections
from ..observed.observable import Observable
from ..observed.table import offer
from ..served.children import start_there
from ..served.leader import start_leader
from ..served.release import with_release
from ..served.rex import Rex
from ..served.spawning import serve_spawn
from ..wire.epmd_messages import Registration
from .checking import check_node
from .cookies import the_cookie

__all__ = ["LocalNode", "start"]

_BACKLOG = 128


@attrs.frozen
class LocalNode:
    """This node, as `start` has made it."""

    name: str
    port: int
    """The port that it listens on."""
    creation: int
    """The number of this life of it, from epmd."""


@asynccontextmanager
@enable_ki_protection
async def start(
    name: str,
    *,
    cookie: str | None = None,
    cookie_file: str | os.PathLike[str] | None = None,
    hidden: bool = True,
    listen: str | None = "127.0.0.1",
    port: int = 0,
    tls: Tls | None = None,
    insecure: bool = False,
    epmd_port: int | None = None,
    register: bool = True,
    known: Mapping[str, tuple[str, int]] | None = None,
    net_ticktime: float = 60.0,
    none: Literal["undefined", "nil"] = "undefined",
    observable: Observable | None = None,
) -> AsyncIterator[LocalNode]:
    """Make this runtime a node of an Erlang cluster, for the time of the block.

    Erlang's `erl -name`, `net_kernel:start/2`. Inside, pids and names of other nodes can be used
    as those of this one: by `send`, `link`, `monitor`, `exit` and the calls of `otp`.

    Every node that knows the cookie may do anything with this program that messages and exit
    signals can do, and call what `dist.export` exports. Without TLS neither the cookie's proof nor
    the messages are secret: so by default only programs of the same machine can connect.

    Args:
        name: `name@host`. Other nodes ask the epmd of that host for the port.
        cookie: the secret that the nodes share.
        cookie_file: the file with the cookie, which only its owner may read (mode 0400). Without
            both the environment variable `ACTORSOCK_COOKIE` is used.
        hidden: True, the default, keeps this node out of the lists of visible nodes, and of what
            Erlang does with these (`global`). A visible node is connected with all others.
        listen: the address to listen on, numeric; None: no other node can connect with this one,
            which can connect with them.
        port: the port to listen on; 0 takes a free one.
        tls: the certificates of this node; all its connections are encrypted then, as with Erlang's
            `-proto_dist inet_tls`.
        insecure: True allows another address than loopback without TLS. Then who listens on the
            way between the nodes reads everything, and can try to guess the cookie.
        epmd_port: the port of epmd, here and on other hosts; None is `ERL_EPMD_PORT`, or 4369.
        register: False does not tell epmd: other nodes need to know the port.
        known: addresses of nodes, `{"a@host": ("10.0.0.1", 9000)}`, for which no epmd is asked.
        net_ticktime: seconds without a word after which a node is taken for down. All nodes need
            the same.
        none: the atom for None; `"nil"` is Elixir's.
        observable: an `Observable` lets Erlang's observer, etop and observer_cli on other nodes
            look at this one. None, the default: nobody can look.

    Yields:
        A `LocalNode`.

    Raises:
        NotRegistered: epmd does not answer, or has such a node already.
        BadMatch: the address can't be listened on.
        PermissionError: others may read `cookie_file`.
        RuntimeError: the runtime is a node already.
        TypeError, ValueError: an argument is wrong.

    Example::

        async with dist.start("py@localhost", cookie_file="/etc/shop/cookie"):
            print(await otp.call(("till", "shop@localhost"), Atom("total")))
    """
    check_node(name, "name")
    check_bool("hidden", hidden)
    check_bool("register", register)
    check_int("port", port, "a port 0..65535", 0, 65535)
    check_seconds("net_ticktime", net_ticktime)
    check_word("none", none, ("undefined", "nil"))
    if observable is not None and not isinstance(observable, Observable):
        raise TypeError(f"observable: expected an Observable or None, got {shown(observable)}")
    secret = the_cookie(cookie, cookie_file)
    if tls is not None and not isinstance(tls, Tls):
        raise TypeError(f"tls: expected a Tls or None, got {shown(tls)}")
    _check_address(listen, insecure or tls is not None)
    starter = current_process()
    if starter.node.elsewhere is not None:
        raise RuntimeError("this runtime is a node already")
    asked = epmd.default_port() if epmd_port is None else epmd_port
    listener = None if listen is None else _listen(listen, port)
    kept: Socket | None = None
    try:
        bound = 0 if listener is None else _port_of(listener)
        entry = Registration(name.partition("@")[0], bound, hidden)
        creation = secrets.randbelow(2**32 - 4) + 4
        if register and listener is not None:
            kept, creation = await epmd.enter(entry, "127.0.0.1", asked)
        address = None if listen is None else (listen, bound)
        addresses = dict(known or {})
        settings = Settings(
            name, secret, hidden, net_ticktime, none, tls, asked, addresses, address,
            registered=kept is not None,
        )  # fmt: skip
        services = Services(serve_spawn, with_release, start_there)
        node = Distribution(starter.node, settings, creation, services)
        if observable is not None:
            offer(node, observable)
        starter.node.elsewhere = node
        try:
            keeping = None if kept is None else (kept, entry, asked)
            supervisor = ok(
                await start_link(Supervisor, _children(node, listener, keeping), _FLAGS)
            )
            try:
                yield LocalNode(name, bound, creation)
            finally:
                node.close()
                await _stop(starter, supervisor)
        finally:
            starter.node.elsewhere = None
    finally:
        for sock in (listener, kept):
            if sock is not None:
                await opening.close(sock)


_FLAGS = SupervisorFlags("rest_for_one", intensity=5, period=10)


def _children(
    node: Distribution, listener: Socket | None, kept: tuple[Socket, Registration, int] | None
) -> list[ChildSpec]:
    children = [
        ChildSpec("net_kernel", partial(start_link, NetKernel, node, name="net_kernel")),
        ChildSpec("leader", start_leader, (node,)),
        ChildSpec("rex", partial(start_link, Rex, node, name="rex")),
    ]
    start = partial(spawn_link, light=True)
    if listener is not None:
        children.append(ChildSpec("listener", start, (accept_connections, node, listener)))
    if kept is not None:
        sock, entry, port = kept
        children.append(ChildSpec("epmd", start, (epmd.keep, sock, entry, "127.0.0.1", port)))
    return children


def _listen(address: str, port: int) -> Socket:
    family: Literal["inet", "inet6"] = "inet6" if ":" in address else "inet"
    listener = ok(opening.open(family, "stream", "tcp"))
    ok(configuring.setopt(listener, "socket", "reuseaddr", True))
    ok(opening.bind(listener, (address, port)))
    ok(opening.listen(listener, _BACKLOG))
    return listener


def _port_of(listener: Socket) -> int:
    address = ok(opening.sockname(listener))
    assert isinstance(address, (SockAddrIn, SockAddrIn6))
    return address.port


def _check_address(listen: Any, insecure: bool) -> None:
    check_bool("insecure", insecure)
    if listen is None:
        return
    if not isinstance(listen, str):
        raise TypeError(f"listen: expected an address or None, got {shown(listen)}")
    try:
        address = ipaddress.ip_address(listen)
    except ValueError:
        raise ValueError(f"listen: expected a numeric address, got {shown(listen)}") from None
    if not address.is_loopback and not insecure:
        raise ValueError(
            f"listen: {listen} can be reached by other machines, and nothing is encrypted: pass "
            "tls, or insecure=True if only trusted machines can"
        )


async def _stop(starter: Process, supervisor: Pid) -> None:
    """End the processes of the node, and wait for that where it is still possible to wait."""
    unlink(supervisor)
    ref = monitor(supervisor)
    exit(supervisor, "shutdown")
    if starter.body.kind == "task":
        with trio.CancelScope(shield=True):
            await receive(ref)
    elif not starter.ending:
        await receive(ref)
