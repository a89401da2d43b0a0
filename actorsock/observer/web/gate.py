"""Which requests the observer answers at all: decided by the head of a request alone.

A page of another site can make the reader's browser send requests to a port of this machine, and a
name whose address changes (DNS rebinding) lets it read the answers. So the same rules hold for
every method and every path, and the first one that is broken decides:

- `Host` is there once, and is a name of this port: else 421
- `Origin`, which browsers add to requests of scripts, is the observer's own: else 403
- `Sec-Fetch-Site`, which browsers add to all requests, is not that of another site: else 403
- the method is GET, or POST: else 405
- a POST acts on the program. That has to be allowed: else 403. Its body is JSON, which a form of
  another site cannot send: else 415
- everything but the files of the page needs the token: else 401

The token never stands in an address that is sent: it is behind the `#`, and the page's script
sends it in a header. There are no cookies, so no request has a right that its sender does not name.
"""

import hmac
from collections.abc import Callable, Iterable
from typing import Final

import attrs

__all__ = ["SECURITY_HEADERS", "Gate", "Head", "Refusal", "names_of"]

SECURITY_HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
"""Sent with every answer, also with refusals. Headers that would share answers with other sites
(CORS) are never sent."""


@attrs.frozen
class Head:
    """A request without its body."""

    method: str
    path: str
    """The target up to the `?`."""
    headers: tuple[tuple[bytes, bytes], ...]
    """With the names in lower case, as h11 gives them."""

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers of one name."""
        return [value for key, value in self.headers if key == name]


@attrs.frozen
class Refusal:
    """The answer to a request that is not let through."""

    status: int
    text: str


@attrs.frozen
class Gate:
    """The rules of one port.

    Example::

        gate = Gate(names_of(9911), token, control=False, pages=frozenset({"/"}))
        refusal = gate.refusal(head)
    """

    hosts: frozenset[bytes] | None
    """What `Host` may be. None lets any one host pass."""
    token: bytes | None = attrs.field(repr=False)
    """None on a local socket, where the user of the peer is checked instead."""
    control: bool
    """True if requests may act on the program."""
    pages: frozenset[str]
    """The paths of the page's files, which tell nothing about the program."""

    def refusal(self, head: Head) -> Refusal | None:
        """Return why a request is refused; None lets it through."""
        for rule in _RULES:
            refusal = rule(self, head)
            if refusal is not None:
                return refusal
        return None


def names_of(port: int) -> frozenset[bytes]:
    """Return what `Host` is in a request to `port` of this machine."""
    return frozenset(b"%s:%d" % (name, port) for name in (b"127.0.0.1", b"localhost", b"[::1]"))


def _host(gate: Gate, head: Head) -> Refusal | None:
    hosts = head.values(b"host")
    if len(hosts) == 1 and (gate.hosts is None or hosts[0].lower() in gate.hosts):
        return None
    return Refusal(421, "this is another host")


def _origin(gate: Gate, head: Head) -> Refusal | None:
    # Of the page itself: the same host, which has passed the rule before.
    own = [b"http://" + host.lower() for host in head.values(b"host")]
    if all([origin.lower()] == own for origin in head.values(b"origin")):
        return None
    return Refusal(403, "a page of another origin has sent this")


def _site(gate: Gate, head: Head) -> Refusal | None:
    if set(head.values(b"sec-fetch-site")) <= {b"none", b"same-origin"}:
        return None
    return Refusal(403, "a page of another site has sent this")


def _method(gate: Gate, head: Head) -> Refusal | None:
    if head.method in ("GET", "POST"):
        return None
    return Refusal(405, "only GET and POST are answered")


def _action(gate: Gate, head: Head) -> Refusal | None:
    if head.method != "POST":
        return None
    if not gate.control:
        return Refusal(403, "this observer only looks: it was not started with control=True")
    kinds = [value.split(b";")[0].strip().lower() for value in head.values(b"content-type")]
    if kinds == [b"application/json"]:
        return None
    return Refusal(415, "the body has to be application/json")


def _token(gate: Gate, head: Head) -> Refusal | None:
    if gate.token is None or (head.method == "GET" and head.path in gate.pages):
        return None
    given = head.values(b"authorization")
    if len(given) == 1 and hmac.compare_digest(given[0], b"Bearer " + gate.token):
        return None
    return Refusal(401, "the token is missing or wrong: open the address that the program shows")


_RULES: Final[Iterable[Callable[[Gate, Head], Refusal | None]]] = (
    _host,
    _origin,
    _site,
    _method,
    _action,
    _token,
)
