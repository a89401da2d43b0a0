"""The examples, run as programs."""

import importlib.util
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

import actorsock
from actorsock import Error, Ok, current_pid, ending, is_alive, ok, otp, receive, send

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"

# The output of each program, as a regular expression.
PRINTED = {
    "all_cores": r"""
        2 programs answer on one port
        one was killed
        2 programs answer again, 1 of them is new
    """,
    "documented_pair": r"""
        the server listens on port \d+
        the client has received its hello
        the server has ended with reason 'normal'
    """,
    "http_server": r"""
        GET /: hello
        GET /divide/1/0: no answer
        GET /divide/1/2: 0\.5
        POST /count: 1000000 bytes
    """,
    "inside_trio": r"""
        (one: ONE|two: TWO|three: THREE)
        (?!\1)(one: ONE|two: TWO|three: THREE)
        (?!\1|\2)(one: ONE|two: TWO|three: THREE)
        the runtime has ended; trio's server still runs
    """,
    "key_value_server": r"""
        ann sets: Ok\(value=b'done'\)
        bob gets: Ok\(value=b'blue'\)
        bob says please: Error\(reason='closed', data=None\)
        connection 2 has crashed: ValueError\("not a command: \[b'please'\]"\)
        ann gets: Ok\(value=b'blue'\)
    """,
    "many_sockets": r"""
        100 of 100 clients got back what they sent
        one process has served them all, after \d+ select messages
    """,
    "ping_pong": r"""
        ping 1, pong 1
        ping 2, pong 2
        ping 3, pong 3
        first in the mailbox: a letter, read when the game is over
        the player has ended with reason 'normal'
        the second one has ended with reason 'killed'
    """,
    "supervised_server": r"""
        ann adds 3: Ok\(value=b'3'\)
        bob adds 4: Ok\(value=b'7'\)
        bob adds x: Error\(reason='closed', data=None\)
        the counter has crashed: ValueError\("invalid literal .*: b'x'"\)
        ann adds 5: Ok\(value=b'5'\)
        connections: 1
        ann, when the server has stopped: Error\(reason='closed', data=None\)
    """,
    "udp": r"""
        say hello: HELLO
        say it again: IT AGAIN
        what\?: no answer
    """,
}

# The log of each program; the others log nothing.
LOGGED = {
    "all_cores": r"(supervisor|the peer|connecting)(.|\n)*ended: signal SIGKILL",
    "http_server": r"process \S+ running __main__:connection crashed: ZeroDivisionError",
    "key_value_server": r"process \S+ \(connection 2\) .* crashed: ValueError",
    "supervised_server": r"process \S+ \(counter\) .* crashed: ValueError",
}

WITH_ARGUMENTS = {"documented_client", "documented_server"}

# Tested in tests/conformance, because it needs Erlang.
WITH_ERLANG = {"talking_to_erlang"}


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *map(str, args)]


def run(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(name, *args), capture_output=True, text=True, timeout=300)


def pattern(lines: str) -> str:
    return "".join(f"{line.strip()}\n" for line in lines.strip().splitlines())


@pytest.mark.parametrize("name", PRINTED)
def test_the_output_of_an_example(name: str) -> None:
    done = run(name)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(pattern(PRINTED[name]), done.stdout), done.stdout
    if name in LOGGED:
        assert re.match(LOGGED[name], done.stderr), done.stderr
        assert done.stderr.count("Traceback") == (name != "all_cores")
    else:
        assert done.stderr == ""


def test_every_example_is_tested() -> None:
    assert {
        path.stem for path in EXAMPLES.glob("*.py")
    } == PRINTED.keys() | WITH_ARGUMENTS | WITH_ERLANG


def test_documented_client_and_a_plain_server() -> None:
    seen: list[bytes] = []

    def serve() -> None:
        sock, _ = listener.accept()
        with sock, sock.makefile("rb") as lines:
            seen.append(lines.read())  # up to the client's shutdown
            sock.sendall(seen[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        port = listener.getsockname()[1]
        server = threading.Thread(target=serve)
        server.start()
        done = run("documented_client", "127.0.0.1", "127.0.0.1", port)
        server.join()
    assert seen == [b"hello"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"127.0.0.1:{port} has sent hello back\n"


def test_documented_server_and_a_plain_client() -> None:
    server = subprocess.Popen(
        command("documented_server", "loopback", 0), stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        port = int(server.stdout.readline().removeprefix("port "))
        with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
            sock.sendall(b"anything")
            with sock.makefile("rb") as lines:
                assert lines.read() == b"anything"  # up to the server's shutdown
        assert server.wait(timeout=300) == 0


def test_documented_server_and_client() -> None:
    server = subprocess.Popen(
        command("documented_server", "127.0.0.1", 0), stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        port = int(server.stdout.readline().removeprefix("port "))
        assert run("documented_client", "any", "127.0.0.1", port).returncode == 0
        assert server.wait(timeout=300) == 0


@pytest.mark.parametrize("name", sorted(WITH_ARGUMENTS))
def test_usage_of_a_program_without_arguments(name: str) -> None:
    done = run(name)
    assert done.returncode == 1
    assert f"python examples/{name}.py ADDR" in done.stderr


def test_documented_client_without_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = run("documented_client", "any", "127.0.0.1", port)
    assert done.returncode == 1
    assert done.stderr.endswith("expected Ok, got Error('econnrefused')\n")


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


async def test_a_connection_may_close_its_socket_before_it_is_given_away(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = module("supervised_server")

    async def leaves(sock: actorsock.socket.Socket) -> None:
        ok(await actorsock.socket.close(sock))

    monkeypatch.setattr(example, "connection", leaves)
    lsock, port = example.listen()
    async with ending(ok(await otp.start_link(example.Server, lsock, 1))) as server:
        for _ in range(50):  # in some rounds the socket closes before the acceptor continues
            async with await example.connect(port) as sock:
                assert await actorsock.socket.recv(sock) == Error("closed")
        assert is_alive(server)


async def test_an_acceptor_goes_on_after_errors_of_accept(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = module("supervised_server")
    # If each of these errors ended an acceptor, its supervisor would give up and end too.
    answers = [Error("emfile")] + [Error("econnaborted")] * 10
    accept = actorsock.socket.accept
    me = current_pid()

    async def fails_at_first(lsock: actorsock.socket.Socket) -> Ok[actorsock.socket.Socket] | Error:
        if answers:
            return answers.pop(0)
        send(me, "goes on")
        return await accept(lsock)

    monkeypatch.setattr(actorsock.socket, "accept", fails_at_first)
    lsock, port = example.listen()
    async with ending(ok(await otp.start_link(example.Server, lsock, 1))):
        assert await receive(str) == "goes on"
        async with await example.connect(port) as sock:
            assert await example.ask(sock, b"3") == Ok(b"3")
