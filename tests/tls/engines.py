"""Two engines that talk to each other without a socket."""

import ssl
from functools import cache

from actorsock.tls.engine.engine import Engine

from ..certificates import authority, issued

__all__ = ["VERSIONS", "carry", "client_of", "connected", "server_of"]

VERSIONS = ["TLSv1_2", "TLSv1_3"]


@cache
def server_of(version: str) -> ssl.SSLContext:
    """Return the context of a server for one version, which sends two tickets in TLS 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    issued().configure_cert(context)
    return context


@cache
def client_of(version: str) -> ssl.SSLContext:
    """Return the context of a client for one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    authority().configure_trust(context)
    return context


def carry(client: Engine, server: Engine, size: int = 2**20) -> None:
    """Carry the bytes of a handshake between both, in pieces of a size, until nothing moves."""
    client.handshake()
    moved = True
    while moved:
        moved = False
        for here, there in ((client, server), (server, client)):
            flight = here.outgoing()
            for at in range(0, len(flight), size):
                moved = True
                there.feed(flight[at : at + size])
                if not there.established:
                    there.handshake()


def connected(version: str = "TLSv1_3", size: int = 2**20) -> tuple[Engine, Engine]:
    """Return a client and a server after their handshake."""
    client = Engine(client_of(version), server_side=False, server_hostname="localhost")
    server = Engine(server_of(version), server_side=True)
    carry(client, server, size)
    assert (client.established, server.established) == (True, True)
    return client, server
