"""The examples of gen_tcp and gen_udp, each against a real peer where this machine has one."""

import re
import shutil
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ..certificates import client_context, issued

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "gen_tcp"
PATIENCE = 60

PRINTED = {
    "chat": r"""
        ann hears: \['\* ann has come'\]
        ann hears: \['\* bob has come'\]
        bob hears: \['\* bob has come', 'ann: hello', 'ann: how are you\?'\]
        ann hears: \['bob: fine, thanks'\]
        ann hears: \['\* bob has gone'\]
    """,
    "dns_listener": r"""
        one.test: 192.0.2.1
        TWO.test: 192.0.2.2
        three.test: error 3
    """,
    "mail_server": r"""
        ann@a.test to bob@b.test: 'a dot', 11 lines
    """,
    "redis_client": r"""
        set: b'OK'
        get: b'a line\\r\\nand another'
        get: None
        pipeline: \[1, 2\]
        lrange: \[b'a', b'', b'c'\]
        incr: ERR value is not an integer or out of range
        a million bytes come back: True
    """,
}


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *map(str, args)]


def check_output(name: str, *args: object) -> None:
    done = subprocess.run(command(name, *args), capture_output=True, text=True, timeout=PATIENCE)
    lines = "".join(f"{line.strip()}\n" for line in PRINTED[name].strip().splitlines())
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(lines, done.stdout), done.stdout


def unused_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(words: list[str], ready: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a program until the end of the block; begin it when a line with `ready` is printed."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program, next(line for line in program.stdout if ready in line)
        finally:
            program.terminate()


@contextmanager
def serving(name: str, *args: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run an example as a server; give its port."""
    with running(command(name, 0, *args), "listens on port") as (program, line):
        yield program, int(line.split()[-1])


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == PRINTED.keys()


@pytest.mark.parametrize("name", [name for name in PRINTED if name != "redis_client"])
def test_the_output_of_an_example(name: str) -> None:
    check_output(name)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server")
def test_the_client_of_redis_and_a_real_server(tmp_path: Path) -> None:
    port = unused_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with running(["redis-server", *options], "eady to accept connections"):
        check_output("redis_client", port)


def test_the_mail_server_and_smtplib() -> None:
    with serving("mail_server") as (server, port), smtplib.SMTP("127.0.0.1", port) as client:
        assert client.docmd("RCPT", "TO:<b@b.test>")[0] == 503
        assert client.docmd("TURN")[0] == 500
        lines = "".join(f"..line {number}\r\n" for number in range(5000))
        text = f"Subject: a long one\r\n\r\n.\r\n{lines}"
        assert client.sendmail("a@a.test", ["b@b.test", "c@c.test"], text) == {}
        assert server.stdout is not None
        assert (
            server.stdout.readline() == "a@a.test to b@b.test, c@c.test: 'a long one', 5003 lines\n"
        )


def test_the_mail_server_and_starttls(tmp_path: Path) -> None:
    pem = tmp_path / "certificate.pem"
    issued().private_key_and_cert_chain_pem.write_to_path(str(pem))
    with serving("mail_server", pem) as (server, port), smtplib.SMTP("localhost", port) as client:
        client.starttls(context=client_context())
        assert client.docmd("STARTTLS")[0] == 500  # once only
        assert not client.has_extn("STARTTLS")
        text = "Subject: in private\r\n\r\n" + "x" * 900 + "\r\n"
        assert client.sendmail("a@a.test", ["b@b.test"], text) == {}
        assert server.stdout is not None
        assert server.stdout.readline() == "a@a.test to b@b.test: 'in private', 3 lines\n"
    with serving("mail_server", pem) as (_, port), smtplib.SMTP("localhost", port) as client:
        # Commands that were sent in clear, behind STARTTLS, never count as sent by TLS.
        assert client.sock is not None
        client.sock.sendall(b"STARTTLS\r\nMAIL FROM:<evil@a.test>\r\n")
        assert client.getreply()[0] == 220
        with suppress(ConnectionResetError):
            assert client.sock.recv(99)[:1] in (b"", b"\x15")  # the end, or an alert


def test_the_mail_server_ends_a_connection_whose_line_is_too_long() -> None:
    with serving("mail_server") as (_, port):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall(b"NOOP" + b"x" * 100_000)
            with suppress(ConnectionResetError):  # there is more that nobody has read
                while sock.recv(99):
                    pass
        with smtplib.SMTP("127.0.0.1", port) as client:
            assert client.noop()[0] == 250  # others are served


QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3ONE\4test\0\0\1\0\1"


@pytest.mark.parametrize(
    ("query", "flags", "end"),
    [
        (QUERY, "8500", b"\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"),
        (QUERY.replace(b"ONE", b"six"), "8503", b"\3six\4test\0\0\1\0\1"),
        (QUERY[:-3] + b"\x1c\0\1", "8500", b"\0\x1c\0\1"),
        (QUERY[:20], "8501", b"\0" * 8),
    ],
    ids=["known", "unknown", "of IPv6", "cut off"],
)
def test_the_name_server_answers(query: bytes, flags: str, end: bytes) -> None:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with serving("dns_listener") as (_, port), client as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(query, ("127.0.0.1", port))
        answer = sock.recv(512)
    assert answer.startswith(b"\x12\x34" + bytes.fromhex(flags))
    assert answer.endswith(end)


@pytest.mark.skipif(shutil.which("dig") is None, reason="there is no dig")
def test_the_name_server_and_dig() -> None:
    with serving("dns_listener") as (_, port):
        words = ["dig", "@127.0.0.1", "-p", str(port), "+short", "two.test"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "192.0.2.2\n"
