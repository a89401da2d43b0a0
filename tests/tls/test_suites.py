"""Cipher suites under Erlang's names."""

import pytest

from actorsock import ssl
from actorsock.tls.engine.suites import VERSIONS

NAMES = {
    "TLS_AES_256_GCM_SHA384": ("TLS_AES_256_GCM_SHA384", "any", "aes_256_gcm", "aead", "sha384"),
    "ECDHE-ECDSA-AES128-GCM-SHA256": (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ecdhe_ecdsa", "aes_128_gcm", "aead", "sha256",
    ),
    "ECDHE-RSA-CHACHA20-POLY1305": (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ecdhe_rsa", "chacha20_poly1305", "aead",
        "sha256",
    ),
    "ECDHE-RSA-AES256-SHA384": (
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ecdhe_rsa", "aes_256_cbc", "sha384", "sha384",
    ),
    "DHE-RSA-AES128-SHA256": (
        "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "dhe_rsa", "aes_128_cbc", "sha256", "default_prf",
    ),
    "ECDHE-ECDSA-AES256-CCM8": (
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ecdhe_ecdsa", "aes_256_ccm_8", "aead", "default_prf",
    ),
    "AES128-SHA": ("TLS_RSA_WITH_AES_128_CBC_SHA", "rsa", "aes_128_cbc", "sha", "default_prf"),
}  # fmt: skip
"""OpenSSL's names, and what Erlang calls the same suites and their parts."""


@pytest.mark.parametrize(("openssl", "erlangs"), NAMES.items(), ids=NAMES)
def test_the_names_of_a_suite(openssl: str, erlangs: tuple[str, ...]) -> None:
    names = ssl.cipher_suites("all", "tlsv1.3", "openssl")
    if openssl not in names:
        pytest.skip("this OpenSSL has no such suite")
    at = names.index(openssl)
    rfc, exchange, cipher, mac, prf = erlangs
    assert ssl.cipher_suites("all", "tlsv1.3", "rfc")[at] == rfc
    assert ssl.cipher_suites("all", "tlsv1.3")[at] == {
        "key_exchange": exchange, "cipher": cipher, "mac": mac, "prf": prf,
    }  # fmt: skip


def test_versions_have_the_suites_of_earlier_ones_unless_exclusive() -> None:
    newest = ssl.cipher_suites("exclusive", "tlsv1.3", "rfc")
    assert "TLS_AES_128_GCM_SHA256" in newest
    assert all("WITH" not in str(name) for name in newest)
    sizes = [len(ssl.cipher_suites("all", version)) for version in VERSIONS]
    assert sizes == sorted(sizes)
    assert set(newest) < set(ssl.cipher_suites("default", "tlsv1.3", "rfc"))
    anonymous = ssl.cipher_suites("anonymous", "tlsv1.2")
    assert all(str(suite["key_exchange"]).endswith("anon") for suite in anonymous)  # type: ignore[index]


@pytest.mark.parametrize("wrong", [("some", "tlsv1.3"), ("all", "sslv3"), ("all", "tlsv1.3", "x")])
def test_other_words_are_refused(wrong: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        ssl.cipher_suites(*wrong)  # type: ignore[arg-type]
