"""What `ssl` tells of connections: certificates, versions, suites, names; and errors in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ...arguments import check_word, shown
from ...inet.calls.informing import counters_of, local_name, peer_name
from ...inet.names.error_texts import format_error as format_inet_error
from ...results import Error, Ok
from ..driver.ssl_socket import SslSocket
from ..driver.tls_actor import TlsActor
from ..engine.suites import VERSIONS, Description, Form, known_suites, suite_of
from .arguments import carrier_of, connection_of, socket_of

__all__ = [
    "cipher_suites",
    "connection_information",
    "format_error",
    "getstat",
    "negotiated_protocol",
    "peercert",
    "peername",
    "sockname",
]

_WORDS: Final = {name: word for word, name in VERSIONS.items()}
_DESCRIPTIONS: Final = (
    "all", "default", "anonymous", "exclusive", "exclusive_default", "exclusive_anonymous",
)  # fmt: skip


@enable_ki_protection
def sockname(sock: SslSocket) -> Ok[tuple[Any, Any]] | Error:
    """Return the local address of a socket, as `inet.sockname`. Erlang's `ssl:sockname/1`."""
    return local_name(carrier_of(socket_of(sock)))


@enable_ki_protection
def peername(sock: SslSocket) -> Ok[tuple[Any, Any]] | Error:
    """Return the address of the peer, as `inet.peername`. Erlang's `ssl:peername/1`."""
    return peer_name(carrier_of(socket_of(sock)))


@enable_ki_protection
def getstat(sock: SslSocket, names: Sequence[str] | None = None) -> Ok[dict[str, int]] | Error:
    """Return counters of a socket, as `inet.getstat`. Erlang's `ssl:getstat/1,2`.

    They count the data of the program, where Erlang counts encrypted bytes.
    """
    return counters_of(carrier_of(socket_of(sock)), names)


@enable_ki_protection
def peercert(sock: SslSocket) -> Ok[bytes] | Error:
    """Return the certificate of the peer, in DER. Erlang's `ssl:peercert/1`.

    Returns:
        `Ok(der)`; or `Error`: `"no_peercert"`, `"closed"`, `"enotconn"` or
        `"notsup_on_transport_accept_socket"`.

    Raises:
        TypeError: `sock` is no `SslSocket`.
    """
    actor = connection_of(sock)
    if isinstance(actor, Error):
        return actor
    found = actor.engine.tls.getpeercert(binary_form=True)
    return Error("no_peercert") if found is None else Ok(found)


@enable_ki_protection
def negotiated_protocol(sock: SslSocket) -> Ok[str] | Error:
    """Return the protocol chosen by ALPN, such as `"h2"`. Erlang's `ssl:negotiated_protocol/1`.

    Returns:
        `Ok(name)`; or `Error`: `"protocol_not_negotiated"`, or as for `peercert`.

    Raises:
        TypeError: `sock` is no `SslSocket`.
    """
    actor = connection_of(sock)
    if isinstance(actor, Error):
        return actor
    found = actor.engine.tls.selected_alpn_protocol()
    return Error("protocol_not_negotiated") if found is None else Ok(found)


@enable_ki_protection
def connection_information(
    sock: SslSocket, names: Sequence[str] | None = None
) -> Ok[dict[str, Any]] | Error:
    """Return facts of a connection. Erlang's `ssl:connection_information/1,2`.

    Args:
        sock: the socket.
        names: of those below; None for all. Others are left out.

    Returns:
        `Ok(facts)`, or `Error` as for `peercert`. The facts are:

        - `protocol`: the version, `"tlsv1.3"` and so on
        - `session_resumption`: True if an earlier session goes on
        - `selected_cipher_suite`: a dict as of `cipher_suites`
        - `sni_hostname`: of a server, the name that the client asked for, if it did
        - and the options of TLS that were given, without keys and passwords

    Raises:
        TypeError: `sock` is no `SslSocket`, or `names` is no list.
    """
    actor = connection_of(sock)
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise TypeError(f"names: expected a list of names, got {shown(names)}")
    if isinstance(actor, Error):
        return actor
    facts = _facts(actor)
    return Ok(facts if names is None else {n: facts[n] for n in facts if n in names})


_SECRET: Final = ("cert", "certs_keys", "key", "password", "context")


def _facts(actor: TlsActor) -> dict[str, Any]:
    tls = actor.engine.tls
    facts: dict[str, Any] = {
        "protocol": _WORDS.get(tls.version() or "", tls.version()),
        "session_resumption": bool(tls.session_reused),
    }
    chosen = tls.cipher()
    for found in tls.context.get_ciphers():
        if chosen is not None and found["name"] == chosen[0]:
            facts["selected_cipher_suite"] = suite_of(found).as_map()
            break
    asked = getattr(tls, "sni_hostname", None)
    if asked is not None:
        facts["sni_hostname"] = asked
    given = actor.options.values
    return facts | {name: value for name, value in given.items() if name not in _SECRET}


def cipher_suites(
    description: Description, version: str, form: Form = "map"
) -> list[dict[str, str] | str]:
    """Return the cipher suites of OpenSSL, the preferred ones first. `ssl:cipher_suites/2,3`.

    Args:
        description: `"all"`, `"default"` (those in use), or `"anonymous"` (without a certificate of
            the server); `"exclusive"`, `"exclusive_default"` and `"exclusive_anonymous"` are the
            same without those of earlier versions.
        version: `"tlsv1.3"`, `"tlsv1.2"`, `"tlsv1.1"` or `"tlsv1"`; it has the suites of earlier
            ones too.
        form: `"map"` for dicts with `key_exchange`, `cipher`, `mac` and `prf`; `"rfc"` or
            `"openssl"` for names. The option `ciphers` takes all of them.

    Raises:
        TypeError, ValueError: an argument is another word.

    Example::

        cipher_suites("exclusive", "tlsv1.3", "openssl")[0]  # "TLS_AES_256_GCM_SHA384"
    """
    check_word("description", description, _DESCRIPTIONS)
    check_word("version", version, tuple(VERSIONS))
    check_word("form", form, ("map", "rfc", "openssl"))
    return [suite.named(form) for suite in known_suites(description, version)]


def format_error(reason: Any) -> str:
    """Return the reason of an `Error` of `ssl` in words. Erlang's `ssl:format_error/1`.

    Args:
        reason: the reason; or the `Error`.

    Example::

        format_error("closed")  # "TLS connection is closed"
    """
    if isinstance(reason, Error):
        reason = reason.reason
    match reason:
        case "closed":
            return "TLS connection is closed"
        case ("tls_alert", (_, text)):
            return str(text)
        case ("options", ("socket_options", what, *_)):
            return f"Invalid transport socket option {what}"
        case ("options", ("cacertfile", ())):
            return "No authorities are given that the peer could be verified by"
        case ("options", (("certfile" | "keyfile" | "cacertfile" | "dhfile") as name, file, why)):
            return f"Invalid {_FILES[name]} file {file}: {_in_words(why)}"
        case ("options", what):
            return f"Invalid TLS option: {what}"
        case str() if not (text := format_inet_error(reason)).startswith("unknown POSIX"):
            return text
    return f"Unexpected error: {reason}"


_FILES: Final[Mapping[str, str]] = {
    "certfile": "certificate",
    "keyfile": "key",
    "cacertfile": "CA certificate",
    "dhfile": "DH params",
}


def _in_words(reason: str) -> str:
    text = format_inet_error(reason)
    return reason if text.startswith("unknown POSIX") else text
