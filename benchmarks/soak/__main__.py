"""The program behind `make soak`: waves of connections, and a check for leftovers after each.

The exit status is 0 if every acknowledged byte is accounted for, nothing is left behind and
memory does not grow.
"""

import argparse
import logging
import secrets
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

import attrs

from actorsock import (
    Down,
    Ok,
    Pid,
    Ref,
    Timeout,
    current_pid,
    exit,
    process_info,
    processes,
    receive,
    run,
    send,
    sleep,
    socket,
    spawn_monitor,
)

from ..programs import allow_many_files
from .leftovers import Memory, Stock, memory, stock
from .load import DOMAINS, CrashCounter, Load, client, keeper, killer
from .onlookers import onlookers
from .using import PATIENCE

__all__ = ["main"]

_CLIENTS: Final = 100
_MANY: Final = 10
_WAVES: Final = 12
# The first waves fill caches and pools.
_WARM: Final = 5
# The growth of memory that is allowed for each connection, and in addition: caches with a limit,
# such as that of addresses, take long to fill.
_BLOCKS_EACH, _BLOCKS = 0.02, 1500
_RESIDENT_EACH, _RESIDENT = 64 / 2**20, 4.0


@attrs.define
class Findings:
    """The results of the soak test."""

    complaints: list[str] = attrs.field(factory=list)
    memories: list[tuple[int, Memory]] = attrs.field(factory=list)
    """The number of connections so far and the memory in use, after each wave."""


def main() -> int:
    """Run the soak test; return 0 if it has found nothing."""
    arguments = _arguments()
    print(f"soaking for {arguments.seconds:g} seconds, seed {arguments.seed}", flush=True)
    allow_many_files()
    crashes = CrashCounter()
    log = logging.getLogger("actorsock")
    log.addHandler(crashes)
    log.propagate = False
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        load = Load(Path(directory), Random(arguments.seed))
        run(_soak, load, findings, arguments.seconds)
    findings.complaints += [f"a crash that was not meant:\n{text}" for text in crashes.mistakes]
    _check_memory(findings)
    _report(load, findings)
    return 1 if findings.complaints else 0


async def _soak(load: Load, findings: Findings, seconds: float) -> None:
    me = current_pid()
    await _use_once()
    before = stock(me)
    begin = time.monotonic()
    for wave in range(1, _WAVES + 1):
        await _wave(load, begin + seconds * wave / _WAVES, findings)
        findings.complaints += await _left_over(me, before)
        findings.complaints += load.ledger.settle()
        connections = load.ledger.connections
        findings.memories.append((connections, memory()))
        print(f"wave {wave} of {_WAVES}: {connections:,} connections so far", flush=True)
        if len(findings.complaints) > _MANY:
            return


async def _use_once() -> None:
    """Use a socket, so that all caches exist before anything is counted."""
    match socket.open("inet", "stream"):
        case Ok(sock):
            await socket.recv(sock, timeout=0)
            await socket.close(sock)


async def _wave(load: Load, end: float, findings: Findings) -> None:
    """Run clients until `end`, a new one for each that ends; then wait for all to end.

    On a busy machine `end` may be over already. Clients run all the same: the first waves must do
    what the later ones do, or caches that fill count as growth of memory.
    """
    load.addresses.clear()
    keeping, kept = spawn_monitor(keeper, load)
    while len(load.addresses) < len(DOMAINS):
        await sleep(0.01)
    looking, looked = spawn_monitor(onlookers, load)
    load.protected |= {current_pid(), keeping, looking}
    killing, killed = spawn_monitor(killer, load)
    load.protected.add(killing)
    clients: dict[Ref, Pid] = {}
    while not clients or time.monotonic() < end:
        while len(clients) < _CLIENTS:
            light = load.light()
            pid, ref = spawn_monitor(client, load, light, light=light)
            clients[ref] = pid
        match await receive(Down, after=1.0):
            case Down(ref=ref):
                del clients[ref]
    exit(killing, "kill")
    await receive(killed)
    for ref, pid in clients.items():
        match await receive(ref, after=2 * PATIENCE):
            case Timeout():
                findings.complaints.append(f"it does not end: {process_info(pid)}")
                exit(pid, "kill")
                await receive(ref)
    send(looking, "stop")
    await receive(looked)
    send(keeping, "stop")
    await receive(kept)
    load.protected.clear()


async def _left_over(me: Pid, before: Stock) -> list[str]:
    """Return what is left that was not there before; wait for what is ending."""
    end = time.monotonic() + PATIENCE
    while (now := stock(me)) != before and time.monotonic() < end:
        await sleep(0.05)
    return [
        f"left over: {now[what] - before[what]} {what}" for what in now if now[what] != before[what]
    ] + [f"left over: {process_info(pid)}" for pid in processes() if pid is not me]


def _growth(findings: Findings) -> tuple[int, float, float]:
    """Return the growth since the warm-up: connections, blocks, MiB."""
    (first, warm), (last, end) = findings.memories[_WARM - 1], findings.memories[-1]
    return last - first, end.blocks - warm.blocks, end.resident - warm.resident


def _check_memory(findings: Findings) -> None:
    if len(findings.memories) < _WAVES:
        return
    connections, blocks, resident = _growth(findings)
    if blocks > _BLOCKS + _BLOCKS_EACH * connections:
        findings.complaints.append(f"{blocks:,} blocks of memory more than when it was warm")
    if resident > _RESIDENT + _RESIDENT_EACH * connections:
        findings.complaints.append(f"{resident:.1f} MiB more than when it was warm")


def _report(load: Load, findings: Findings) -> None:
    ledger = load.ledger
    print()
    print(f"{ledger.connections:12,} connections")
    print(f"{ledger.finished:12,} brought to an end in good order by both sides")
    print(f"{ledger.taken:12,} bytes taken")
    print(f"{ledger.acknowledged:12,} bytes acknowledged and compared")
    for what, number in sorted(load.tally.items()):
        print(f"{number:12,} {what}")
    for connections, used in findings.memories:
        print(
            f"{used.blocks:12,} blocks of memory, {used.resident:.1f} MiB resident, "
            f"after {connections:,} connections"
        )
    print()
    for complaint in findings.complaints:
        print(complaint)
    if findings.complaints:
        print(f"\ncomplaints: {len(findings.complaints)}")
    else:
        print("every acknowledged byte is accounted for, nothing is left, memory is flat")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
