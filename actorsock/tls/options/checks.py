"""The values of options of TLS: each check returns the value to keep, or raises.

What is kept can be hashed, since contexts are found by the options that they were made of. What is
raised says what is wrong; the table adds the option and what it accepts.
"""

import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..engine.suites import VERSIONS, Suite, known_suites

__all__ = [
    "alpn",
    "at_least_0",
    "authorities",
    "boolean",
    "certificate",
    "certificates_and_keys",
    "ciphers",
    "context",
    "function",
    "hosts",
    "kept",
    "key",
    "one_of",
    "only",
    "password",
    "path",
    "refused",
    "server_name",
    "versions",
]

Check = Callable[[Any], Any]

_KEY_KINDS: Final = {
    "RSAPrivateKey": "RSA PRIVATE KEY",
    "DSAPrivateKey": "DSA PRIVATE KEY",
    "ECPrivateKey": "EC PRIVATE KEY",
    "PrivateKeyInfo": "PRIVATE KEY",
}
"""The kinds of keys, and what stands above each of them in a PEM file."""


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it is neither True nor False")
    return value


def at_least_0(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("it is not an integer")
    if value < 0:
        raise ValueError("it is below 0")
    return value


def one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError("it is another word")
        return value

    return check


def only(allowed: Any, why: str) -> Check:
    """Return a check that takes one value: Erlang has others, and `why` they are not here."""

    def check(value: Any) -> Any:
        if value != allowed or isinstance(value, bool) != isinstance(allowed, bool):
            raise ValueError(why)
        return value

    return check


def refused(why: str) -> Check:
    def check(value: Any) -> Any:
        raise ValueError(why)

    return check


def kept(value: Any) -> None:
    """Take any value: it has no meaning here."""


def path(value: Any) -> str:
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError("it is no path")
    return os.path.abspath(os.fsdecode(value))


def certificate(value: Any) -> tuple[bytes, ...]:
    """Check one certificate in DER, or a chain of them, as PEM text for each."""
    chain = [value] if isinstance(value, bytes) else _items(value)
    if not chain or not all(isinstance(each, bytes) for each in chain):
        raise TypeError("it is neither DER-encoded bytes nor a list of such")
    return tuple(chain)


def key(value: Any) -> str:
    """Check a private key as (kind, DER); return it as PEM."""
    match value:
        case (str(kind), bytes(der)) if kind in _KEY_KINDS:
            pem = ssl.DER_cert_to_PEM_cert(der)
            return pem.replace("CERTIFICATE", _KEY_KINDS[kind])
    raise TypeError(f"it is not (kind, bytes) with one of the kinds {', '.join(_KEY_KINDS)}")


def password(value: Any) -> Any:
    if not (isinstance(value, str | bytes) or callable(value)):
        raise TypeError("it is neither text nor a function that returns it")
    return value


_OF_A_PAIR: Final[dict[str, Check]] = {
    "cert": certificate,
    "key": key,
    "certfile": path,
    "keyfile": path,
    "password": password,
}


def certificates_and_keys(value: Any) -> tuple[tuple[tuple[str, Any], ...], ...]:
    """Check `certs_keys`: a list of mappings, one for each certificate with its key."""
    found = []
    for each in _items(value):
        if not isinstance(each, Mapping) or not set(each) <= set(_OF_A_PAIR):
            raise TypeError(f"it holds something else than mappings of {', '.join(_OF_A_PAIR)}")
        if not each.keys() & {"cert", "certfile"}:
            raise ValueError("one of the mappings names no certificate")
        found.append(tuple((name, _OF_A_PAIR[name](each[name])) for name in sorted(each)))
    if not found:
        raise ValueError("it is empty")
    return tuple(found)


def authorities(value: Any) -> Any:
    if value == "system":
        return value
    return certificate(value)


def versions(value: Any) -> tuple[str, ...]:
    """Check a list of versions; return it from the oldest to the newest."""
    asked = _items(value)
    unknown = [each for each in asked if each not in VERSIONS]
    if unknown or not asked:
        raise ValueError("it is empty" if not asked else f"{unknown[0]!r} is no version")
    order = list(VERSIONS)
    oldest, newest = (choose(map(order.index, asked)) for choose in (min, max))
    missing = [each for each in order[oldest:newest] if each not in asked]
    if missing:
        raise ValueError(f"{missing[0]!r} is missing in between")
    return tuple(order[oldest : newest + 1])


def alpn(value: Any) -> tuple[str, ...]:
    """Check a list of protocols for ALPN."""
    found = []
    for each in _items(value):
        name = each.decode("ascii", "replace") if isinstance(each, bytes) else each
        if not isinstance(name, str) or not name.isascii() or not 0 < len(name) < 256:
            raise ValueError("a protocol is a name of 1 to 255 ASCII characters")
        found.append(name)
    if not found:
        raise ValueError("it is empty")
    return tuple(found)


def server_name(value: Any) -> str:
    """Check `server_name_indication`: a host name, or "disable"."""
    if not isinstance(value, str):
        raise TypeError("it is not a str")
    if not value or value.startswith(".") or "\0" in value:
        raise ValueError("it is no host name")
    return value


def hosts(value: Any) -> tuple[tuple[str, Any], ...]:
    """Check `sni_hosts`: a mapping of host names, or pairs; the options are checked elsewhere."""
    found = list(value.items()) if isinstance(value, Mapping) else _items(value)
    for each in found:
        if not isinstance(each, tuple) or len(each) != 2 or not isinstance(each[0], str):
            raise TypeError("it holds something else than a host name and its options")
    return tuple(found)


def ciphers(value: Any) -> tuple[Suite, ...]:
    """Check a list of suites: maps or names, or one str with names between colons."""
    asked = value.split(":") if isinstance(value, str) else _items(value)
    known = [*known_suites("all", "tlsv1.3"), *known_suites("anonymous", "tlsv1.3")]
    by_name = {suite.openssl: suite for suite in known} | {
        suite.rfc_name(): suite for suite in known
    }
    found = []
    for each in asked:
        if isinstance(each, Mapping):
            suite = next((one for one in known if one.as_map() == dict(each)), None)
        else:
            suite = by_name.get(each) if isinstance(each, str) else None
        if suite is None:
            raise ValueError(f"{each!r} is no cipher suite that OpenSSL has here")
        found.append(suite)
    if not found:
        raise ValueError("it is empty")
    return tuple(found)


def function(value: Any) -> Any:
    if not callable(value):
        raise TypeError("it is no function")
    return value


def context(value: Any) -> ssl.SSLContext:
    if not isinstance(value, ssl.SSLContext):
        raise TypeError("it is no ssl.SSLContext")
    return value


def _items(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError("it is no list")
    return list(value)
