"""Contexts for TLS, with certificates that are made for the tests."""

import ssl
from functools import cache

import trustme

__all__ = ["NAME", "client_context", "server_context", "strangers_context"]

NAME = "actorsock.example"
"""The host that the server's certificate is for, besides localhost."""


@cache
def _authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@cache
def server_context() -> ssl.SSLContext:
    """Of a server that clients with `client_context` trust."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _authority().issue_cert(NAME, "localhost", "127.0.0.1").configure_cert(context)
    return context


@cache
def client_context() -> ssl.SSLContext:
    """Of a client that trusts the server."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


@cache
def strangers_context() -> ssl.SSLContext:
    """Of a client that has never heard of the server's authority."""
    return ssl.create_default_context()
