"""What the tests of peers have run on them: functions that another program can import."""

import os
import signal
import sys
import threading
import time
from typing import Any

import attrs

from actorsock import (
    Pid,
    current_pid,
    dist,
    monitor,
    ok,
    otp,
    receive,
    send,
    sleep,
    trap_exit,
)
from actorsock.otp import GenServer, Reply


@dist.register_type
@attrs.frozen
class Point:
    """A class that travels."""

    x: int
    label: str


class Counter(GenServer):
    """A server that says which program it runs in."""

    def init(self, value: int, tell: Pid | None = None) -> None:
        trap_exit(True)
        self.value = value
        self.tell = tell
        if tell is not None:
            send(tell, ("started", current_pid()))

    def handle_call(self, request: Any, caller: otp.Caller) -> Reply:
        match request:
            case "pid":
                return Reply(os.getpid())
            case "crash":
                raise ValueError("as asked")
            case "end with noconnection":
                return Reply(None)
        self.value += request
        return Reply(self.value)

    def handle_cast(self, request: Any) -> otp.Stop:
        return otp.Stop(request)

    def terminate(self, reason: Any) -> None:
        if self.tell is not None:
            send(self.tell, ("terminated", reason))


async def echo() -> None:
    """Answer each message, with the process's program."""
    while True:
        sender, value = await receive(tuple)
        send(sender, (os.getpid(), value))


async def stay(tell: Pid | None = None) -> None:
    """Do nothing, until an exit signal comes."""
    if tell is not None:
        send(tell, ("here", current_pid()))
    await sleep(float("inf"))


async def crash(text: str) -> None:
    """Raise."""
    raise ValueError(text)


async def ask(node: str, name: str, value: Any) -> Any:
    """Call a server of another node."""
    return await otp.call((name, node), value)


async def start_counter(name: str) -> None:
    """Start a server that goes on."""
    ok(await otp.start(Counter, 0, name=name))


def back(*args: Any, **kwargs: Any) -> Any:
    """Return what came."""
    return args, kwargs


def kind_of(value: Any) -> str:
    """Return the name of a value's type."""
    return type(value).__qualname__


def end_of_program(status: int) -> None:
    """End the whole peer at once."""
    os._exit(status)


def kill_program(number: int = signal.SIGKILL) -> None:
    """End the whole peer by a signal."""
    os.kill(os.getpid(), number)


def compute_for_ever() -> None:
    """Hold up everything in this program."""
    while True:
        time.sleep(0.01)


async def compute() -> None:
    """Do that in a process."""
    compute_for_ever()


def write(text: str) -> None:
    """Write to both outputs."""
    print(text, flush=True)
    print(text, file=sys.stderr, flush=True)


def threads() -> list[str]:
    """Return the names of the program's threads."""
    return [thread.name for thread in threading.enumerate()]


async def watch(pid: Pid) -> Any:
    """Return why another process has ended."""
    return (await receive(monitor(pid))).reason
