"""The engine: any cutting of the bytes gives the same data, and each kind of end is told apart."""

import ssl
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock.tls.engine.alerts import Alert
from actorsock.tls.engine.engine import CLOSE_NOTIFY, TRUNCATED, Engine

from ..certificates import authority, issued
from .engines import VERSIONS, carry, client_of, connected, server_of

every_version = pytest.mark.parametrize("version", VERSIONS)
versions = st.sampled_from(VERSIONS)
messages = st.lists(st.binary(max_size=200) | st.just(bytes(40_000)), max_size=5)


def name_of(end: Any) -> str:
    assert isinstance(end, Alert), end
    return end.name


@settings(max_examples=60)
@given(st.data(), versions, messages, st.booleans(), st.booleans())
def test_any_cutting_gives_the_same_data(
    data: Any, version: str, sent: list[bytes], server_sends: bool, announced: bool
) -> None:
    there, here = connected(version, size=data.draw(st.integers(1, 3000)))
    if server_sends:
        there, here = here, there
    for message in sent:
        assert there.seal(message) == len(message)
    if announced:
        there.announce_end()
    stream = there.outgoing()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    got = b""
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += here.open(stream[start:stop])
    here.feed_eof()
    got += here.open()
    assert got == b"".join(sent)
    assert here.end == (CLOSE_NOTIFY if announced else TRUNCATED)
    assert here.open() == b""


@every_version
def test_a_stream_cut_at_each_byte_is_a_truncated_one(version: str) -> None:
    there, _ = connected(version)
    there.seal(b"data")
    length = len(there.outgoing())
    for kept in range(length + 1):
        there, here = connected(version)
        there.seal(b"data")
        here.feed(there.outgoing()[:kept])
        here.feed_eof()
        assert here.open() == (b"data" if kept == length else b"")
        assert here.end == TRUNCATED


@every_version
def test_a_handshake_cut_at_each_byte_does_not_complete(version: str) -> None:
    client = Engine(client_of(version), server_side=False, server_hostname="localhost")
    client.handshake()
    hello = client.outgoing()
    for kept in range(len(hello)):
        server = Engine(server_of(version), server_side=True)
        server.feed(hello[:kept])
        assert not server.handshake()
        assert server.end is None
        server.feed_eof()
        assert not server.handshake()
        assert server.end == TRUNCATED
    server = Engine(server_of(version), server_side=True)
    server.feed(hello)
    server.handshake()
    flight = server.outgoing()
    for kept in range(0, len(flight), 5):
        client = Engine(client_of(version), server_side=False, server_hostname="localhost")
        client.handshake()
        server = Engine(server_of(version), server_side=True)
        server.feed(client.outgoing())
        server.handshake()
        client.feed(server.outgoing()[:kept])
        client.feed_eof()
        client.handshake()
        assert client.end == TRUNCATED or kept > len(flight) - 20


@every_version
def test_data_behind_the_handshake_waits(version: str) -> None:
    client = Engine(client_of(version), server_side=False, server_hostname="localhost")
    server = Engine(server_of(version), server_side=True)
    client.handshake()
    server.feed(client.outgoing())
    server.handshake()
    client.feed(server.outgoing())
    client.handshake()
    if client.established:  # TLS 1.3: its data may follow at once
        client.seal(b"early bird")
    server.feed(client.outgoing())
    assert server.handshake()
    assert server.holds_input == client.established
    assert server.open() == (b"early bird" if client.established else b"")


def test_tickets_give_no_data() -> None:
    client, server = connected("TLSv1_3")
    assert client.open() == b""
    assert client.end is None
    server.seal(b"data")
    assert client.open(server.outgoing()) == b"data"


@every_version
def test_a_changed_byte_ends_the_connection_on_both_sides(version: str) -> None:
    client, server = connected(version)
    client.seal(b"good")
    client.seal(b"bad")
    stream = bytearray(client.outgoing())
    stream[-1] ^= 1
    assert server.open(bytes(stream)) == b"good"
    assert name_of(server.end) == "bad_record_mac"
    assert server.seal(b"more") == 0
    assert client.open(server.outgoing()) == b""
    assert name_of(client.end) == "bad_record_mac"
    assert isinstance(client.end, Alert)
    assert client.end.received


@every_version
def test_data_of_the_peer_is_read_after_the_own_end(version: str) -> None:
    client, server = connected(version)
    server.seal(b"first")
    client.feed(server.outgoing())
    server.seal(bytes(20_000))
    stream = server.outgoing()
    client.feed(stream[:9_000])
    client.announce_end()
    assert server.open(client.outgoing()) == b""
    assert server.end == CLOSE_NOTIFY
    client.announce_end()
    assert not client.has_outgoing  # once is enough
    got = client.open()
    server.announce_end()
    got += client.open(stream[9_000:] + server.outgoing() + b"in clear")
    assert got == b"first" + bytes(20_000)
    assert client.end == CLOSE_NOTIFY
    assert client.rest() == b"in clear"


def test_nothing_is_announced_in_a_handshake() -> None:
    client = Engine(client_of("TLSv1_3"), server_side=False, server_hostname="localhost")
    client.handshake()
    client.outgoing()
    client.announce_end()
    assert not client.has_outgoing


def test_a_send_in_a_handshake_of_the_peer_waits_for_it() -> None:
    class Busy:
        """An object of the `ssl` module whose peer has begun another handshake."""

        def write(self, data: bytes) -> int:
            raise ssl.SSLWantReadError

    client, server = connected("TLSv1_2")
    real, client._write = client._write, Busy().write
    assert client.seal(b"data") == 0
    assert client.blocked
    server.seal(b"news")
    client.feed(server.outgoing())
    assert not client.blocked
    client._write = real
    assert client.seal(b"data") == 4


NONSENSE = {
    "SMTP": (b"220 mail.example ESMTP\r\n", "unexpected_message"),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", "unexpected_message"),
    "empty handshake": (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", None),
    "early data": (b"\x17\x03\x03\x00\x04\x02\x00\x00\x00", "unexpected_message"),
    "long record": (b"\x16\x03\x03\xff\xff\x02\x00\x00\x00", "record_overflow"),
}


@pytest.mark.parametrize(("sent", "name"), NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_peer_that_talks_no_tls(side: str, sent: bytes, name: str | None) -> None:
    if side == "client":
        engine = Engine(client_of("TLSv1_3"), server_side=False, server_hostname="localhost")
        engine.handshake()
        engine.outgoing()
    else:
        engine = Engine(server_of("TLSv1_3"), server_side=True)
    engine.feed(sent)
    assert not engine.handshake()
    assert name_of(engine.end) == (name or name_of(engine.end))
    assert not engine.handshake()


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_no_bytes_of_a_peer_raise(junk: bytes, established: bool) -> None:
    engine = connected()[1] if established else Engine(server_of("TLSv1_3"), server_side=True)
    engine.feed(junk)
    engine.open() if established else engine.handshake()
    engine.feed_eof()
    engine.open() if established else engine.handshake()
    assert engine.end is not None


ALERTS = {
    10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 42: "bad_certificate",
    43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
    46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied",
    50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
    80: "internal_error", 86: "inappropriate_fallback", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognised_name",
    113: "bad_certificate_status_response", 115: "unknown_psk_identity",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
"""Erlang's names of the alerts of TLS, by their numbers."""


@pytest.mark.parametrize(("number", "name"), ALERTS.items(), ids=ALERTS.values())
def test_an_alert_of_the_peer_has_its_name(number: int, name: str) -> None:
    client = Engine(client_of("TLSv1_3"), server_side=False, server_hostname="localhost")
    client.handshake()
    client.feed(bytes((21, 3, 3, 0, 2, 2, number)))
    assert not client.handshake()
    assert name_of(client.end) == name
    assert isinstance(client.end, Alert)
    assert client.end.received
    assert client.end.reason == ("tls_alert", (name, client.end.text))
    assert client.end.text.startswith("TLS client: ")


@pytest.mark.parametrize(
    ("version", "name"), [("TLSv1_2", "handshake_failure"), ("TLSv1_3", "certificate_required")]
)
def test_a_client_without_a_certificate(version: str, name: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    issued().configure_cert(context)
    authority().configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = Engine(client_of(version), server_side=False, server_hostname="localhost")
    server = Engine(context, server_side=True)
    carry(client, server)
    assert name_of(server.end) == name
    client.open()  # in TLS 1.3 its handshake was complete before
    assert name_of(client.end) == name
