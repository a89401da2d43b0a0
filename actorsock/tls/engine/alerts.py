"""What ends a TLS connection early, under the names that Erlang gives to the alerts of TLS.

OpenSSL names the mistake that it has found; the protocol, and Erlang, name the alert that is sent
for it. Two tables lead from one to the other. Of an alert that was received OpenSSL tells the name.
"""

import re
import ssl
from typing import Final

import attrs

__all__ = ["Alert", "alert_of"]


@attrs.frozen
class Alert:
    """What ended a connection: an alert that was received, or the one that its cause stands for.

    Attributes:
        name: its name, such as `"unknown_ca"`.
        text: what OpenSSL says, in words; the wording is free.
        received: the peer has sent it.
    """

    name: str
    text: str
    received: bool = False

    @property
    def reason(self) -> tuple[str, tuple[str, str]]:
        """The reason of an `Error`. Erlang's `{tls_alert, {Name, Text}}`."""
        return "tls_alert", (self.name, self.text)


_WRAPPING: Final = re.compile(r"^\[[^\]]*\] | \(_ssl\.c:\d+\)$")
"""What Python puts around OpenSSL's words: library and reason, and a line of its own source."""

_RECEIVED: Final = re.compile(r"^(?:ssl|tls)v\d+ (?:alert )?(.+)$")
"""OpenSSL's words for an alert of the peer: "tlsv1 alert unknown ca", "tlsv1 unrecognized name"."""

_SPELLED_OTHERWISE: Final = {
    "decryption_failed": "decryption_failed_reserved",
    "no_certificate": "no_certificate_reserved",
    "unrecognized_name": "unrecognised_name",
    "user_cancelled": "user_canceled",
}
"""Names in which OpenSSL's words for a received alert are not Erlang's."""

_REASONS: Final[dict[str, str]] = {
    "ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT": "illegal_parameter",
    "BAD_CHANGE_CIPHER_SPEC": "decode_error",
    "BAD_CIPHER": "illegal_parameter",
    "BAD_DECOMPRESSION": "decompression_failure",
    "BAD_DIGEST_LENGTH": "decrypt_error",
    "BAD_ECPOINT": "illegal_parameter",
    "BAD_EXTENSION": "decode_error",
    "BAD_HANDSHAKE_LENGTH": "decode_error",
    "BAD_HELLO_REQUEST": "decode_error",
    "BAD_KEY_SHARE": "illegal_parameter",
    "BAD_KEY_UPDATE": "illegal_parameter",
    "BAD_LENGTH": "decode_error",
    "BAD_PACKET": "decode_error",
    "BAD_PSK": "illegal_parameter",
    "BAD_RECORD_MAC": "bad_record_mac",
    "BAD_RECORD_TYPE": "unexpected_message",
    "BAD_SIGNATURE": "decrypt_error",
    "BINDER_DOES_NOT_VERIFY": "illegal_parameter",
    "CCS_RECEIVED_EARLY": "unexpected_message",
    "CERTIFICATE_VERIFY_FAILED": "bad_certificate",
    "CERT_LENGTH_MISMATCH": "decode_error",
    "CIPHERSUITE_DIGEST_HAS_CHANGED": "illegal_parameter",
    "COMPRESSED_LENGTH_TOO_LONG": "record_overflow",
    "DATA_BETWEEN_CCS_AND_FINISHED": "unexpected_message",
    "DATA_LENGTH_TOO_LONG": "record_overflow",
    "DECRYPTION_FAILED": "bad_record_mac",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "bad_record_mac",
    "DIGEST_CHECK_FAILED": "decrypt_error",
    "ENCRYPTED_LENGTH_TOO_LONG": "record_overflow",
    "EXCESSIVE_MESSAGE_SIZE": "illegal_parameter",
    "EXTRA_DATA_IN_MESSAGE": "decode_error",
    "GOT_A_FIN_BEFORE_A_CCS": "unexpected_message",
    "HTTPS_PROXY_REQUEST": "unexpected_message",
    "HTTP_REQUEST": "unexpected_message",
    "INAPPROPRIATE_FALLBACK": "inappropriate_fallback",
    "INVALID_ALERT": "illegal_parameter",
    "INVALID_CCS_MESSAGE": "unexpected_message",
    "INVALID_COMPRESSION_ALGORITHM": "illegal_parameter",
    "INVALID_SESSION_ID": "illegal_parameter",
    "LENGTH_MISMATCH": "decode_error",
    "LENGTH_TOO_LONG": "decode_error",
    "LENGTH_TOO_SHORT": "decode_error",
    "MISSING_PSK_KEX_MODES_EXTENSION": "missing_extension",
    "MISSING_SIGALGS_EXTENSION": "missing_extension",
    "MISSING_SUPPORTED_GROUPS_EXTENSION": "missing_extension",
    "MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA": "unexpected_message",
    "NOT_ON_RECORD_BOUNDARY": "unexpected_message",
    "NO_APPLICATION_PROTOCOL": "no_application_protocol",
    "NO_CIPHERS_AVAILABLE": "insufficient_security",
    "NO_PROTOCOLS_AVAILABLE": "protocol_version",
    "NO_RENEGOTIATION": "no_renegotiation",
    "NO_SHARED_CIPHER": "insufficient_security",
    "NO_SUITABLE_RECORD_LAYER": "protocol_version",
    "PACKET_LENGTH_TOO_LONG": "record_overflow",
    "PSK_IDENTITY_NOT_FOUND": "unknown_psk_identity",
    "RECORD_LENGTH_MISMATCH": "decode_error",
    "RECORD_TOO_SMALL": "decode_error",
    "TOO_MANY_KEY_UPDATES": "unexpected_message",
    "TOO_MANY_WARN_ALERTS": "unexpected_message",
    "UNEXPECTED_CCS_MESSAGE": "unexpected_message",
    "UNEXPECTED_MESSAGE": "unexpected_message",
    "UNEXPECTED_RECORD": "unexpected_message",
    "UNKNOWN_CERTIFICATE_TYPE": "unsupported_certificate",
    "UNKNOWN_CIPHER_RETURNED": "illegal_parameter",
    "UNKNOWN_PROTOCOL": "protocol_version",
    "UNSOLICITED_EXTENSION": "unsupported_extension",
    "UNSUPPORTED_COMPRESSION_ALGORITHM": "illegal_parameter",
    "UNSUPPORTED_PROTOCOL": "protocol_version",
    "VERSION_TOO_HIGH": "protocol_version",
    "VERSION_TOO_LOW": "protocol_version",
    "WRONG_CERTIFICATE_TYPE": "illegal_parameter",
    "WRONG_CIPHER_RETURNED": "illegal_parameter",
    "WRONG_CURVE": "illegal_parameter",
    "WRONG_SIGNATURE_TYPE": "illegal_parameter",
    "WRONG_SSL_VERSION": "protocol_version",
    # Of the first bytes of a peer that does not talk TLS.
    "WRONG_VERSION_NUMBER": "unexpected_message",
}
"""The alert for each mistake that OpenSSL finds in what a peer sends; others are failed handshakes.

Two are what Erlang sends where OpenSSL sends another: `NO_SHARED_CIPHER`, `WRONG_VERSION_NUMBER`.
"""

_UNKNOWN_CA: Final = "unknown_ca"
_VERIFICATION: Final[dict[int, str]] = {
    2: _UNKNOWN_CA,  # the certificate of the issuer cannot be found
    9: "bad_certificate",  # it is not valid yet
    10: "certificate_expired",
    18: _UNKNOWN_CA,  # the peer's certificate has signed itself
    19: _UNKNOWN_CA,  # an authority that nobody trusts has signed the chain
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    22: "bad_certificate",  # the chain is too long
    23: "certificate_revoked",
    24: "bad_certificate",  # the issuer is no authority
    26: "unsupported_certificate",  # it is for another purpose
    # Erlang sends this where OpenSSL sends "bad_certificate".
    62: "handshake_failure",  # it is of another host
    64: "handshake_failure",  # it is of another address
}
"""The alert for each result of OpenSSL's check of a certificate (X509_V_ERR_...)."""


def alert_of(exc: ssl.SSLError, role: str, version: str | None) -> Alert:
    """Return the alert that an error of the `ssl` module stands for.

    Args:
        exc: the error.
        role: `"client"` or `"server"`: which of them found it.
        version: the version of the protocol as the `ssl` module names it; None if it is not agreed.
    """
    words = _WRAPPING.sub("", str(exc.args[-1]))
    text = f"TLS {role}: {words}"
    received = _RECEIVED.match(words)
    if received is not None:
        name = received[1].replace(" ", "_")
        return Alert(_SPELLED_OTHERWISE.get(name, name), text, received=True)
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Alert(_VERIFICATION.get(exc.verify_code, "bad_certificate"), text)
    if exc.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        # TLS 1.3 has an alert of its own for it.
        return Alert("certificate_required" if version == "TLSv1.3" else "handshake_failure", text)
    return Alert(_REASONS.get(exc.reason or "", "handshake_failure"), text)
