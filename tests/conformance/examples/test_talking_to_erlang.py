"""The documentation's client and server, one of them in real Erlang: the example, run."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_each_way_round_over_tcp_udp_and_local_sockets(erlang: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / "talking_to_erlang.py")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        line
        for kind in ("tcp", "udp", "local")
        for line in (
            f"{kind}: Erlang's client has received its hello from our server",
            f"{kind}: our client has received its hello from Erlang's server",
        )
    ]


@pytest.mark.parametrize("client", ["documented_client.py"])
def test_the_documented_client_and_a_server_in_erlang(erlang: str, client: str) -> None:
    server = subprocess.Popen(
        ["escript", str(EXAMPLES / "talking_to_erlang.erl"), "server", "tcp", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / client), "127.0.0.1", "127.0.0.1", port],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    assert server.returncode == 0
