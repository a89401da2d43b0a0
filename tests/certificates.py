"""Contexts and options for TLS, with certificates made for the tests."""

import ssl
import threading
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import trustme

__all__ = [
    "NAME",
    "as_options",
    "authority",
    "client_context",
    "issued",
    "server_context",
    "strangers_context",
    "write_files",
]

NAME = "actorsock.example"
"""A host name in the certificate of the server, besides localhost."""

P = ParamSpec("P")
T = TypeVar("T")

_making = threading.RLock()


def _made_once(function: Callable[P, T]) -> Callable[P, T]:
    """Keep each result. Threads ask too: without the lock there could be two authorities."""
    kept: Any = cache(function)

    @wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        with _making:
            result: T = kept(*args, **kwargs)
        return result

    return made


@_made_once
def authority() -> trustme.CA:
    """Return the authority that has issued the certificates."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@_made_once
def issued(*names: str) -> trustme.LeafCert:
    """Return a certificate for these names; without names that of the server."""
    return authority().issue_cert(*(names or (NAME, "localhost", "127.0.0.1")))


def as_options(certificate: trustme.LeafCert) -> dict[str, Any]:
    """Return the options of ssl that give a certificate itself, and its key."""
    key = certificate.private_key_pem.bytes().decode()
    assert "EC PRIVATE KEY" in key
    der = ssl.PEM_cert_to_DER_cert(key.replace("EC PRIVATE KEY", "CERTIFICATE"))
    chain = [ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in certificate.cert_chain_pems]
    return {"cert": chain, "key": ("ECPrivateKey", der)}


def write_files(folder: Path) -> dict[str, str]:
    """Write the server's certificate, its key, and the authority; return the options of files."""
    files = {
        "certfile": (folder / "server.pem", issued().cert_chain_pems[0]),
        "keyfile": (folder / "server.key", issued().private_key_pem),
        "cacertfile": (folder / "ca.pem", authority().cert_pem),
    }
    for path, pem in files.values():
        pem.write_to_path(path)
    return {name: str(path) for name, (path, _) in files.items()}


@_made_once
def server_context() -> ssl.SSLContext:
    """Return the context of a server that clients with `client_context` trust."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued().configure_cert(context)
    return context


@_made_once
def client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts the server."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@_made_once
def strangers_context() -> ssl.SSLContext:
    """Return the context of a client that does not trust the server's authority."""
    return ssl.create_default_context()
