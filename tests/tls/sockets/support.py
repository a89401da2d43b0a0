"""Connected sockets for the tests of ssl."""

import ssl as stdlib
from collections.abc import Mapping
from typing import Any, Final

import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, current_pid, gen_tcp, inet, ok, ssl
from actorsock.gen_tcp import TcpSocket
from actorsock.ssl import SslSocket

from ...certificates import as_options, authority, issued

__all__ = [
    "CA", "HERE", "TRUSTING", "alert", "listening", "own", "pair", "port_of", "shake", "tcp_pair",
    "tried",
]  # fmt: skip

HERE: Final = "127.0.0.1"
CA: Final = [stdlib.PEM_cert_to_DER_cert(authority().cert_pem.bytes().decode())]
TRUSTING: Final[dict[str, Any]] = {"cacerts": CA, "active": False}
"""The options of a client that trusts the server."""


def own() -> dict[str, Any]:
    """Return the options of a server, which is passive."""
    return {**as_options(issued()), "ip": HERE, "active": False}


def listening(**options: Any) -> tuple[SslSocket, int]:
    """Listen; return the socket with its port."""
    listener = ok(ssl.listen(0, {**own(), **options}))
    return listener, port_of(listener)


def port_of(listener: SslSocket | TcpSocket) -> int:
    """Return the port of a listening socket."""
    name = inet.sockname(listener) if isinstance(listener, TcpSocket) else ssl.sockname(listener)
    port: int = ok(name)[1]
    return port


async def shake(
    client: TcpSocket, server: TcpSocket, mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Begin TLS on both ends of a connection, each in a process of its own; return the results."""
    results: dict[str, Any] = {}
    mine_now, caller = trio.Event(), current_pid()

    async def serve(task_status: Any) -> None:
        task_status.started(current_pid())
        await mine_now.wait()
        result = results["server"] = await ssl.handshake(server, dict(theirs), 20)
        if isinstance(result, Ok):
            ok(ssl.controlling_process(result.value, caller))

    async with trio.open_nursery() as nursery:
        ok(gen_tcp.controlling_process(server, await nursery.start(serve)))
        mine_now.set()
        await wait_all_tasks_blocked()  # an active socket would take the hello for data
        results["client"] = await ssl.connect(client, dict(mine), 20)
    return results["client"], results["server"]


async def tried(
    mine: Mapping[str, Any] | None = None, theirs: Mapping[str, Any] | None = None
) -> tuple[Any, Any]:
    """Connect; return the results of both sides."""
    listener, port = listening(**(theirs or {}))
    results: dict[str, Any] = {}
    caller = current_pid()

    async def serve() -> None:
        accepted = ok(await ssl.transport_accept(listener))
        result = results["server"] = await ssl.handshake(accepted, 20)
        if isinstance(result, Ok):
            ok(ssl.controlling_process(result.value, caller))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        options = {**TRUSTING, **(mine or {})}
        results["client"] = await ssl.connect("localhost", port, options, 20)
    ok(await ssl.close(listener))
    return results["client"], results["server"]


async def pair(
    mine: Mapping[str, Any] | None = None, theirs: Mapping[str, Any] | None = None
) -> tuple[SslSocket, SslSocket]:
    """Connect two sockets, passive unless the options say otherwise; the caller owns both."""
    client, server = await tried(mine, theirs)
    return ok(client), ok(server)


def alert(result: Any) -> str:
    """Return the name of the alert in an `Error`."""
    assert isinstance(result, Error), result
    kind, (name, text) = result.reason
    assert kind == "tls_alert"
    assert text
    return str(name)


async def tcp_pair(
    mine: Mapping[str, Any] | None = None, theirs: Mapping[str, Any] | None = None
) -> tuple[TcpSocket, TcpSocket]:
    """Connect two sockets of gen_tcp, passive ones."""
    listener = ok(gen_tcp.listen(0, {"ip": HERE, "active": False, **(theirs or {})}))
    one = ok(await gen_tcp.connect(HERE, port_of(listener), {"active": False, **(mine or {})}))
    other = ok(await gen_tcp.accept(listener))
    ok(await gen_tcp.close(listener))
    return one, other
