"""A special process: a server of channels without a behaviour, as Erlang's design principles do it.

The chapter "sys and proc_lib" has it in Erlang, `channels.erl` is ours. Here
the loop is a `while`, since Python has no tail calls, and `handle_system_msg` returns into it
where Erlang calls `system_continue`.
"""

import sys as python
from collections.abc import Callable
from typing import Any, NoReturn

from actorsock import Ok, Pid, current_pid, exit, receive, register, send
from actorsock.otp import proc_lib, sys

Free = tuple[int, ...]


async def start_link(light: bool = False) -> Any:
    return await proc_lib.start_link(init, current_pid(), light=light)


async def alloc() -> int:
    send("channels", (current_pid(), "alloc"))
    _, channel = await receive(lambda message: message[0] == "channels")
    return int(channel)


def free(channel: int) -> None:
    send("channels", ("free", channel))


async def init(parent: Pid) -> None:
    register("channels", current_pid())
    debug = sys.debug_options([])
    proc_lib.init_ack(parent, Ok(current_pid()))
    await loop((1, 2, 3), parent, debug)


async def loop(channels: Free, parent: Pid, debug: sys.Debugging) -> None:
    while True:
        match await receive():
            case (Pid() as client, "alloc"):
                debug = sys.handle_debug(debug, write_debug, "channels", ("in", "alloc", client))
                channel, *rest = channels
                channels = tuple(rest)
                answer = send(client, ("channels", channel))
                debug = sys.handle_debug(debug, write_debug, "channels", ("out", answer, client))
            case ("free", int(channel)) as message:
                debug = sys.handle_debug(debug, write_debug, "channels", ("in", message))
                channels = (channel, *channels)
            case sys.SystemMessage() as message:
                module = python.modules[__name__]
                debug, channels = await sys.handle_system_msg(
                    message, parent, module, debug, channels
                )


def system_terminate(reason: Any, parent: Pid, debug: sys.Debugging, channels: Free) -> NoReturn:
    send(parent, ("terminates", reason, channels))
    exit(reason)


def system_get_state(channels: Free) -> list[int]:
    return list(channels)


def system_replace_state(
    function: Callable[[list[int]], list[int]], channels: Free
) -> tuple[list[int], Free]:
    new = function(list(channels))
    return new, tuple(new)


def write_debug(device: Any, event: Any, name: str) -> None:
    print(f"{name} event = {event}", file=device)
