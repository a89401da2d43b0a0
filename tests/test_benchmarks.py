"""The benchmarks and the soak test: small runs of them, and their detection of errors."""

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE
from xml.etree import ElementTree

import pytest

from benchmarks import programs
from benchmarks.__main__ import PARTS
from benchmarks.drawing import picture
from benchmarks.harness import (
    Against,
    Benchmark,
    Claim,
    Effort,
    Failed,
    Figure,
    Result,
    Skipped,
    ahead_of,
    at_least,
    at_most,
    measure,
    pure,
    verdict,
)
from benchmarks.programs import Usage
from benchmarks.report import figures, ratios, summary
from benchmarks.served import undisturbed
from benchmarks.soak.ledger import Ledger, Mismatch

ROOT = Path(__file__).parent.parent

needs_generator = pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc")),
    reason="the load generator needs Linux and a C compiler",
)


PATIENCE = 300
"""Seconds for one part. A part starts up to a dozen interpreters, all on the same core, which takes
half a minute where many other programs want that core too."""


def run(module: str, *args: object, parts: int = 1) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", module, *map(str, args)]
    limit = PATIENCE * parts
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)


# --- small runs -------------------------------------------------------------------------------


@needs_generator
def test_every_part_runs_and_is_drawn(tmp_path: Path) -> None:
    drawn = tmp_path / "results.svg"
    small = ("--rounds", 1, "--seconds", 0.01, "--scale", 0.01)
    done = run("benchmarks", *small, "--results", tmp_path, parts=len(PARTS))
    assert done.returncode == 0, done.stdout + done.stderr
    for part in PARTS:
        assert f"{part}, " in done.stderr
    assert re.search(r"^echo, 10 connections +trio's sockets +[\d.]+ x +>= 1\.1", done.stdout, re.M)
    assert re.search(r"^\d+ of \d+ targets are met$", done.stdout, re.M)
    texts = [element.text for element in ElementTree.parse(drawn).iter() if element.text]
    assert "memory of an idle process" in texts
    assert "accepting a connection (µs)" in texts
    written = (tmp_path / "results.md").read_text()
    assert re.search(r"^\| echo, 10 connections \| trio's sockets \| [\d.]+ x", written, re.M)


def test_a_single_part_draws_no_picture(tmp_path: Path) -> None:
    drawn = tmp_path / "results.svg"
    small = ("--rounds", 1, "--seconds", 0.01, "--scale", 0.01)
    done = run("benchmarks", "--only", "ring", *small, "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ring of 10" in done.stdout
    assert "echo" not in done.stdout
    assert not drawn.exists()


def test_a_short_soak_leaves_nothing() -> None:
    done = run("benchmarks.soak", "--seconds", 2, "--seed", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "every acknowledged byte is accounted for, nothing is left, memory is flat" in done.stdout
    )
    assert done.stderr == ""


# --- measuring --------------------------------------------------------------------------------


def figures_of(*values: float) -> Callable[[], Figure]:
    following: Iterator[float] = iter(values)
    return lambda: Figure(next(following))


def benchmark(
    *lines: Against, rounds: int = 1000, **contestants: Callable[[], Figure]
) -> Benchmark:
    return Benchmark("a part (things/s)", "some", contestants, lines, rounds)


def result_of(line: Against, *, us: float, them: float) -> Result:
    return measure(benchmark(line, us=figures_of(us), them=figures_of(them)), Effort(rounds=1))


def test_contestants_take_turns() -> None:
    measured: list[str] = []

    def contestant(name: str) -> Callable[[], Figure]:
        return lambda: measured.append(name) or Figure(1.0)

    measure(benchmark(us=contestant("us"), them=contestant("them")), Effort(rounds=3))
    assert measured == ["us", "them"] * 3


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    # The machine was slow in the second round, for both contestants.
    us, them = figures_of(20, 3, 22), figures_of(10, 1, 10)
    result = measure(benchmark(us=us, them=them), Effort(rounds=3))
    assert result.ratio("us", "them") == pytest.approx(2.2)
    assert result.median("us") == 20


def test_a_body_is_compared_with_itself_without_the_core() -> None:
    line = Against("things", "them", None, at_least("us", 1))
    contestants = {"us": figures_of(6), pure("us"): figures_of(2), "them": figures_of(3)}
    result = measure(Benchmark("a part", "some", contestants, (line,)), Effort(rounds=1))
    assert ratios([result]).splitlines()[1].endswith(" 3.00 x")
    assert "3.00 x" in [
        element.text for element in ElementTree.fromstring(picture([result])).iter()
    ]


def test_the_sizes_of_a_part_make_a_curve() -> None:
    results = [
        Result(
            Benchmark("an echo (µs)", str(size), {}, (), 1, size), {"light body": [Figure(cost)]}
        )
        for size, cost in ((10, 5), (100, 5), (1000, 8))
    ]
    lines = [e for e in ElementTree.fromstring(picture(results)).iter() if "points" in e.attrib]
    points = [point.split(",") for point in lines[-1].attrib["points"].split()]
    x, y = [float(point[0]) for point in points], [float(point[1]) for point in points]
    assert x == sorted(x)
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert y[0] == y[1] > y[2]


def test_a_benchmark_limits_its_rounds() -> None:
    result = measure(benchmark(us=figures_of(1, 2, 3), rounds=2), Effort(rounds=3))
    assert [figure.value for figure in result.figures["us"]] == [1, 2]


@pytest.mark.parametrize(
    ("claim", "ratio", "met"),
    [
        (at_least("us", 1.3), 1.3, True),
        (at_least("us", 1.3), 1.29, False),
        (at_least("us", 1.3), 1.296, True),  # shown as 1.30
        (ahead_of("us"), 1.01, True),
        (ahead_of("us"), 1.0, False),
        (at_most("us", 1.5), 1.5, True),
        (at_most("us", 1.5), 1.51, False),
        (Claim("us"), 0.1, None),
    ],
)
def test_targets(claim: Claim, ratio: float, met: bool | None) -> None:
    line = Against("things", "them", claim, None)
    result = result_of(line, us=ratio, them=1.0)
    one = verdict(result, line, claim)
    assert one is not None
    assert one.met is met
    word = {True: "  met", False: "NOT MET", None: ""}[met]
    assert ratios([result]).splitlines()[1].endswith(word or " x")


def test_a_contestant_that_is_not_installed_is_skipped() -> None:
    def absent() -> Figure:
        raise Skipped("it is not installed")

    line = Against("things", "them", at_least("us", 1), None)
    result = measure(benchmark(line, us=figures_of(1), them=absent), Effort(rounds=1))
    assert result.ratio("us", "them") is None
    assert "skipped: them (it is not installed)" in summary([result])
    assert "0 of 0 targets" in summary([result])
    assert "them" in figures([result])
    ElementTree.fromstring(picture([result]))


def test_a_contestant_that_fails_is_not_measured_again() -> None:
    calls: list[None] = []

    def breaks() -> Figure:
        calls.append(None)
        raise Failed("it does not answer")

    result = measure(benchmark(us=breaks, them=figures_of(1, 1)), Effort(rounds=2))
    assert len(calls) == 1
    assert "FAILED: us (it does not answer)" in summary([result])


@pytest.mark.parametrize(
    ("server", "generator", "undisturbed_seconds"),
    [
        (Usage(cpu=1.0, delay=0.0), Usage(cpu=0.3, delay=0.0), 1.0),  # no queue
        (Usage(cpu=0.2, delay=0.0), Usage(cpu=0.2, delay=0.0), 1.0),  # they waited for each other
        (
            Usage(cpu=0.4, delay=0.6),
            Usage(cpu=0.1, delay=0.0),
            0.4,
        ),  # the server lacked a processor
        (
            Usage(cpu=0.5, delay=0.0),
            Usage(cpu=0.1, delay=0.3),
            0.7,
        ),  # the server waited for it
        (
            Usage(cpu=0.9, delay=0.0),
            Usage(cpu=0.1, delay=0.3),
            0.9,
        ),  # the server did not
    ],
)
def test_the_time_of_other_programs_is_subtracted(
    server: Usage, generator: Usage, undisturbed_seconds: float
) -> None:
    assert undisturbed(1.0, server, generator) == pytest.approx(undisturbed_seconds)


# --- detection of errors ----------------------------------------------------------------------


@needs_generator
def test_the_load_generator_detects_wrong_bytes() -> None:
    def corrupt(lsock: socket.socket) -> None:
        sock, _ = lsock.accept()
        with sock:
            sock.sendall(sock.recv(64)[::-1])
            sock.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as lsock:
        thread = threading.Thread(target=corrupt, args=[lsock])
        thread.start()
        command = [programs.loadgen(), "echo", str(lsock.getsockname()[1]), "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        thread.join()
    assert done.returncode == 1
    assert "what came back is not what was sent" in done.stderr


@needs_generator
def test_the_load_generator_takes_late_replies_for_no_error() -> None:
    """In a silence it sends its datagrams again; on a busy machine both copies are answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        command = [programs.loadgen(), "udp", str(server.getsockname()[1]), "2"]
        with subprocess.Popen(
            command, text=True, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        ) as generator:
            server.settimeout(60)
            data, quick = server.recvfrom(64)
            for _ in range(2):
                server.sendto(data, quick)
            # It has taken both when it sends the other one's datagram again and again.
            slow = [each for each in (server.recvfrom(64) for _ in range(8)) if each[1] != quick]
            server.sendto(*slow[-1])
            output = generator.communicate()
    assert output == ("ready\n", "")


def test_bytes_that_agree() -> None:
    ledger = Ledger()
    account = ledger.open()
    account.offered += b"some bytes, and more"
    account.take(b"some")
    account.take(b" bytes")
    account.acknowledge(account.receipt())
    assert account.offered == b", and more"
    account.take(b", and more")
    account.acknowledge(account.receipt())
    account.finished_by_client = account.finished_by_server = True
    assert ledger.settle() == []
    assert (ledger.connections, ledger.finished, ledger.acknowledged, ledger.taken) == (
        1,
        1,
        20,
        20,
    )


@pytest.mark.parametrize("taken", [b"soem bytes", b"some byte", b"ssome byte", b"some bytes!"])
def test_bytes_that_do_not_agree(taken: bytes) -> None:
    ledger = Ledger()
    account = ledger.open()
    account.offered += b"some bytes"
    account.take(taken)
    if taken == b"some byte":
        # Missing bytes are an error only when both ends have finished.
        account.acknowledge(account.receipt())
        account.finished_by_client = account.finished_by_server = True
        assert ledger.settle() == ["connection 1: 1 bytes lost, although both ends were content"]
    else:
        with pytest.raises(Mismatch):
            account.acknowledge(account.receipt())
