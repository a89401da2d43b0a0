"""Handshakes: who is trusted, what fails and how, upgrades of plain connections and back."""

import logging
import socket as stdlib
import ssl as tls
from math import inf
from typing import Any

import pytest
import trio

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    gen_tcp,
    inet,
    ok,
    receive,
    spawn,
    spawn_handler,
    spawn_monitor,
    ssl,
)
from actorsock.inet import Tcp
from actorsock.socket import SockAddrIn
from actorsock.ssl import Ssl, SslError

from ...certificates import NAME, as_options, client_context, issued, server_context
from ...inet.sockets.support import at_rest
from ...stories import in_runtime, until
from .support import (
    CA,
    HERE,
    TRUSTING,
    alert,
    listening,
    own,
    pair,
    port_of,
    shake,
    tcp_pair,
    tried,
)

OTHER_CA = [tls.PEM_cert_to_DER_cert(issued().cert_chain_pems[0].bytes().decode())]


@pytest.mark.parametrize("name", [None, NAME, "127.0.0.1", "disable"])
@in_runtime
async def test_a_server_that_is_trusted(name: str | None) -> None:
    client, server = await pair({} if name is None else {"server_name_indication": name})
    assert ok(ssl.peercert(client)) == as_options(issued())["cert"][0]
    assert ssl.peercert(server) == Error("no_peercert")
    assert ssl.negotiated_protocol(client) == Error("protocol_not_negotiated")
    facts = ok(ssl.connection_information(server))
    assert facts["protocol"] == "tlsv1.3"
    assert facts["selected_cipher_suite"]["mac"] == "aead"
    assert not facts["session_resumption"]
    assert "key" not in facts
    assert facts.get("sni_hostname") == {None: "localhost", NAME: NAME}.get(name)
    port = ok(ssl.sockname(server))[1]
    assert ssl.peername(client) == Ok((HERE, port))


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "unknown authority": ({"cacerts": OTHER_CA}, {}, "unknown_ca", "unknown_ca"),
    "another host": (
        {"server_name_indication": "other.example"}, {}, "handshake_failure", "bad_certificate",
    ),
    "no common version": (
        {"versions": ["tlsv1.2"]}, {"versions": ["tlsv1.3"]}, "protocol_version",
        "protocol_version",
    ),
    "no common suite": (
        {"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}, {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"},
        "handshake_failure", "insufficient_security",
    ),
    "no certificate of the client": (
        {"versions": ["tlsv1.2"]},
        {"cacerts": CA, "verify": "verify_peer", "fail_if_no_peer_cert": True},
        "handshake_failure", "handshake_failure",
    ),
    "an untrusted client": (
        {"versions": ["tlsv1.2"], **as_options(issued("client.example"))},
        {"cacerts": OTHER_CA, "verify": "verify_peer", "fail_if_no_peer_cert": True},
        "unknown_ca", "unknown_ca",
    ),
}  # fmt: skip
"""Options of client and server, and the alert that each side has for it."""


@pytest.mark.parametrize(("mine", "theirs", "here", "there"), REFUSALS.values(), ids=REFUSALS)
@in_runtime
async def test_refusals(
    mine: dict[str, Any], theirs: dict[str, Any], here: str, there: str
) -> None:
    client, server = await tried(mine, theirs)
    assert (alert(client), alert(server)) == (here, there)


@pytest.mark.parametrize("active", [True, False])
@in_runtime
async def test_a_client_of_tls_1_3_hears_of_its_missing_certificate_later(active: bool) -> None:
    theirs = {"cacerts": CA, "verify": "verify_peer", "fail_if_no_peer_cert": True}
    connected, refused = await tried({"active": active}, theirs)
    assert alert(refused) == "certificate_required"
    client = ok(connected)
    if active:
        message = await receive(SslError)
        assert (message.socket, alert(Error(message.reason))) == (client, "certificate_required")
    else:
        assert alert(await ssl.recv(client)) == "certificate_required"
    assert await ssl.recv(client) == Error("closed")


@pytest.mark.parametrize(
    "address",
    [(127, 0, 0, 1), {"family": "inet", "addr": "loopback"}, SockAddrIn("127.0.0.1", 0)],
    ids=["tuple", "dict", "record"],
)
@in_runtime
async def test_the_certificate_of_an_address(address: Any) -> None:
    listener, port = listening()
    place: tuple[Any, ...] = (address, port)
    if isinstance(address, dict):
        place = ({**address, "port": port},)
    elif isinstance(address, SockAddrIn):
        place = (SockAddrIn(address.addr, port),)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _serve() -> None:
            ok(await ssl.handshake(ok(await ssl.transport_accept(listener)), 20))

        client = ok(await ssl.connect(*place, options=TRUSTING, timeout=20))
    assert ok(ssl.peername(client)) == (HERE, port)
    ok(await ssl.close(client))
    ok(await ssl.close(listener))


@in_runtime
async def test_a_client_with_a_certificate() -> None:
    theirs = {"cacerts": CA, "verify": "verify_peer", "fail_if_no_peer_cert": True}
    mine = as_options(issued("client.example"))
    _, server = await pair(mine, theirs)
    assert ssl.peercert(server) == Ok(mine["cert"][0])


@in_runtime
async def test_a_chain_of_certificates_has_a_depth() -> None:
    import trustme

    root = trustme.CA(key_type=trustme.KeyType.ECDSA)
    leaf = root.create_child_ca(key_type=trustme.KeyType.ECDSA).issue_cert("localhost")
    trusted = [tls.PEM_cert_to_DER_cert(root.cert_pem.bytes().decode())]
    client, _ = await tried({"cacerts": trusted, "depth": 1}, as_options(leaf))
    assert isinstance(client, Ok)
    client, _ = await tried({"cacerts": trusted, "depth": 0}, as_options(leaf))
    assert alert(client) == "bad_certificate"


@in_runtime
async def test_protocols_are_negotiated() -> None:
    theirs = {"alpn_preferred_protocols": ["h2", "http/1.1"]}
    client, server = await pair({"alpn_advertised_protocols": ["http/1.1", "h2"]}, theirs)
    assert ssl.negotiated_protocol(client) == ssl.negotiated_protocol(server) == Ok("h2")


@pytest.mark.parametrize("way", ["sni_hosts", "sni_fun"])
@in_runtime
async def test_certificates_by_the_name_that_the_client_asks_for(way: str) -> None:
    other = as_options(issued("other.example"))
    given: Any = {"other.example": other}
    theirs = {way: given if way == "sni_hosts" else given.get}
    client, server = await pair({"server_name_indication": "other.example"}, theirs)
    assert ssl.peercert(client) == Ok(other["cert"][0])
    assert ok(ssl.connection_information(server))["sni_hostname"] == "other.example"
    client, _ = await pair({"server_name_indication": NAME}, theirs)
    assert ssl.peercert(client) == Ok(as_options(issued())["cert"][0])


@in_runtime
async def test_ready_contexts_in_place_of_options() -> None:
    one, other = await tcp_pair()
    mine = {"context": client_context(), "server_name_indication": NAME}
    client, server = map(ok, await shake(one, other, mine, {"context": server_context()}))
    ok(await ssl.send(server, b"hi"))
    assert await ssl.recv(client) == Ok(b"hi")
    one, _ = await tcp_pair()
    with pytest.raises(ValueError, match="server_name_indication"):
        await ssl.connect(one, {**mine, "server_name_indication": "disable"})


@in_runtime
async def test_what_prevents_a_connection_before_its_handshake() -> None:
    assert ssl.listen(0, {"ip": HERE}) == Error("nooptions")
    verifying = {**own(), "verify": "verify_peer"}
    assert ssl.listen(0, verifying) == Error(("options", ("cacertfile", ())))
    assert await ssl.connect("localhost", 1) == Error(("options", ("cacertfile", ())))
    assert await ssl.connect("localhost", 1, TRUSTING) == Error("econnrefused")
    assert await ssl.connect("no.such.invalid", 1, TRUSTING, 20) == Error("nxdomain")
    for wrong in ({"foo": 1}, {"active": "twice"}, {"verify": 1}):
        with pytest.raises(ValueError, match="option"):
            await ssl.connect("localhost", 1, {**TRUSTING, **wrong})
        with pytest.raises(ValueError, match="option"):
            ssl.listen(0, {**own(), **wrong})
    with pytest.raises(ValueError, match="'' is no host name"):
        await ssl.connect("", 1, TRUSTING)
    with pytest.raises(ValueError, match="address"):
        await ssl.connect((1, 2, 3), 1, TRUSTING)
    listener, port = listening()
    assert ssl.listen(port, own()) == Error("eaddrinuse")
    ok(await ssl.close(listener))


@in_runtime
async def test_what_listening_and_accepted_sockets_answer() -> None:
    listener, port = listening(packet=2)
    assert await ssl.send(listener, b"x") == await ssl.recv(listener) == Error("enotconn")
    assert ssl.peername(listener) == ssl.shutdown(listener, "write") == Error("enotconn")
    assert await ssl.transport_accept(listener, 0) == Error("timeout")
    assert ssl.getopts(listener, ["active", "packet"]) == Ok({"active": False, "packet": 2})
    ok(ssl.setopts(listener, {"active": 3, "packet": 4}))
    with stdlib.create_connection((HERE, port)):
        accepted = ok(await ssl.transport_accept(listener))
        assert ok(ssl.sockname(accepted)) == (HERE, port)
        unready = Error("notsup_on_transport_accept_socket")
        assert await ssl.send(accepted, b"x") == await ssl.recv(accepted) == unready
        assert ssl.setopts(accepted, {}) == ssl.getopts(accepted, []) == unready
        assert await ssl.transport_accept(accepted) == Error("einval")
        ok(await ssl.close(accepted))
        assert await ssl.handshake(accepted) == await ssl.recv(accepted) == Error("closed")
    options = {**TRUSTING, "packet": 4}
    results: list[Any] = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _serve() -> None:
            accepted = ok(await ssl.transport_accept(listener))
            results.append(ok(await ssl.handshake(accepted, {"packet_size": 9}, 20)))

        client = ok(await ssl.connect("localhost", port, options))
    assert ssl.getopts(results[0], ["active", "packet", "packet_size"]) == Error("closed")
    ok(await ssl.close(client))
    ok(await ssl.close(listener))
    assert ssl.setopts(listener, {"active": True}) == ssl.getopts(listener, []) == Error("closed")
    assert await ssl.transport_accept(listener) == Error("closed")


# ---- peers that do not do their part ---------------------------------------------------------


@in_runtime
async def test_a_silent_peer() -> None:
    listener, port = listening()
    with stdlib.create_server((HERE, 0)) as silent, stdlib.create_connection((HERE, port)) as sock:
        silent_port = silent.getsockname()[1]
        assert await ssl.connect(HERE, silent_port, TRUSTING, 0.05) == Error("timeout")
        accepted = ok(await ssl.transport_accept(listener))
        assert await ssl.handshake(accepted, 0.05) == Error("timeout")
        assert await trio.to_thread.run_sync(sock.recv, 9) == b""
        assert await ssl.handshake(accepted) == Error("closed")
    ok(await ssl.close(listener))


NO_TLS = {
    "closes": (b"", Error("closed")),
    "closes in a record": (b"\x16\3\3\0d\2", Error("closed")),
    "speaks SMTP": (b"220 mail\r\n", "unexpected_message"),
}


@pytest.mark.parametrize(("says", "result"), NO_TLS.values(), ids=NO_TLS)
@in_runtime
async def test_a_peer_that_talks_no_tls(says: bytes, result: Any) -> None:
    def peer(sock: stdlib.socket) -> None:
        with sock:
            sock.recv(1)
            sock.sendall(says)
            sock.shutdown(stdlib.SHUT_WR)
            while sock.recv(9999):
                pass

    with stdlib.create_server((HERE, 0)) as server:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _accept() -> None:
                sock, _ = await trio.to_thread.run_sync(server.accept)
                await trio.to_thread.run_sync(peer, sock)

            got = await ssl.connect(HERE, server.getsockname()[1], TRUSTING, 20)
    assert (got if isinstance(result, Error) else alert(got)) == result


@in_runtime
async def test_a_peer_that_stops_at_each_byte_of_its_hello() -> None:
    context = client_context()
    outgoing = tls.MemoryBIO()
    hello = context.wrap_bio(tls.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(tls.SSLWantReadError):
        hello.do_handshake()
    sent = outgoing.read()
    listener, port = listening()
    for kept in range(0, len(sent), 7):
        with stdlib.create_connection((HERE, port)) as sock:
            sock.sendall(sent[:kept])
            sock.shutdown(stdlib.SHUT_WR)
            accepted = ok(await ssl.transport_accept(listener))
            assert await ssl.handshake(accepted, 20) == Error("closed")
    ok(await ssl.close(listener))


@pytest.mark.parametrize("end", ["killed", "cancelled"])
@in_runtime
async def test_a_handshake_whose_process_is_ended(end: str) -> None:
    listener, port = listening()

    async def serve(accepted: Any) -> None:
        await ssl.handshake(accepted)

    with stdlib.create_connection((HERE, port)) as sock:
        accepted = ok(await ssl.transport_accept(listener))
        if end == "killed":
            pid, down = spawn_monitor(serve, accepted)
            await at_rest()
            exit(pid, "kill")
            await receive(down)
        else:
            with trio.move_on_after(0.01):
                await ssl.handshake(accepted)
        assert await trio.to_thread.run_sync(sock.recv, 9) == b""
    ok(await ssl.close(listener))


@in_runtime
async def test_alerts_are_logged_unless_the_option_says_no(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "actorsock.ssl"):
        await tried({"cacerts": OTHER_CA, "log_level": "none"})
    (record,) = caplog.records
    assert "TLS server: " in record.getMessage()
    assert "(received unknown_ca)" in record.getMessage()


@in_runtime
async def test_a_record_that_was_changed_on_the_way() -> None:
    for active in (True, False):
        client, server = await pair({}, {"active": active})
        client._actor.sock.send(b"\x17\3\3\0\x14" + bytes(20))
        if active:
            message = await receive(SslError)
            assert (message.socket, alert(Error(message.reason))) == (server, "bad_record_mac")
        else:
            assert alert(await ssl.recv(server)) == "bad_record_mac"
        assert await ssl.send(server, b"x") == Error("closed")
        assert alert(await ssl.recv(client)) == "bad_record_mac"


# ---- from plain to TLS and back --------------------------------------------------------------


@in_runtime
async def test_both_sides_begin_tls_on_a_connection_in_line_mode() -> None:
    one, other = await tcp_pair({"packet": "line"}, {"packet": "line"})
    ok(await gen_tcp.send(one, b"STARTTLS\r\n"))
    assert await gen_tcp.recv(other) == Ok(b"STARTTLS\r\n")
    ok(await gen_tcp.send(other, b"220 ready\r\n"))
    assert await gen_tcp.recv(one) == Ok(b"220 ready\r\n")
    options = {"cacerts": CA, "server_name_indication": "localhost"}
    client, server = map(ok, await shake(one, other, options, as_options(issued())))
    assert ssl.getopts(server, ["packet", "active"]) == Ok({"packet": "line", "active": False})
    ok(await ssl.send(client, b"in private\n"))
    assert await ssl.recv(server) == Ok(b"in private\n")
    assert await gen_tcp.send(one, b"x") == await gen_tcp.recv(other) == Error("closed")
    assert inet.info(one).states == ("closed",)


@in_runtime
async def test_an_upgrade_checks_the_address_unless_there_is_a_name() -> None:
    client, _ = await shake(*await tcp_pair(), {"cacerts": CA}, as_options(issued()))
    assert isinstance(client, Ok)
    nameless = as_options(issued("elsewhere.example"))
    client, _ = await shake(*await tcp_pair(), {"cacerts": CA}, nameless)
    assert alert(client) == "handshake_failure"


@in_runtime
async def test_options_of_an_upgrade_and_the_mode_that_a_socket_has() -> None:
    one, other = await tcp_pair()
    ok(inet.setopts(other, {"active": "once"}))
    theirs = {**as_options(issued()), "packet": 4}
    client, server = map(ok, await shake(one, other, {"cacerts": CA, "packet": 4}, theirs))
    assert ssl.getopts(server, ["active", "packet"]) == Ok({"active": "once", "packet": 4})
    ok(await ssl.send(client, b"one"))
    ok(await ssl.send(client, b"two"))
    assert await receive() == Ssl(server, b"one")
    assert await ssl.recv(server) == Ok(b"two")
    one, other = await tcp_pair()
    wrong: dict[str, Any] = {"'foo'": {"foo": 1}, "'packet'": {"nodelay": True, "packet": "lines"}}
    for named, options in wrong.items():
        with pytest.raises(ValueError, match=f"option {named}: "):
            await ssl.connect(one, {"cacerts": CA, **options})
    with pytest.raises(ValueError, match="option 'inet7': "):
        await ssl.connect(one, [("cacerts", CA), "inet7"])
    with pytest.raises(ValueError, match="'cacertfiles'"):  # not that there is no authority
        await ssl.connect("localhost", 1, {"cacertfiles": "ca.pem"})


@pytest.mark.parametrize("hello", [True, False], ids=["its hello", "commands in clear"])
@in_runtime
async def test_bytes_behind_starttls_belong_to_the_handshake(hello: bool) -> None:
    """A peer may send its hello at once; commands in clear must never count as sent by TLS."""
    listener = ok(gen_tcp.listen(0, {"ip": HERE, "active": False, "packet": "line"}))

    def client() -> str:
        with stdlib.create_connection((HERE, port_of(listener)), timeout=20) as sock:
            incoming, outgoing = tls.MemoryBIO(), tls.MemoryBIO()
            engine = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(tls.SSLWantReadError):
                engine.do_handshake()
            first = outgoing.read() if hello else b"RSET\r\n" * 20
            sock.sendall(b"STARTTLS\r\n" + first)
            while data := sock.recv(9999):
                incoming.write(data)
                try:
                    engine.do_handshake()
                    sock.sendall(outgoing.read())
                    return "done"
                except tls.SSLWantReadError:
                    pass
                except tls.SSLError as exc:
                    return str(exc.reason)
            return "end"

    results: list[str] = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _client() -> None:
            results.append(await trio.to_thread.run_sync(client))

        plain = ok(await gen_tcp.accept(listener))
        assert await gen_tcp.recv(plain) == Ok(b"STARTTLS\r\n")
        secure = await ssl.handshake(plain, as_options(issued()), 20)
    if hello:
        assert (results, isinstance(secure, Ok)) == (["done"], True)
    else:
        assert (results, alert(secure)) == (["end"], "unexpected_message")
    ok(await gen_tcp.close(listener))


@in_runtime
async def test_what_is_queued_goes_out_before_the_handshake() -> None:
    lots = 2**23
    listener = ok(gen_tcp.listen(0, {"ip": HERE, "active": False}))
    got: list[int] = []

    async def client() -> None:
        one = ok(await gen_tcp.connect(HERE, port_of(listener), {"active": False}))
        got.append(len(ok(await gen_tcp.recv(one, lots))))
        ok(await ssl.connect(one, {"cacerts": CA}, 20))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client)
        other = ok(await gen_tcp.accept(listener))
        ok(await gen_tcp.send(other, bytes(lots)))
        assert isinstance(await ssl.handshake(other, as_options(issued()), 20), Ok)
    assert got == [lots]
    ok(await gen_tcp.close(listener))


@in_runtime
async def test_upgrades_that_cannot_begin() -> None:
    one, other = await tcp_pair()
    results: list[Any] = []

    async def stranger() -> None:
        results.append(await ssl.handshake(other, as_options(issued())))
        results.append(await ssl.connect(one, {"cacerts": CA}))

    spawn(stranger)
    await until(lambda: len(results) == 2)
    assert results == [Error("not_owner")] * 2
    assert await ssl.handshake(other) == Error("nooptions")
    assert await ssl.connect(one) == Error(("options", ("cacertfile", ())))
    ok(await gen_tcp.send(other, b"still plain"))
    assert await gen_tcp.recv(one) == Ok(b"still plain")
    assert await ssl.connect(one, {"cacerts": CA}, 0.05) == Error("timeout")
    ok(await gen_tcp.close(other))
    assert await ssl.handshake(other, own()) == await ssl.connect(one) == Error("closed")
    for one, other in (await tcp_pair(), reversed(await tcp_pair())):
        ok(await gen_tcp.close(other))
        assert await gen_tcp.recv(one) == Error("closed")  # lost, and not closed by the program
        assert await ssl.connect(one, {"cacerts": CA}) == Error("closed")
        assert await ssl.handshake(one, own()) == Error("closed")
    listener = ok(gen_tcp.listen(0, {"ip": HERE}))
    assert await ssl.connect(listener, {"cacerts": CA}) == Error("enotconn")
    assert await ssl.handshake(listener, as_options(issued())) == Error("enotconn")
    ok(await gen_tcp.close(listener))
    for wrong in ("sock", None):
        with pytest.raises(TypeError):
            await ssl.handshake(wrong)  # type: ignore[arg-type]


@in_runtime
async def test_no_packet_is_lost_that_a_killed_reader_was_woken_with() -> None:
    one, other = await tcp_pair({"packet": "line"}, {"packet": "line"})
    reader = spawn(gen_tcp.recv, other)
    await at_rest()
    one._actor.send_at_once(b"STARTTLS\n")
    other._actor.on_ready(True, False, False)  # has a result from here on, and has not run
    assert await ssl.handshake(other, as_options(issued())) == Error("ealready")
    exit(reader, "kill")
    await at_rest()
    assert await ssl.handshake(other, as_options(issued())) == Error("ealready")
    assert await gen_tcp.recv(other) == Ok(b"STARTTLS\n")
    options = {"cacerts": CA, "server_name_indication": "localhost"}
    for result in await shake(one, other, options, as_options(issued())):
        assert isinstance(result, Ok)


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
@in_runtime
async def test_both_sides_go_back_to_plain_tcp(version: str) -> None:
    client, server = await pair({"versions": [version]})
    plain: dict[str, Any] = {}

    async def leaves(name: str, sock: Any, rest: bytes) -> None:
        plain[name] = ok(await ssl.close(sock, (me, 20)))
        ok(await gen_tcp.send(plain[name], rest))

    me = current_pid()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leaves, "client", client, b"from the client")
        nursery.start_soon(leaves, "server", server, b"from the server")
    assert await gen_tcp.recv(plain["client"]) == Ok(b"from the server")
    ok(inet.setopts(plain["server"], {"active": "once"}))
    assert await receive() == Tcp(plain["server"], b"from the client")
    assert await ssl.send(client, b"x") == Error("closed")
    for sock in plain.values():
        ok(await gen_tcp.close(sock))


@in_runtime
async def test_a_way_back_whose_owner_ends_meanwhile() -> None:
    client, server = await pair()
    heir = spawn_handler(lambda message: None)

    async def leaves() -> None:
        sock = ok(await ssl.close(client, (heir, 20)))
        assert sock is not None
        assert inet.info(sock).states == ("closed",)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leaves)
        await at_rest()
        exit(heir, "kill")
        await ssl.close(server, (current_pid(), 20))


@in_runtime
async def test_ways_back_that_the_peer_does_not_go() -> None:
    client, server = await pair()
    assert await ssl.close(client, (current_pid(), 0.05)) == Error("timeout")
    assert await ssl.close(client, (current_pid(), inf)) == Error("closed")
    assert await ssl.recv(server) == Error("closed")
    client, server = await pair()
    server._actor.sock.shutdown(stdlib.SHUT_RDWR)  # no announcement
    assert await ssl.close(client, (current_pid(), 20)) == Error("closed")
    listener, _ = listening()
    assert await ssl.close(listener, (current_pid(), 1)) == Error("closed")
    ok(await ssl.close(listener))


@in_runtime
async def test_a_peer_that_goes_on_sending_instead_holds_up_nobody_else() -> None:
    client, server = await pair()
    calm, quiet = await pair()
    results: list[Any] = []

    async def leaves(me: Any) -> None:
        results.append(await ssl.close(client, (me, 0.3)))

    async def floods() -> None:
        while isinstance(await ssl.send(server, bytes(2**20)), Ok):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(floods)
        nursery.start_soon(leaves, current_pid())
        for number in range(20):
            ok(await ssl.send(calm, bytes((number,))))
            assert await ssl.recv(quiet) == Ok(bytes((number,)))
    assert results == [Error("timeout")]


def test_errors_in_words() -> None:
    words = {
        "closed": "TLS connection is closed",
        "econnrefused": "connection refused",
        "nxdomain": "non-existing domain",
        "timeout": "Unexpected error: timeout",
        ("tls_alert", ("unknown_ca", "the text")): "the text",
        ("options", ("cacertfile", "x", "enoent")): "Invalid CA certificate file x: no such file",
        ("options", ("cacertfile", ())): "No authorities are given",
        ("options", ("socket_options", "foo", "einval")): "Invalid transport socket option foo",
        ("options", ("verify", "foo")): "Invalid TLS option: ('verify', 'foo')",
    }
    for reason, text in words.items():
        assert ssl.format_error(reason).startswith(text)
        assert ssl.format_error(Error(reason)) == ssl.format_error(reason)
