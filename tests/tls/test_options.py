"""The options of TLS: what they make of a context, what is refused, and what cannot be used."""

import os
import ssl as stdlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms

from actorsock import Error, Ok
from actorsock.tls.options.contexts import context_for
from actorsock.tls.options.lists import TlsOptions, split
from actorsock.tls.options.table import OPTIONS

from ..certificates import as_options, authority, issued, write_files

CA = [stdlib.PEM_cert_to_DER_cert(authority().cert_pem.bytes().decode())]


def made(side: Any, **options: Any) -> stdlib.SSLContext:
    """Return the context that options give."""
    result = context_for(split(side, options)[0])
    assert isinstance(result, Ok), result
    return result.value


def client(**options: Any) -> stdlib.SSLContext:
    return made("client", cacerts=CA, **options)


def server(**options: Any) -> stdlib.SSLContext:
    return made("server", **as_options(issued()), **options)


def test_a_client_verifies_by_default_and_a_server_does_not() -> None:
    context = client()
    assert (context.verify_mode, context.check_hostname) == (stdlib.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1
    assert server().verify_mode == stdlib.CERT_NONE
    assert not client(server_name_indication="disable").check_hostname
    assert made("client", verify="verify_none").verify_mode == stdlib.CERT_NONE


@pytest.mark.parametrize(
    ("fails", "mode"), [(True, stdlib.CERT_REQUIRED), (False, stdlib.CERT_OPTIONAL)]
)
def test_a_server_that_verifies_clients(fails: bool, mode: int) -> None:
    context = server(cacerts=CA, verify="verify_peer", fail_if_no_peer_cert=fails)
    assert context.verify_mode == mode


def test_versions_are_a_range() -> None:
    context = client()
    assert context.minimum_version == stdlib.TLSVersion.TLSv1_2
    assert context.maximum_version == stdlib.TLSVersion.TLSv1_3
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context = client(versions=["tlsv1.2", "tlsv1.1"])
    assert context.minimum_version == stdlib.TLSVersion.TLSv1_1
    assert context.maximum_version == stdlib.TLSVersion.TLSv1_2


def test_ciphers_decide_on_versions_too() -> None:
    old = "ECDHE-RSA-AES128-GCM-SHA256"
    context = client(ciphers=old)
    assert context.maximum_version == stdlib.TLSVersion.TLSv1_2
    names = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert names == [old]
    by_map = {"key_exchange": "ecdhe_rsa", "cipher": "aes_128_gcm", "mac": "aead", "prf": "sha256"}
    newest = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]
    assert client(ciphers=[by_map, *newest]).maximum_version == stdlib.TLSVersion.TLSv1_3
    assert client(ciphers=newest).minimum_version == stdlib.TLSVersion.TLSv1_3
    with pytest.raises(ValueError, match="all suites or none"):
        client(ciphers=newest[:1])
    with pytest.raises(ValueError, match="none of them"):
        client(ciphers=old, versions=["tlsv1.3"])


def test_what_servers_have() -> None:
    assert server().num_tickets == 0
    assert server(session_tickets="stateless").num_tickets == 2
    assert not server().options & stdlib.OP_CIPHER_SERVER_PREFERENCE
    assert server(honor_cipher_order=True).options & stdlib.OP_CIPHER_SERVER_PREFERENCE
    assert server().options & stdlib.OP_NO_RENEGOTIATION
    assert not server(middlebox_comp_mode=False).options & stdlib.OP_ENABLE_MIDDLEBOX_COMPAT


def test_a_context_is_made_once_and_again_when_a_file_changes(tmp_path: Path) -> None:
    files = write_files(tmp_path)
    options = {name: files[name] for name in ("certfile", "keyfile")}
    first = made("server", **options)
    assert made("server", **options) is first
    other = issued("other.example")
    other.cert_chain_pems[0].write_to_path(files["certfile"])
    other.private_key_pem.write_to_path(files["keyfile"])
    assert made("server", **options) is not first


@pytest.mark.parametrize("name", ["certfile", "keyfile", "cacertfile"])
def test_each_file_counts(tmp_path: Path, name: str) -> None:
    files = write_files(tmp_path)
    pair = {each: files[each] for each in ("certfile", "keyfile")}
    options = {"cacertfile": files["cacertfile"], "certs_keys": [pair]}
    first = made("server", **options)
    assert made("server", **options) is first
    os.utime(files[name], (1, 1))
    assert made("server", **options) is not first


def test_clients_of_many_hosts_share_a_context() -> None:
    assert client(server_name_indication="a", depth=3) is client(server_name_indication="b")
    assert client() is not client(server_name_indication="disable")


def test_certificates_are_given_in_each_way(tmp_path: Path) -> None:
    files = write_files(tmp_path)
    pair = {name: files[name] for name in ("certfile", "keyfile")}
    made("server", certs_keys=[pair, as_options(issued("second.example"))])
    with open(files["certfile"], "ab") as both:
        both.write(issued().private_key_pem.bytes())
    made("server", certfile=files["certfile"])
    made("client", cacertfile=files["cacertfile"])
    made("client", cacerts="system")


def unusable(side: Any, **options: Any) -> Any:
    result = context_for(split(side, options)[0])
    assert isinstance(result, Error)
    return result.reason


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    files = write_files(tmp_path)
    missing, empty = str(tmp_path / "missing"), str(tmp_path / "empty")
    Path(empty).touch()
    certfile, keyfile = files["certfile"], files["keyfile"]
    other = str(tmp_path / "other.key")
    issued("other.example").private_key_pem.write_to_path(other)
    assert unusable("server", certfile=missing) == ("options", ("certfile", missing, "enoent"))
    assert unusable("server", certfile=certfile, keyfile=missing) == (
        "options", ("keyfile", missing, "enoent"),
    )  # fmt: skip
    assert unusable("server", certfile=certfile, keyfile=other)[1][:2] == ("keyfile", other)
    assert unusable("server", certfile=empty, keyfile=keyfile)[1][0] in ("certfile", "keyfile")
    assert unusable("client", cacertfile=missing) == ("options", ("cacertfile", missing, "enoent"))
    assert unusable("client", cacertfile=empty)[1][:2] == ("cacertfile", empty)
    assert unusable("server", **as_options(issued()), dhfile=empty)[1][:2] == ("dhfile", empty)
    # A peer is to be verified, by nobody.
    assert unusable("client") == ("options", ("cacertfile", ()))
    assert unusable("server", **as_options(issued()), verify="verify_peer")[1][0] == "cacertfile"


def test_a_key_with_a_password(tmp_path: Path) -> None:
    key = forms.load_pem_private_key(issued().private_key_pem.bytes(), None)
    files = write_files(tmp_path)
    Path(files["keyfile"]).write_bytes(
        key.private_bytes(
            forms.Encoding.PEM,
            forms.PrivateFormat.TraditionalOpenSSL,
            forms.BestAvailableEncryption(b"secret"),
        )
    )
    pair = {name: files[name] for name in ("certfile", "keyfile")}
    made("server", **pair, password="secret")
    made("server", **pair, password=lambda: b"secret")
    assert unusable("server", **pair, password="wrong")[1][0] == "keyfile"
    assert unusable("server", **pair)[1][0] == "keyfile"  # and no prompt at the terminal


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "another word": ("client", {"verify": "verify"}, "another word"),
    "a gap": ("client", {"versions": ["tlsv1.3", "tlsv1.1"]}, "'tlsv1.2' is missing"),
    "no version": ("client", {"versions": ["sslv3"]}, "'sslv3' is no version"),
    "no versions": ("client", {"versions": []}, "it is empty"),
    "no cipher": ("client", {"ciphers": "ROT13"}, "no cipher suite"),
    "of a server": ("client", {"alpn_preferred_protocols": ["h2"]}, "none of a client"),
    "of a client": ("server", {"server_name_indication": "a"}, "none of a server"),
    "refused": ("client", {"verify_fun": print}, "Python's ssl cannot set it"),
    "dtls": ("client", {"protocol": "dtls"}, "no DTLS"),
    "depth": ("client", {"depth": -1}, "below 0"),
    "alpn": ("server", {"alpn_preferred_protocols": ["\u00e9"]}, "ASCII"),
    "no host": ("client", {"server_name_indication": ".a"}, "no host name"),
    "key alone": ("server", {"keyfile": "x"}, "no certificate"),
    "fail without verify": ("server", {"fail_if_no_peer_cert": True}, "needs verify"),
    "context and more": (
        "client",
        {"context": stdlib.create_default_context(), "verify": "verify_none"},
        "the option context has it",
    ),
    "sni with a mode": ("server", {"sni_hosts": {"a": {"active": True}}}, "only a certificate"),
    "no mode": ("client", {"active": None}, "option active"),
    "sni": ("server", {"sni_hosts": {"a": {"packet": 4}}}, "only a certificate"),
    "unknown": ("client", {"cacertfiles": "x"}, "option 'cacertfiles': neither TLS nor a socket"),
}


@pytest.mark.parametrize(("side", "options", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_named(side: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        split(side, options)


@pytest.mark.parametrize(
    "options",
    [{"depth": True}, {"cert": "text"}, {"cacerts": 5}, {"context": 1}, {"certs_keys": "x"}, 5,
     {"versions": "tlsv1.3"}, {"certfile": 1}, {"password": 1}, {"key": ("x", b"")},
     {"server_name_indication": b"a"}],
)  # fmt: skip
def test_a_value_of_a_wrong_type(options: Any) -> None:
    with pytest.raises(TypeError):
        split("client", options)


def test_no_secret_is_shown() -> None:
    with pytest.raises(TypeError) as raised:
        split("client", {"key": ("NoKind", b"my secret")})
    assert "my secret" not in str(raised.value)
    with pytest.raises(ValueError, match="pasword") as misspelt:
        split("client", {"pasword": "my secret"})
    assert "my secret" not in str(misspelt.value)


def test_lists_are_taken_apart_in_erlangs_form() -> None:
    given = ["binary", ("verify", "verify_none"), ("active", "once"), ("packet", 4), ("depth", 1),
             ("depth", 2)]  # fmt: skip
    tls, others, active = split("client", given)
    assert dict(tls.values) == {"verify": "verify_none", "depth": 2}
    assert (others, active) == (["binary", ("packet", 4)], "once")


def test_later_options_replace_a_certificate_with_its_key() -> None:
    early = TlsOptions("server", {"certfile": "a", "keyfile": "b", "depth": 3})
    more = early.merged(TlsOptions("server", {"depth": 4}))
    assert dict(more.values) == {"certfile": "a", "keyfile": "b", "depth": 4}
    late = TlsOptions("server", {"certs_keys": ((("certfile", "c"),),)})
    assert dict(early.merged(late).values) == {"depth": 3, "certs_keys": ((("certfile", "c"),),)}


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_every_option_says_what_it_does_or_why_not(option: Any) -> None:
    assert option.use in ("context", "certificate", "connection", "kept", "refused")
    if option.use == "refused":
        with pytest.raises(ValueError, match=r"is refused: .+; accepted: nothing"):
            option.check(1)
