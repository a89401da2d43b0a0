"""Sockets of all kinds, another process, and the arrival of data, for tests of the functions."""

import os
import socket as stdlib
from collections.abc import Callable
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Pid, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import Socket

__all__ = ["arrived", "closed", "in_another_process", "opened"]

KINDS: dict[str, tuple[Any, ...]] = {
    "tcp": ("inet", "stream", "tcp"),
    "udp": ("inet", "dgram", "udp"),
    "raw": ("inet", "raw", 253),
    "tcp6": ("inet6", "stream", "tcp"),
    "udp6": ("inet6", "dgram", "udp"),
    "raw6": ("inet6", "raw", 253),
    "router6": ("inet6", "raw", 255),
    "local": ("local", "stream"),
    "sctp": ("inet", "stream", "sctp"),
    "sctps": ("inet", "seqpacket", "sctp"),
}


def opened(kind: str) -> Socket:
    """Return a new socket; skip the test where there are none of this kind.

    Raw sockets are for the privileged, IPv6 may be switched off, few kernels have sctp loaded.
    """
    match socket.open(*KINDS[kind]):
        case Ok(sock):
            return sock
        case Error("eperm" | "eafnosupport" | "eprotonosupport" | "esocktnosupport" as reason):
            pytest.skip(f"no {kind} socket here: {reason}")
        case result:
            raise AssertionError(result)


async def closed(kind: str) -> Socket:
    """Return a socket that is closed."""
    sock = opened(kind)
    ok(await socket.close(sock))
    return sock


async def in_another_process(function: Callable[[], Any]) -> Any:
    """Return the result of a function that another process calls."""

    async def process(dest: Pid) -> None:
        send(dest, (current_pid(), function()))

    pid = spawn(process, current_pid())
    _, result = await receive(lambda message: isinstance(message, tuple) and message[0] is pid)
    return result


async def arrived(sock: Socket, count: int) -> None:
    """Wait until `count` bytes have arrived."""
    ok(socket.setopt(sock, "socket", "rcvlowat", count))
    with stdlib.socket(fileno=os.dup(ok(socket.getopt(sock, "otp", "fd")))) as same:
        await trio.lowlevel.wait_readable(same)
    ok(socket.setopt(sock, "socket", "rcvlowat", 1))
