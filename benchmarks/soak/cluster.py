"""The program behind `make soak-nodes`: four nodes call each other while everything is broken.

Two Erlang nodes, this program and another one of its kind. Servers are killed, connections cut,
nodes killed and started again, or frozen for a moment. Every call must be answered, or fail
because its server or the way to it was gone; after each wave nothing may be left, and memory must
not grow.
"""

import argparse
import logging
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

import attrs

from actorsock import (
    CallError,
    Down,
    Exit,
    Pid,
    current_pid,
    dist,
    exit,
    ok,
    otp,
    processes,
    receive,
    run,
    sleep,
    spawn,
    spawn_monitor,
    trap_exit,
)
from actorsock.dist.node.distribution import distribution
from actorsock.otp import ChildSpec, Reply, Stop, SupervisorFlags
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.body import owing
from actorsock.runtime.core.process import aliased, alive

from .leftovers import Memory, memory
from .members import ME, Members

__all__ = ["main", "serve"]

_CALLERS: Final = 16
_WAVES: Final = 12
# The first waves fill caches and pools.
_WARM: Final = 4
_SIZES: Final = (1, 100, 10_000, 300_000)
_LARGE: Final = 3_000_000
_PATIENCE: Final = 60.0
_BLOCKS: Final = 1500
_RESIDENT: Final = 16.0
"""The growth since the warm-up that is allowed, in MiB: memory in pieces, after large messages."""

_BREAKS: Final = {"server": 5, "ours": 3, "cut": 5, "restart": 1, "freeze": 1}
"""What is broken, with its weight."""

_PROPER: Final = ("noconnection", "noproc", "killed")
"""What a call may fail with: the way to the server, or the server, was gone."""


class Echo(otp.GenServer):
    """Answers with what it is asked, and ends when it is told to."""

    def init(self) -> None:
        pass

    def handle_call(self, request: Any, caller: otp.Caller) -> Reply:
        return Reply((dist.Atom("echo"), request))

    def handle_cast(self, request: Any) -> Stop:
        return Stop("killed")


async def _start_echo() -> Any:
    return await otp.start_link(Echo, name="soak")


async def _keep_echo() -> Pid:
    flags = SupervisorFlags(intensity=1_000_000, period=1)
    return ok(await otp.start_link(otp.Supervisor, [ChildSpec("echo", _start_echo)], flags))


async def serve() -> None:
    """Run the other node of this kind."""
    await _keep_echo()
    dist.export(memory_used, "soak", "memory")
    print("ready", flush=True)
    await sleep(float("inf"))


def memory_used() -> list[float]:
    """Return the memory of this program: blocks, and MiB."""
    used = memory()
    return [used.blocks, used.resident]


@attrs.define
class Soak:
    """One run."""

    members: Members
    chance: Random
    seconds: float
    results: Counter[str] = attrs.field(factory=Counter)
    complaints: list[str] = attrs.field(factory=list)
    memories: list[tuple[int, Memory, float, float]] = attrs.field(factory=list)
    """After each wave: calls so far, memory of this program, of its kin and an Erlang node."""
    processes: int = 0
    """The processes of this program after the first wave: those of its connections, and its own."""
    over: bool = False

    async def run(self) -> None:
        """Run all waves."""
        trap_exit(True)
        await _keep_echo()
        begin = time.monotonic()
        for wave in range(1, _WAVES + 1):
            await self.wave(begin + self.seconds * wave / _WAVES)
            await self.at_rest()
            await self.measure()
            if len(self.complaints) > 10:
                return

    async def wave(self, end: float) -> None:
        """Call and break until `end`; wait for everything to settle."""
        self.over = False
        calling = [spawn_monitor(self.calls, light=bool(n % 2))[1] for n in range(_CALLERS)]
        others = [spawn(self.is_called, node) for node in self.members.erlang]
        breaking = spawn_monitor(self.breaks)[1]
        await sleep(max(0.0, end - time.monotonic()))
        self.over = True
        for ref in (*calling, breaking):
            match await receive(ref):
                case Down(reason="normal"):
                    pass
                case Down(reason=reason):
                    self.complaints.append(f"a process has crashed: {reason!r}")
        for pid in others:
            exit(pid, "kill")
        await self.members.all_up()

    async def calls(self) -> None:
        """Call servers of other nodes."""
        while not self.over:
            size = _LARGE if self.chance.random() < 0.002 else self.chance.choice(_SIZES)
            request = (self.chance.randrange(2**40), self.chance.randbytes(size))
            node = self.chance.choice(self.members.names)
            try:
                answer = await otp.call(("soak", node), request, timeout=_PATIENCE)
            except CallError as exc:
                self.failed(f"a call to {node}", exc.reason)
                await sleep(0.01)
            else:
                self.results["answered"] += 1
                if answer != ("echo", request):
                    self.complaints.append(f"a wrong answer of {node}")

    async def is_called(self, node: str) -> None:
        """Keep a caller on an Erlang node, and hear of its calls to this one."""
        trap_exit(True)
        while True:
            try:
                await dist.spawn_link(node, "soak", "caller", [dist.Atom(ME), current_pid()])
            except dist.SpawnError:
                await sleep(0.1)
                continue
            while not isinstance(message := await receive(), Exit):
                match message:
                    case "answered":
                        self.results["answered, of Erlang"] += 1
                    case ("failed", reason):
                        self.failed(f"a call of {node}", reason)
                    case _:
                        self.complaints.append(f"a wrong answer, says {node}: {message!r}")

    def failed(self, what: str, reason: Any) -> None:
        """Count a call that was not answered."""
        word = str(reason)
        self.results[word] += 1
        if word not in _PROPER:
            self.complaints.append(f"{what} has failed with {reason!r}")

    async def breaks(self) -> None:
        """Break something, again and again."""
        while not self.over:
            await sleep(self.chance.uniform(0.05, 0.4))
            node = self.chance.choice(self.members.names)
            (what,) = self.chance.choices(list(_BREAKS), list(_BREAKS.values()))
            match what:
                case "server":
                    otp.cast(("soak", node), dist.Atom("die"))
                case "ours":
                    otp.cast("soak", "die")
                case "cut":
                    dist.disconnect_node(node)
                case "restart":
                    await self.members.restart(node)
                case "freeze":
                    await self.members.freeze(node, self.chance.uniform(0.1, 1.0))
            self.results[f"broken: {what}"] += 1

    async def at_rest(self) -> None:
        """Look whether anything is left, after some patience."""
        until = time.monotonic() + _PATIENCE
        while (left := _left(self.processes)) and time.monotonic() < until:
            await sleep(0.1)
        self.complaints += left
        self.processes = self.processes or len(processes())

    async def measure(self) -> None:
        """Note the memory that the nodes use."""
        _, second = await dist.erpc.call(self.members.kin, "soak", "memory", [])
        total = await dist.erpc.call(
            self.members.erlang[0], "erlang", "memory", [dist.Atom("total")]
        )
        calls = self.results["answered"] + self.results["answered, of Erlang"]
        self.memories.append((calls, memory(), second, total / 2**20))
        mine = self.memories[-1][1]
        print(
            f"wave {len(self.memories)}: {calls:,} calls answered; here {mine.blocks:,} blocks and "
            f"{mine.resident:.1f} MiB, kin {second:.1f} MiB, Erlang {total / 2**20:.1f} MiB",
            flush=True,
        )

    def check_memory(self) -> None:
        """Compare the memory at the end with that after the warm-up."""
        if len(self.memories) < _WAVES:
            return
        warm, last = (
            max(each[1].blocks for each in part)
            for part in (self.memories[:_WARM], self.memories[-3:])
        )
        if last - warm > _BLOCKS:
            self.complaints.append(f"{last - warm:,} blocks of memory more than when it was warm")
        before, after = self.memories[_WARM - 1][1].resident, self.memories[-1][1].resident
        if after - before > _RESIDENT:
            self.complaints.append(f"{after - before:.1f} MiB more than when it was warm")


def _left(expected: int) -> list[str]:
    home, me = distribution(), current_process()
    counts = {
        "processes": len(processes()) - (expected or len(processes())),
        "processes that have to wait for room": len(owing),
        "aliases": len(aliased),
        "monitors of the first process": len(me.monitors or ()),
        "messages of the first process": len(me.mailbox),
        "calls that wait": sum(bool(process.aliases) for process in alive.values()),
    }
    for peer in home.connected.values():
        ties = peer.ties
        counts[f"links with {peer.name}"] = len(ties.links)
        counts[f"monitors of {peer.name}"] = len(ties.monitors)
        counts[f"monitors by {peer.name}"] = len(ties.watchers)
    return [f"left over: {count} {what}" for what, count in counts.items() if count]


@asynccontextmanager
async def _node(members: Members) -> AsyncIterator[None]:
    async with dist.start(ME, cookie=members.cookie, epmd_port=members.port, register=True):
        await members.all_up()
        yield


async def _soak(soak: Soak) -> None:
    async with _node(soak.members):
        await soak.run()


def main() -> int:
    """Run the soak test; return 0 if it has found nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    arguments = parser.parse_args()
    seconds, seed = arguments.seconds, arguments.seed
    print(f"soaking four nodes for {seconds:g} seconds, seed {seed}", flush=True)
    logging.getLogger("actorsock").setLevel(logging.CRITICAL)  # everything is broken on purpose
    with Members() as members:
        soak = Soak(members, Random(seed), seconds)
        run(_soak, soak)
    soak.check_memory()
    print()
    for what, number in sorted(soak.results.items()):
        print(f"{number:12,} {what}")
    print()
    for complaint in soak.complaints:
        print(complaint)
    if not soak.complaints:
        print("every call was answered, or its server was gone; nothing is left, memory is flat")
    return 1 if soak.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
