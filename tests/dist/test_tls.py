"""Encrypted connections, both ways, with Erlang's `-proto_dist inet_tls`, and who is refused."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme

from actorsock import current_pid, dist, receive, register, send, unregister
from actorsock.dist import Atom, Tls

from ..stories import until
from .conftest import Join
from .nodes import Beam

_numbers = count(1)

OPTIONS = """
[{{server, [{{certfile, "{0}/node.pem"}}, {{keyfile, "{0}/node.key"}},
            {{cacertfile, "{0}/authority.pem"}},
            {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}]}},
 {{client, [{{certfile, "{0}/node.pem"}}, {{keyfile, "{0}/node.key"}},
            {{cacertfile, "{0}/authority.pem"}}, {{verify, verify_peer}}]}}].
"""


def issue(folder: Path, authority: trustme.CA, host: str = "localhost") -> Path:
    """Write the files of one node."""
    folder.mkdir(exist_ok=True)
    certificate = authority.issue_cert(host)
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "node.pem", append=number > 0)
    certificate.private_key_pem.write_to_path(folder / "node.key")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return folder


def tls_of(folder: Path) -> Tls:
    return Tls.from_files(
        *(str(folder / name) for name in ("node.pem", "node.key", "authority.pem"))
    )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return issue(tmp_path_factory.mktemp("tls"), authority)


@pytest.fixture
def secured(beams: Callable[..., Beam], release: Any, files: Path) -> Any:
    """Starts an Erlang node that speaks TLS."""
    if release.name != "system":
        pytest.skip("that Erlang has no ssl")
    (files / "options").write_text(OPTIONS.format(files))

    def start() -> Beam:
        options = ("-proto_dist", "inet_tls", "-ssl_dist_optfile", str(files / "options"))
        return beams(f"tls{next(_numbers)}@localhost", *options, kind="-sname")

    return start


async def test_both_ways(runtime: None, join: Join, secured: Any, files: Path) -> None:
    beam = secured()
    async with join(f"pytls{next(_numbers)}@localhost", tls=tls_of(files)) as node:
        assert await dist.ping(beam.name) == "pong"
        pid = await dist.spawn(beam.name, "helper", "echo")
        big = bytes(300_000)
        for message in (1, big, [big, big]):
            send(pid, (current_pid(), message))
            assert await receive() == message
        # Now the other side connects.
        register("me", current_pid())
        later = "spawn(fun() -> timer:sleep(100), {me, Node} ! hello end), ok"
        await beam.eval(later, Node=Atom(node.name))
        dist.disconnect_node(beam.name)
        assert await receive() == "hello"
        unregister("me")
    beam.stop()


PROGRAM = """
import sys
from actorsock import dist

async def main(node):
    print(await dist.ping(node))
"""


def test_the_command(secured: Any, files: Path, tmp_path: Path, epmd: int) -> None:
    beam = secured()
    (tmp_path / "program.py").write_text(PROGRAM)
    options = {"certfile": "node.pem", "keyfile": "node.key", "cacertfile": "authority.pem"}
    words = [word for key, file in options.items() for word in (f"--{key}", str(files / file))]
    name = f"pytls{next(_numbers)}@localhost"
    run = [sys.executable, "-m", "actorsock", "run", "--name", name, *words]
    done = subprocess.run(
        [*run, "--listen", "127.0.0.1", "--port", "0", "program:main", beam.name],
        cwd=tmp_path,
        env={**os.environ, "ERL_EPMD_PORT": str(epmd), "ACTORSOCK_COOKIE": "secret"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "pong\n", done.stderr
    beam.stop()


@pytest.mark.parametrize("wrong", ["another authority", "another host", "no TLS"])
async def test_who_is_refused(
    runtime: None,
    join: Join,
    epmd: int,
    files: Path,
    authority: trustme.CA,
    tmp_path: Path,
    wrong: str,
    second: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = f"pytls{next(_numbers)}@localhost"
    other = {
        "another authority": lambda: tls_of(issue(tmp_path / "other", trustme.CA())),
        "another host": lambda: tls_of(issue(tmp_path / "other", authority, "other.example")),
        "no TLS": lambda: None,
    }[wrong]()
    await second.start(name=name, tls=other)
    async with join(f"pytls{next(_numbers)}@localhost", tls=tls_of(files)):
        with caplog.at_level(logging.WARNING, "actorsock.dist"):
            assert await dist.ping(name) == "pang"
        await until(lambda: "failed" in caplog.text)


def test_tls_is_checked() -> None:
    with pytest.raises(OSError, match="No such file"):
        Tls.from_files("a", "b", "c")


async def test_a_peer_speaks_tls_as_its_parent_does(runtime: None, files: Path) -> None:
    name = f"parent{next(_numbers)}@localhost"
    async with (
        dist.start(name, cookie="of the test", register=False, tls=tls_of(files)),
        dist.peer.start() as node,
    ):
        assert node.endswith("@localhost")
        assert await dist.peer.call(node, os.getpid) != os.getpid()
        assert await dist.peer.call(node, dist.node) == node
