"""Contexts for TLS, with certificates made for the tests."""

import ssl
from functools import cache

import trustme

__all__ = ["NAME", "client_context", "server_context", "strangers_context"]

NAME = "actorsock.example"
"""A host name in the certificate of the server, besides localhost."""


@cache
def _authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@cache
def server_context() -> ssl.SSLContext:
    """Return the context of a server that clients with `client_context` trust."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _authority().issue_cert(NAME, "localhost", "127.0.0.1").configure_cert(context)
    return context


@cache
def client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts the server."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


@cache
def strangers_context() -> ssl.SSLContext:
    """Return the context of a client that does not trust the server's authority."""
    return ssl.create_default_context()
