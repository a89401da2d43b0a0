"""Large messages, and nodes that do not take what is sent to them, with real nodes."""

import logging
import signal
from collections.abc import Callable
from typing import Any

import pytest

from actorsock import (
    Pid,
    current_pid,
    dist,
    exit,
    monitor,
    process_info,
    receive,
    send,
    sleep,
    spawn,
)
from actorsock.dist.node import connection

from ..stories import until
from .conftest import Join
from .nodes import Beam

SIZES = (1, 300_000, 2, 66_000, 65_536, 3, 1_000_000, 4)


async def talks(node: str, seed: int, told: Pid) -> None:
    """Send small and large messages to an echo; they must come back in their order."""
    other = await dist.spawn(node, "helper", "echo")
    messages = [(number, bytes([seed]) * size) for number, size in enumerate(SIZES)]
    for message in messages:
        send(other, (current_pid(), message))
    for message in messages:
        assert await receive() == message
    exit(other, "kill")
    send(told, "done")


async def test_large_messages_of_many_processes_come_through(joined: Any, beam: Beam) -> None:
    for seed in range(8):
        spawn(talks, beam.name, seed, current_pid(), light=bool(seed % 2))
    for _ in range(8):
        assert await receive() == "done"


async def floods(dest: Pid, told: Pid, size: int) -> None:
    for number in range(1_000_000):
        send(dest, bytes(size))
        await sleep(0)
        send(told, number)


async def test_who_floods_a_frozen_node_waits_until_it_goes_on(
    joined: Any, beams: Callable[..., Beam]
) -> None:
    beam = beams()
    other = await dist.spawn(beam.name, "helper", "sink")
    beam.signal(signal.SIGSTOP)
    flooding = spawn(floods, other, current_pid(), 100_000)
    # It has filled what the kernels hold, and a mebibyte more.
    await until(lambda: process_info(flooding).status == "waiting")  # type: ignore[union-attr]
    while await receive(int, after=0.3) in range(1_000_000):
        pass
    beam.signal(signal.SIGCONT)
    assert await receive(int) > 5
    exit(flooding, "kill")
    assert await dist.ping(beam.name) == "pong"
    beam.stop()


async def test_beyond_the_hard_limit_the_connection_is_closed(
    runtime: None,
    join: Join,
    beams: Callable[..., Beam],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST_QUEUED", 8 * 1024 * 1024)
    beam = beams()
    async with join():
        other = await dist.spawn(beam.name, "helper", "sink")
        down = monitor(other)
        beam.signal(signal.SIGSTOP)
        with caplog.at_level(logging.ERROR, "actorsock.dist"):
            for _ in range(300):  # without any wait, so that it never pays
                send(other, bytes(100_000))
            assert (await receive(down)).reason == "noconnection"
        assert f"bytes wait for {beam.name}: the connection is closed" in caplog.text
        beam.signal(signal.SIGCONT)
        while await dist.ping(beam.name) != "pong":
            await sleep(0.1)
    beam.stop()
