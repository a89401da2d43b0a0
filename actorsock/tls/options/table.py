"""The option table of `ssl`: for each option who may give it, its values, and what it does here."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...arguments import restated, shown
from . import checks

__all__ = ["OPTIONS", "Option", "Side", "Use"]

Side: TypeAlias = Literal["client", "server"]
Use: TypeAlias = Literal["context", "certificate", "connection", "kept", "refused"]


@attrs.frozen(eq=False)
class Option:
    """One option.

    Attributes:
        name: the name.
        sides: who may give it.
        use: what it is used for: a `"context"`, or the `"certificate"` in it, may not be given
            together with a ready context; `"connection"`; `"kept"` options do nothing here, and
            `"refused"` ones raise.
        accepts: the values, in words.
        check: returns the value to keep; raises `TypeError` or `ValueError` with a text that
            names the option, the value, and what is accepted.
        default: the value that applies if it is not given, in words.
        does: what it does here, in a few words, or why it is refused.
    """

    name: str
    sides: frozenset[Side]
    use: Use
    accepts: str
    check: Callable[[Any], Any]
    default: str
    does: str


_BOOL: Final = ("True or False", checks.boolean)
_PATH: Final = ("a path", checks.path)
_ANYTHING: Final = ("any value", checks.kept)
_PROTOCOLS: Final = ("a list of names", checks.alpn)
_IN_CONTEXT: Final = "Python's ssl cannot set it"
_LEVELS: Final = (
    "all", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency", "none",
)  # fmt: skip


def _only(value: Any, why: str) -> tuple[str, Callable[[Any], Any]]:
    return repr(value), checks.only(value, why)


def _never(why: str) -> tuple[str, Callable[[Any], Any]]:
    return "nothing", checks.refused(why)


_Row: TypeAlias = tuple[str, str, Use, tuple[str, Callable[[Any], Any]], str, str]

# fmt: off
_ROWS: Final[tuple[_Row, ...]] = (
    # name, sides, use, (accepts, check), default, what it does here
    ("certs_keys", "cs", "certificate",
     ("a list of mappings of cert, key, certfile, keyfile, password", checks.certificates_and_keys),
     "", "the own certificates, one for each kind of key"),
    ("certfile", "cs", "certificate", _PATH, "", "PEM file with the own certificate and its chain"),
    ("keyfile", "cs", "certificate", _PATH, "`certfile`", "PEM file with the private key"),
    ("password", "cs", "certificate", ("text, or a function that returns it", checks.password), "",
     "the password of the key"),
    ("cert", "cs", "certificate", ("DER as bytes, or a list of such", checks.certificate), "",
     "the own certificate and its chain"),
    ("key", "cs", "certificate", ('(kind, bytes), such as ("PrivateKeyInfo", der)', checks.key), "",
     "the private key"),
    ("cacerts", "cs", "context",
     ('a list of DER as bytes, or "system"', checks.authorities), "",
     "the authorities to trust; those of the system, as `public_key:cacerts_get` gives them"),
    ("cacertfile", "cs", "context", _PATH, "", "PEM file with the authorities to trust"),
    ("verify", "cs", "context",
     ('"verify_peer" or "verify_none"', checks.one_of("verify_peer", "verify_none")),
     '`"verify_peer"` of a client, `"verify_none"` of a server', "whether the peer is verified"),
    ("fail_if_no_peer_cert", "s", "context", _BOOL, "`False`",
     "with `verify_peer`: a client has to have a certificate"),
    ("depth", "cs", "connection", ("an integer >= 0", checks.at_least_0), "100, OpenSSL's",
     "how many certificates may stand between that of the peer and the authority"),
    ("server_name_indication", "c", "connection",
     ('a host name, or "disable"', checks.server_name), "the host that is connected to",
     "the name that the server is told, and that its certificate has to have"),
    ("versions", "cs", "context", ('a list of "tlsv1.3", "tlsv1.2", ...', checks.versions),
     '`["tlsv1.3", "tlsv1.2"]`', "the versions of the protocol; no gap between them"),
    ("ciphers", "cs", "context", ("a list of names or maps, or names with colons", checks.ciphers),
     "OpenSSL's", "the cipher suites; of TLS 1.3 all or none"),
    ("honor_cipher_order", "s", "context", _BOOL, "`False`",
     "the server's order of suites counts, not the client's"),
    ("alpn_advertised_protocols", "c", "context", _PROTOCOLS, "", "protocols to offer by ALPN"),
    ("alpn_preferred_protocols", "s", "context", _PROTOCOLS, "",
     "protocols to choose from by ALPN, the preferred one first; no alert if there is none"),
    ("sni_hosts", "s", "context", ("a mapping of host names to options", checks.hosts), "",
     "the certificate for each name that a client may ask for"),
    ("sni_fun", "s", "context", ("a function of a name that returns options", checks.function), "",
     "the same, asked for each connection; None for the certificate of the listener"),
    ("dhfile", "s", "context", _PATH, "OpenSSL's", "PEM file with parameters for Diffie-Hellman"),
    ("session_tickets", "cs", "context",
     ('"disabled"; of a server also "stateless"', checks.one_of("disabled", "stateless")),
     '`"disabled"`', "whether a server sends tickets of TLS 1.3"),
    ("client_renegotiation", "s", "context", _only(False, "OpenSSL does not allow it"), "`False`",
     "renegotiation by the client"),
    ("middlebox_comp_mode", "cs", "context", _BOOL, "`True`",
     "makes TLS 1.3 look like 1.2 to boxes in between"),
    ("log_level", "cs", "connection", ("a level of Erlang's logger", checks.one_of(*_LEVELS)),
     '`"notice"`', "alerts are logged as notices, by the logger `actorsock.ssl`"),
    ("context", "cs", "connection", ("an ssl.SSLContext", checks.context), "",
     "a ready context, in place of all options for one"),
    ("protocol", "cs", "kept", _only("tls", "there is no DTLS in Python's ssl"), '`"tls"`', ""),
    ("handshake", "cs", "kept", _only("full", "Python's ssl cannot pause; `sni_fun` chooses"),
     '`"full"`', ""),
    ("secure_renegotiate", "cs", "kept", _only(True, "OpenSSL requires it"), "`True`", ""),
    ("reuse_sessions", "cs", "kept", _only(True, "the server's OpenSSL decides"), "`True`",
     "a client does not resume a session"),
    ("hibernate_after", "cs", "kept", _ANYTHING, "", "a connection is no process here"),
    ("receiver_spawn_opts", "cs", "kept", _ANYTHING, "", "a connection is no process here"),
    ("sender_spawn_opts", "cs", "kept", _ANYTHING, "", "a connection is no process here"),
    ("padding_check", "cs", "kept", _only(True, "OpenSSL always checks"), "`True`", ""),
    ("beast_mitigation", "cs", "kept", _ANYTHING, "", "OpenSSL has its own"),
    ("crl_check", "cs", "kept", _only(False, "give a context with verify_flags"), "`False`", ""),
    ("keep_secrets", "cs", "kept", _only(False, "give a context with keylog_filename"), "`False`",
     ""),
    ("early_data", "cs", "kept", _only("disabled", _IN_CONTEXT), '`"disabled"`', ""),
    ("verify_fun", "cs", "refused", _never(_IN_CONTEXT), "", ""),
    ("partial_chain", "cs", "refused", _never("give a context with verify_flags"), "", ""),
    ("customize_hostname_check", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("crl_cache", "cs", "refused", _never("give a context with verify_flags"), "", ""),
    ("eccs", "cs", "refused", _never("give a context with set_ecdh_curve"), "", ""),
    ("supported_groups", "cs", "refused", _never("give a context with set_ecdh_curve"), "", ""),
    ("signature_algs", "cs", "refused", _never(_IN_CONTEXT), "", ""),
    ("signature_algs_cert", "cs", "refused", _never(_IN_CONTEXT), "", ""),
    ("honor_ecc_order", "s", "refused", _never(_IN_CONTEXT), "", ""),
    ("dh", "s", "refused", _never("give `dhfile`"), "", ""),
    ("certificate_authorities", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("stapling", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("ocsp_stapling", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("user_lookup_fun", "cs", "refused", _never("give a context with callbacks for PSK"), "", ""),
    ("psk_identity", "cs", "refused", _never("give a context with callbacks for PSK"), "", ""),
    ("srp_identity", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("reuse_session", "cs", "refused", _never("a client does not resume a session"), "", ""),
    ("use_ticket", "c", "refused", _never("a client does not resume a session"), "", ""),
    ("anti_replay", "s", "refused", _never("there is no early data"), "", ""),
    ("stateless_tickets_seed", "s", "refused", _never(_IN_CONTEXT), "", ""),
    ("key_update_at", "cs", "refused", _never("OpenSSL decides"), "", ""),
    ("renegotiate_at", "cs", "refused", _never("OpenSSL decides"), "", ""),
    ("max_handshake_size", "cs", "refused", _never("OpenSSL has a limit of its own"), "", ""),
    ("max_fragment_length", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("next_protocols_advertised", "s", "refused", _never("ALPN has replaced it"), "", ""),
    ("client_preferred_next_protocols", "c", "refused", _never("ALPN has replaced it"), "", ""),
    ("fallback", "c", "refused", _never(_IN_CONTEXT), "", ""),
    ("cookie", "s", "refused", _never("OpenSSL decides"), "", ""),
    ("use_srtp", "cs", "refused", _never("it belongs to DTLS"), "", ""),
    ("cb_info", "cs", "refused", _never("the transport cannot be replaced here"), "", ""),
)
# fmt: on

_SECRET: Final = {"certs_keys", "key", "password"}
"""Options whose values no error message and no log shows."""
_SIDES: Final[dict[str, Side]] = {"c": "client", "s": "server"}


def _option(row: _Row) -> Option:
    name, sides, use, (accepts, check), default, does = row

    def checked(value: Any) -> Any:
        try:
            return check(value)
        except (TypeError, ValueError) as problem:
            what = "the value" if name in _SECRET else shown(value)
            text = f"option {name}: {what} is refused: {problem}; accepted: {accepts}"
            raise restated(problem, text) from None

    return Option(
        name, frozenset(_SIDES[letter] for letter in sides), use, accepts, checked, default, does
    )


OPTIONS: Final[dict[str, Option]] = {row[0]: _option(row) for row in _ROWS}
"""The options by name, in the order of the documentation of this package."""
