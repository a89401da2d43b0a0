"""Some seconds of everything at once: every call is answered, or fails with a proper reason.

Two nodes of ours and an Erlang node call each other, with small and large messages, while processes
are killed and connections broken. SECONDS is the length (default: 3), SEED repeats the choices.
"""

import gc
import os
import random
from typing import Any

import trio

from actorsock import CallError, Pid, current_pid, dist, exit, otp, receive, send, sleep, spawn
from actorsock.dist import Atom
from actorsock.dist.node.distribution import distribution
from actorsock.otp import Reply
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.process import aliased

from ..stories import LIMIT, until
from .nodes import Beam

SECONDS = float(os.environ.get("SECONDS") or 3)
SEED = int(os.environ.get("SEED") or 1)
CALLERS = 12

PROPER = ("noconnection", "noproc", "killed", "timeout")
"""What a call may fail with while everything is being broken."""


class Echo(otp.GenServer):
    def init(self) -> None:
        pass

    def handle_call(self, request: Any, caller: otp.Caller) -> Reply:
        return Reply((Atom("echo"), request))

    def handle_info(self, message: Any) -> Any:
        return otp.Stop("killed")


async def _keep_echo() -> Pid:
    """Start the server of a node, and start it again whenever it is killed."""
    spec = otp.ChildSpec("echo", _start_echo)
    flags = otp.SupervisorFlags(intensity=1_000_000, period=1)
    return (await otp.start(otp.Supervisor, [spec], flags)).unwrap()


async def _start_echo() -> Any:
    return await otp.start_link(Echo, name="soak")


class Soak:
    def __init__(self, beam: Beam, other: str) -> None:
        self.chance = random.Random(SEED)
        self.servers = [("soak", beam.name), ("soak", other)]
        self.answered = 0
        self.failed: list[Any] = []
        self.over = False

    async def calls(self, main: Pid) -> None:
        while not self.over:
            size = self.chance.choice((1, 100, 10_000, 300_000))
            request = [self.chance.randrange(2**40), bytes(size)]
            try:
                answer = await otp.call(self.chance.choice(self.servers), request, timeout=20)
            except CallError as exc:
                self.failed.append(exc.reason)
                await sleep(0.01)
            else:
                assert answer == ("echo", request)
                self.answered += 1
        send(main, "over")

    async def breaks(self) -> None:
        """Break a connection, or kill a server, from time to time."""
        while not self.over:
            await sleep(self.chance.uniform(0.05, 0.2))
            name, node = self.chance.choice(self.servers)
            if self.chance.random() < 0.4:
                dist.disconnect_node(node)
            else:
                send((name, node), Atom("die"))


def held() -> list[int]:
    """The number of entries in each table that calls and connections fill."""
    gc.collect()
    ties = [peer.ties for peer in distribution().connected.values()]
    me = current_process()
    return [
        sum(len(table) for tie in ties for table in (tie.links, tie.monitors, tie.watchers)),
        len(aliased),
        len(me.monitors or ()),
        len(me.mailbox),
    ]


async def test_a_short_soak(joined: Any, second: Any, beam: Beam) -> None:
    await second.start()
    supervisor = await second.ask(_keep_echo)
    await beam.eval("helper:soak(soak)")
    soak = Soak(beam, second.name)
    before = held()
    for number in range(CALLERS):
        spawn(soak.calls, current_pid(), light=bool(number % 2))
    spawn(soak.breaks)
    with trio.move_on_after(min(SECONDS, LIMIT / 2)):
        await trio.sleep_forever()
    soak.over = True
    for _ in range(CALLERS):
        await receive(str)
    assert soak.answered > 20
    assert soak.failed
    wrong = [reason for reason in soak.failed if _word(reason) not in PROPER]
    assert not wrong, wrong[:5]
    for _, node in soak.servers:
        assert await dist.ping(node) == "pong"
    await until(lambda: held() == before)
    exit(supervisor, "kill")


def _word(reason: Any) -> str:
    return str(reason[0]) if isinstance(reason, tuple) else str(reason)
