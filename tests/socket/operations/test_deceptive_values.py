"""Arguments of classes of the caller's own, whose methods say something else than their value."""

import os
import tempfile
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest

from actorsock import Error, Ok, Select, ok, socket
from actorsock.socket import Socket
from actorsock.streams import SocketStream

from ...stories import in_runtime
from ..support import connected

DATA = b"0123456789" * 20


def refuse(*args: object) -> Any:
    raise RuntimeError("asked about itself")


LENGTHS: dict[str, Callable[[Any], Any]] = {
    "less": lambda data: 3,
    "more": lambda data: 5000,
    "none": lambda data: 0,
    "raises": refuse,
}


def deceptive(length: str) -> bytes:
    """Bytes whose every method lies or fails."""
    methods = {"__len__": LENGTHS[length], "__bool__": lambda data: False}
    refused = dict.fromkeys(("__getitem__", "__iter__", "__bytes__", "__eq__", "__hash__"), refuse)
    return type("Deceptive", (bytes,), methods | refused)(DATA)


SENDS: dict[str, Callable[[Socket, Any], Any]] = {
    "send": socket.send,
    "send a list": lambda sock, data: socket.send(sock, [data]),
    "sendv": lambda sock, data: socket.sendv(sock, [b"", data]),
    "sendmsg": lambda sock, data: socket.sendmsg(sock, socket.Msg(None, [data])),
    "stream": lambda sock, data: SocketStream(sock).send_all(data),
    "send_nowait": socket.send_nowait,
    "sendv_nowait": lambda sock, data: socket.sendv_nowait(sock, [data]),
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", SENDS)
@in_runtime
async def test_the_bytes_in_memory_are_sent(name: str, length: str) -> None:
    sock, peer = await connected()
    result = SENDS[name](sock, deceptive(length))
    assert (result if isinstance(result, Ok) else await result) in (Ok(), None)
    assert await peer.read_exactly(len(DATA)) == DATA


@in_runtime
async def test_a_datagram_is_the_bytes_in_memory() -> None:
    near, far = (ok(socket.open("inet", "dgram")) for _ in range(2))
    port = ok(socket.bind(far, "loopback"))
    for length in LENGTHS:
        assert await socket.sendto(near, deceptive(length), ("127.0.0.1", port)) == Ok()
        assert await socket.recv(far) == Ok(DATA)


class Endless(list[bytes]):
    """A list that never ends while it is read."""

    def __iter__(self) -> Any:
        return repeat(b"x")

    def __len__(self) -> int:
        return 2**40


class Huge(int):
    """An integer that compares as one within every range, and converts to a huge one."""

    __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True  # type: ignore[assignment]
    __int__ = __index__ = __add__ = lambda self, *args: 2**70  # type: ignore[assignment]


class Forever(float):
    """A time-out that is no number any more once it is computed with."""

    __radd__ = __gt__ = __eq__ = refuse  # type: ignore[assignment]
    __hash__ = float.__hash__


class Liar:
    """A file that says it has another descriptor."""

    def __init__(self, fileno: object) -> None:
        self.fileno = lambda: fileno


def encoded(self: str, *args: object) -> Any:
    return bytearray(b"nonsense" * 100)


Name = type("Name", (str,), {"encode": encoded, "__len__": refuse})


@in_runtime
async def test_other_arguments_count_as_the_value_that_they_have() -> None:
    sock, peer = await connected()
    pieces = Endless([b"ab", b"c"])
    assert await socket.send(sock, pieces) == await socket.sendv(sock, pieces) == Ok()
    assert await socket.send(sock, b"d", Endless()) == Ok()
    assert await peer.read_exactly(7) == b"abcabcd"
    peer.sendall(b"1234")
    assert await socket.recv(sock, Huge(2)) == Ok(b"12")
    assert await socket.recv(sock, Huge(3), timeout=Forever(0.01)) == Error("timeout", b"34")
    assert socket.setopt(sock, "otp", "rcvbuf", Huge(8192)) == Ok()
    assert socket.getopt(sock, "otp", "rcvbuf") == Ok(8192)
    assert socket.setopt(sock, "socket", "sndbuf", Huge(8192)) == Ok()
    assert ok(socket.ioctl(sock, "gifindex", Name("lo"))) > 0
    assert socket.shutdown(sock, Name("write")) == Ok()
    with pytest.raises(ValueError, match="2"):
        await socket.recv(sock, Huge(2**31))


@in_runtime
async def test_a_file_whose_descriptor_is_none_is_refused() -> None:
    sock, peer = await connected()
    with tempfile.TemporaryFile() as file:
        file.write(DATA)
        file.flush()
        wanted = Liar(Huge(file.fileno()))
        assert await socket.sendfile(sock, wanted, Huge(0), Huge(0)) == Ok(len(DATA))
    assert await peer.read_exactly(len(DATA)) == DATA
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    assert await socket.sendfile(sock, Liar(read)) == Error("ebadf")
    for wrong in (True, -1, 2**31, "0", None, Huge(-1)):
        with pytest.raises(ValueError, match="file"):
            await socket.sendfile(sock, Liar(wrong))


@in_runtime
async def test_a_memory_error_ends_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    sock, peer = await connected()
    assert isinstance(socket.recv_nowait(sock), Select)

    def no_memory(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr("actorsock.socket.operations.recv._read", no_memory)
    peer.sendall(b"x")
    with pytest.raises(MemoryError):
        socket.recv_nowait(sock, 1)
    assert socket.info(sock).num_readers == 0
