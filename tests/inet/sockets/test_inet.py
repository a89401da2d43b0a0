"""The functions of inet that need a system: names, interfaces, the table of sockets."""

from typing import Any

import pytest

from actorsock import Error, Ok, gen_tcp, gen_udp, inet, ok

from ...stories import in_runtime


@pytest.mark.parametrize(
    ("name", "family", "result"),
    [
        ("localhost", "inet", Ok("127.0.0.1")),
        ("127.1", "inet", Ok("127.0.0.1")),
        ((127, 0, 0, 1), "inet", Ok("127.0.0.1")),
        ((127, 0, 0, 1), "inet6", Error("eafnosupport")),
        ("::1", "inet6", Ok("::1")),
        ("::1", "inet", Error("nxdomain")),
        ("no.such.invalid", "inet", Error("nxdomain")),
        ("", "inet", Error("nxdomain")),
        ("a b", "inet", Error("einval")),
        (b"localhost", "inet", Error("einval")),
        ((1, 2, 3), "inet", Error("einval")),
    ],
)
@in_runtime
async def test_getaddr(name: Any, family: Any, result: Any) -> None:
    assert await inet.getaddr(name, family) == result


@in_runtime
async def test_gethostbyname_and_gethostbyaddr() -> None:
    entry = ok(await inet.gethostbyname("localhost"))
    assert (entry.family, entry.length, entry.addresses) == ("inet", 4, ("127.0.0.1",))
    assert await inet.gethostbyname((1, 2, 3, 4)) == Error("einval")
    assert ok(await inet.gethostbyaddr("127.0.0.1")).addresses == ("127.0.0.1",)
    assert await inet.gethostbyaddr("localhost") == Error("einval")
    assert ok(inet.gethostname())


def test_getifaddrs() -> None:
    found = {interface.name: interface for interface in ok(inet.getifaddrs())}
    loopback = found["lo"]
    assert {"up", "loopback"} <= set(loopback.flags)
    assert "127.0.0.1" in [each.addr for each in loopback.addresses]


def test_the_interfaces_of_a_name_space(netns: str) -> None:
    assert [interface.name for interface in ok(inet.getifaddrs(netns))] == ["lo"]
    assert inet.getifaddrs("/nowhere") == Error("enoent")


@in_runtime
async def test_lists_of_names_have_one() -> None:
    sock = ok(gen_udp.open(0, {"ip": "127.0.0.1"}))
    assert inet.socknames(sock) == Ok([("127.0.0.1", ok(inet.port(sock)))])
    assert inet.peernames(sock) == Error("enotconn")
    ok(await inet.close(sock))
    assert inet.socknames(sock) == Error("einval")


@in_runtime
async def test_i_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    listener = ok(gen_tcp.listen(0))
    datagrams = ok(gen_udp.open(0))
    inet.i()
    titles, *rows = capsys.readouterr().out.splitlines()
    assert titles.split()[:3] == ["Port", "Module", "Recv"]
    assert [row.split()[1] for row in rows] == ["inet_tcp", "inet_udp"]
    inet.i("tcp")
    assert "inet_udp" not in capsys.readouterr().out
    inet.i("udp", ["fd", "port"])
    titles, row = capsys.readouterr().out.splitlines()
    assert titles.split() == ["Fd", "Port"]
    assert row.split()[0] == str(ok(inet.getfd(datagrams)))
    with pytest.raises(ValueError, match="transport"):
        inet.i("sctp")
    with pytest.raises(ValueError, match="columns"):
        inet.i("tcp", ["colour"])
    ok(await inet.close(listener))
    ok(await inet.close(datagrams))
