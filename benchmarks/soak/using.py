"""Reading and writing a socket in all ways, one of which is chosen at random each time.

If a read ends early (by a time-out, a cancelled scope, a cancelled select), the next one must get
all bytes. If a write ends early, it returns the rest.
"""

import time
from random import Random
from typing import Final

import attrs
import trio

from actorsock import Error, Ok, Select, receive, socket
from actorsock.socket import AbortMessage, SelectInfo, SelectMessage, Socket

__all__ = ["PATIENCE", "Broken", "Stuck", "User"]

PATIENCE: Final = 30.0
"""Seconds after which an operation is considered stuck."""

_SHORT: Final = 0.01


class Broken(Exception):
    """The connection cannot be used any more: the peer was killed or has closed."""


class Stuck(Exception):
    """No progress, although both ends are open."""


@attrs.frozen
class User:
    """A process that uses a socket."""

    sock: Socket
    chance: Random
    light: bool
    hurry: float = PATIENCE
    """The longest time, in seconds, that a read of a fixed length waits for the rest."""

    async def read(self, length: int) -> bytes:
        """Read `length` bytes, or some if it is 0; fewer at the end, or if the read ends early."""
        begin = time.monotonic()
        while time.monotonic() < begin + PATIENCE:
            data = await self._read_once(length)
            if data is not None:
                return data
        raise Stuck(f"no byte in {PATIENCE:g} seconds")

    async def write(self, data: bytes) -> None:
        """Write all of `data`."""
        begin = time.monotonic()
        while data:
            if time.monotonic() > begin + PATIENCE:
                raise Stuck(f"no byte could be sent in {PATIENCE:g} seconds")
            data = await self._write_once(data)

    async def _read_once(self, length: int) -> bytes | None:
        result: Ok[bytes] | Error | Select | None
        way = self.chance.random()
        if way < 0.4:
            result = await socket.recv(
                self.sock, length, (), self.hurry if length > 1 else PATIENCE
            )
        elif way < 0.6:
            result = await socket.recv(self.sock, length, (), self.chance.random() * _SHORT)
        elif way < 0.7 and not self.light:
            result = None
            with trio.move_on_after(self.chance.random() * _SHORT):
                result = await socket.recv(self.sock, length)
        else:
            answer = socket.recv_nowait(self.sock, length)
            assert isinstance(answer, (Ok, Error, Select))
            result = answer
        match result:
            case Ok(data):
                return bytes(data)
            case Select(info, data):
                await self._selected(info, impatient=data is not None)
                return bytes(data) if data else None
            case Error("timeout", data):
                return bytes(data) if data else None
            case Error("closed", data):
                return bytes(data) if data else b""
            case Error(reason):
                raise Broken(reason)
        return None

    async def _write_once(self, data: bytes) -> bytes:
        result: Ok[bytes | None] | Error | Select
        way = self.chance.random()
        if way < 0.5:
            result = await socket.send(self.sock, data, (), PATIENCE)
        elif way < 0.7:
            result = await socket.send(self.sock, data, (), self.chance.random() * _SHORT)
        else:
            result = socket.send_nowait(self.sock, data)
        match result:
            case Ok():
                return b""
            case Select(info, rest):
                await self._selected(info)
                return data if rest is None else rest
            case Error("timeout", rest):
                return data if rest is None else rest
            case Error(reason):
                raise Broken(reason)

    async def _selected(self, info: SelectInfo, impatient: bool = False) -> None:
        """Wait for the select message, or cancel the operation instead."""
        if impatient or self.chance.random() < 0.3:
            socket.cancel(self.sock, info)
            await receive(info.ref, after=0)  # it may have arrived already
            return
        match await receive(info.ref, after=PATIENCE):
            case SelectMessage() | AbortMessage():
                pass
            case _:
                raise Stuck(f"no select message in {PATIENCE:g} seconds")
