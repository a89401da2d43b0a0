"""TLS: echoes of 64 bytes on 50 connections, beside `trio.SSLStream` and beside Erlang's ssl."""

import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

from ..harness import Against, Benchmark, Claim, Effort, Skipped, at_least
from ..programs import erlang, python_module
from ..served import Command, python_server, serving, thousands, under_load

__all__ = ["benchmarks"]

TRIO: Final = "trio.SSLStream"
LIGHT: Final = "light body"
TASK: Final = "task body"
ERLANG: Final = "Erlang's ssl"

CONNECTIONS: Final = 50


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of the mode "once"."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(_servers(Path(folder) / "certificate.pem")) as servers,
        under_load(servers, "echo", CONNECTIONS, effort.seconds, thousands, _load) as load,
    ):
        yield Benchmark(
            "TLS echo, 64 bytes (thousands/s, and µs of processor time each)",
            f"{CONNECTIONS} connections, active once",
            load,
            (
                Against("TLS echo", TRIO, at_least(TASK, 1.0), at_least(LIGHT, 1.0)),
                Against("TLS echo", ERLANG, Claim(TASK), Claim(LIGHT)),
            ),
        )


def _load() -> list[str]:
    return python_module("benchmarks.tls_load")


def _servers(certificate: Path) -> dict[str, Command]:
    path = str(certificate)
    commands = {
        TRIO: python_server("echo.ssl_trio", path),
        LIGHT: python_server("echo.ssl", "light", path),
        TASK: python_server("echo.ssl", "task", path),
        ERLANG: lambda: erlang("ssl_server", "main", f'"{path}"'),
    }

    def ready(command: Command) -> Command:
        def certified() -> list[str]:
            _write(certificate)
            return command()

        return certified

    return {name: ready(command) for name, command in commands.items()}


def _write(path: Path) -> None:
    """Write a certificate with its key, unless it is there."""
    try:
        import trustme
    except ImportError:
        raise Skipped("trustme, which makes the certificate, is not installed") from None
    if not path.exists():
        issued = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("localhost")
        path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
