"""Cipher suites: OpenSSL's names, and the maps and names that Erlang has for them."""

import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

__all__ = ["VERSIONS", "Description", "Form", "Suite", "known_suites", "suite_of", "suites"]

Description: TypeAlias = Literal[
    "all", "default", "anonymous", "exclusive", "exclusive_default", "exclusive_anonymous"
]
Form: TypeAlias = Literal["map", "rfc", "openssl"]

VERSIONS: Final[dict[str, str]] = {
    "tlsv1": "TLSv1",
    "tlsv1.1": "TLSv1.1",
    "tlsv1.2": "TLSv1.2",
    "tlsv1.3": "TLSv1.3",
}
"""Erlang's names of the versions, from the oldest, and those of the `ssl` module."""

_SINCE: Final = {"SSLv3": 0, "TLSv1.0": 0, "TLSv1": 0, "TLSv1.1": 1, "TLSv1.2": 2, "TLSv1.3": 3}
_CHOICES: Final[dict[str, str]] = {
    "all": "ALL:!aNULL:@SECLEVEL=0",
    "default": "DEFAULT",
    "anonymous": "aNULL:!eNULL:@SECLEVEL=0",
}
"""What each description means to OpenSSL."""


@attrs.frozen
class Suite:
    """One cipher suite.

    Attributes:
        openssl: OpenSSL's name.
        key_exchange, cipher, mac, prf: Erlang's words for its parts.
        since: the first version that has it, as an index of `VERSIONS`.
    """

    openssl: str
    key_exchange: str
    cipher: str
    mac: str
    prf: str
    since: int

    def as_map(self) -> dict[str, str]:
        """Return the map by which Erlang names the suite."""
        return {
            "key_exchange": self.key_exchange,
            "cipher": self.cipher,
            "mac": self.mac,
            "prf": self.prf,
        }

    def rfc_name(self) -> str:
        """Return the name in the standards: `TLS_AES_256_GCM_SHA384`."""
        exchange = "" if self.key_exchange == "any" else f"{self.key_exchange}_with_"
        end = self.prf if self.mac == "aead" else self.mac
        parts = ["TLS", exchange + self.cipher, *([] if end == "default_prf" else [end])]
        return "_".join(parts).upper().replace("_ANON_", "_anon_")

    def named(self, form: Form) -> dict[str, str] | str:
        """Return the suite in the form that was asked for."""
        if form == "map":
            return self.as_map()
        return self.rfc_name() if form == "rfc" else self.openssl


def suite_of(found: Mapping[str, Any]) -> Suite:
    """Return a suite that the `ssl` module describes, by `SSLContext.get_ciphers`."""
    name = found["name"]
    exchange = found["kea"].removeprefix("kx-")
    auth = found["auth"].removeprefix("auth-")
    if auth == "null":
        exchange = f"{'ecdh' if exchange == 'ecdhe' else 'dh'}_anon"
    elif exchange != auth:
        exchange = f"{exchange}_{auth}"
    cipher = (found["symmetric"] or "null").replace("-", "_")
    if name.endswith("CCM8"):
        cipher += "_8"
    mac = "aead" if found["aead"] else str(found["digest"]).replace("sha1", "sha")
    since = _SINCE[found["protocol"]]
    return Suite(name, exchange, cipher, mac, _prf(name, exchange, cipher, mac), since)


def _prf(name: str, exchange: str, cipher: str, mac: str) -> str:
    """Return the hash from which keys are derived; the oldest suites have that of the version."""
    if "ccm" in cipher and not name.startswith("TLS_"):
        return "default_prf"
    if mac == "aead":
        return "sha384" if name.endswith("SHA384") else "sha256"
    if mac == "sha384" or (mac == "sha256" and exchange.startswith("ecdh")):
        return mac
    return "default_prf"


def suites(chosen: str) -> list[Suite]:
    """Return the suites that a list in OpenSSL's form stands for; those of TLS 1.3 are in each.

    Raises:
        ssl.SSLError: none is known.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(chosen)
    return [suite_of(found) for found in context.get_ciphers() if _has_a_name(found)]


def _has_a_name(found: Mapping[str, Any]) -> bool:
    # Those of countries and of passwords have no name in Erlang.
    return not any(word in found["name"] for word in ("GOST", "PSK", "SRP", "ARIA", "CAMELLIA"))


def known_suites(description: Description, version: str) -> list[Suite]:
    """Return the suites that this library knows, for a version of the protocol.

    Args:
        description: all, those in use by default, or those without a certificate of the server;
            "exclusive" leaves out those of earlier versions.
        version: the version, which can use the suites of earlier ones too.
    """
    exclusive = description.startswith("exclusive")
    kind = description.removeprefix("exclusive").removeprefix("_") or "all"
    level = list(VERSIONS).index(version)
    found = [suite for suite in suites(_CHOICES[kind]) if suite.since <= level]
    if kind == "anonymous":
        found = [suite for suite in found if suite.key_exchange.endswith("anon")]
    if exclusive:
        # The suites of the two oldest versions are the same.
        found = [suite for suite in found if suite.since == level or (level, suite.since) == (1, 0)]
    return found
