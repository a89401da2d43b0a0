"""The types of the library: results are precise, and checkers find wrong arguments."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from actorsock.socket.api import configuring
from actorsock.socket.options import find, find_otp

from .documentation.documents import PRODUCT, ROOT

PROGRAM = """\
from array import array
from mmap import mmap
from typing import Any, assert_never, assert_type

from actorsock import Down, Error, Exit, Ok, Pid, Ref, Select, SelectRead, TimerExpired, Timeout
from actorsock import gen_tcp, in_trio, mailbox, ok, otp, receive, run, socket
from actorsock import spawn, spawn_link, spawn_monitor
from actorsock.testing import OwnMailbox, Runtime


async def double(number: int) -> int:
    return number * 2


async def nothing() -> None:
    pass


async def starting() -> None:
    spawn(double, 1)
    spawn(nothing, name="nothing", light=True)
    spawn(double)  # wrong
    spawn(double, "1")  # wrong
    spawn_monitor(nothing, 1)  # wrong
    assert_type(await in_trio(double, 1), int)
    await in_trio(double, "1")  # wrong
    task = otp.async_call(double, 1)
    assert_type(await otp.await_result(task), int)
    assert_type(await otp.nb_yield(task), Ok[int] | Error[Any] | Timeout)
    otp.async_call(double, "1")  # wrong
    otp.async_call(abs, 1)  # wrong
    otp.async_stream(double, ["1"])  # wrong


assert_type(run(double, 1), int | None)
run(double)  # wrong


async def receiving() -> None:
    assert_type(await receive(Down), Down)
    assert_type(await receive(Down, after=1), Down | Timeout)
    assert_type(await receive((Down, Exit)), Down | Exit)
    assert_type(await receive((Down, Exit, str), after=1), Down | Exit | str | Timeout)
    async for message in mailbox((Down, Exit)):
        match message:
            case Down():
                pass
            case _:
                assert_never(message)  # wrong
    async for one_of_four in mailbox((Down, Exit, TimerExpired, str)):
        assert_type(one_of_four, Down | Exit | TimerExpired | str)
    await receive(Down, after="soon")  # wrong


class Price(otp.Request[int]):
    pass


async def requests(server: Pid, some: Any) -> None:
    assert_type(await otp.call(server, Price()), int)
    assert_type(await otp.call(server, Price(), timeout=1), int)
    assert_type(await otp.call(server, "price"), Any)
    assert_type(await otp.call(server, some), Any)
    price = await otp.call(server, Price())
    price.upper()  # wrong
    await otp.call(server, Price(), timeout="soon")  # wrong
    ref = otp.send_request(server, Price())
    assert_type(await otp.receive_response(ref), Ok[int] | Error | Timeout)
    assert_type(await otp.wait_response(ref, 1), Ok[int] | Error | Timeout)
    assert_type(otp.check_response(some, ref), Ok[int] | Error | None)
    assert_type(await otp.receive_response(otp.send_request(server, 1)), Ok[Any] | Error | Timeout)


async def sockets() -> None:
    sock = ok(socket.open("inet", "stream", "tcp"))
    socket.open("inte", "stream")  # wrong
    socket.open("inet", "steam")  # wrong
    socket.shutdown(sock, "both")  # wrong
    match await socket.recv(sock):
        case Ok(data):
            assert_type(data, bytes)
        case Error(reason):
            assert_type(reason, str)
        case other:
            assert_never(other)


async def streams(listener: gen_tcp.TcpSocket) -> None:
    match await gen_tcp.accept(listener):
        case Ok(conn):
            assert_type(conn, gen_tcp.TcpSocket)
            gen_tcp.recv(conn, "all")  # wrong
        case Error(reason):
            assert_type(reason, str)
        case other:
            assert_never(other)


class Server(otp.GenServer):
    def init(self, price: int) -> None:
        self.price = price

    def handle_call(self, request: Price | str, caller: otp.Caller) -> otp.Reply | otp.NoReply:
        match request:
            case Price():
                return otp.Reply(self.price)
            case str():
                return otp.NoReply()
            case _:
                assert_never(request)


class Top(otp.Supervisor):
    def init(self) -> tuple[otp.SupervisorFlags, list[otp.ChildSpec]]:
        return otp.SupervisorFlags("one_for_all"), [
            otp.ChildSpec("server", otp.start_link, (Server, 1), restart="transient"),
            otp.ChildSpec("double", spawn_link, (double, 1), shutdown="brutal_kill"),
            otp.ChildSpec("never", spawn_link, (double, 1), "never"),  # wrong
        ]


async def reasons() -> None:
    match await otp.start(Server):
        case Ok(pid):
            assert_type(pid, Pid)
        case Error(ValueError() as exc):
            exc.argz  # wrong
        case Error(reason):
            assert_type(reason, Any)
    started = ok(await otp.start_monitor(Server))
    pid, ref = started
    assert_type(ref, Ref)


async def test_fixtures(runtime: Runtime, mailbox: OwnMailbox) -> None:
    runtime.allow(spawn(nothing))
    assert_type(await mailbox.assert_receive(Down), Down)
    assert_type(await mailbox.assert_received(int), int)
    assert_type(await mailbox.assert_receive("done", timeout=1), Any)
    mailbox.assert_empty(1)  # wrong


async def waiting(sock: socket.Socket) -> None:
    match socket.accept_nowait(sock):
        case Ok(accepted):
            assert_type(accepted, socket.Socket)
        case Error():
            pass
        case other:
            assert_never(other)  # wrong
    match socket.recv_nowait(sock):
        case Ok(data):
            assert_type(data, bytes)
        case Select(info) | SelectRead(info):
            assert_type(info, socket.SelectInfo)
        case Error():
            pass
        case other_result:
            assert_never(other_result)
    owner: Pid = socket.info(sock).owner  # wrong
    select = socket.send_nowait(sock, b"data")
    if isinstance(select, Select):
        socket.cancel(sock, select.info)
        assert_type(select.info, socket.SelectInfo)
        select.info.reff  # wrong


async def sending(sock: socket.Socket, parts: list[bytes], memory: mmap, some: Any) -> None:
    await socket.send(sock, bytearray(b"data"))
    await socket.send(sock, memoryview(b"data"))
    await socket.send(sock, array("i", [1]))
    await socket.send(sock, memory)
    await socket.send(sock, parts)
    await socket.send(sock, some)
    await socket.send(sock, [b"some", [b"more", (memory, parts)]])
    await socket.send(sock, (b"some", [b"more"]))
    await socket.send(sock, "text")  # wrong
    await socket.send(sock, 42)  # wrong
    await socket.send(sock, None)  # wrong
    await socket.send(sock, {b"data"})  # wrong
    await socket.send(sock, (b"some", "text"))  # wrong
    socket.send_nowait(sock, "text")  # wrong
    await socket.sendto(sock, "text", "loopback")  # wrong
    socket.sendto_nowait(sock, "text", "loopback")  # wrong
    await socket.sendv(sock, parts)
    await socket.sendv(sock, (b"some", memory))
    await socket.sendv(sock, "text")  # wrong
    await socket.sendv(sock, b"data")  # wrong
    socket.sendv_nowait(sock, ["text"][0])  # wrong


def options(sock: socket.Socket, name: str) -> None:
    assert_type(socket.getopt(sock, "otp", "controlling_process"), Ok[Pid] | Error)
    assert_type(ok(socket.getopt(sock, "otp", "fd")), int)
    assert_type(ok(socket.getopt(sock, "otp", "select_read")), bool)
    assert_type(ok(socket.getopt(sock, "socket", "reuseaddr")), bool)
    assert_type(ok(socket.getopt(sock, "tcp", "nodelay")), bool)
    assert_type(ok(socket.getopt(sock, "socket", "linger")), Any)
    assert_type(ok(socket.getopt(sock, "socket", name)), Any)
    assert_type(ok(socket.getopt(sock, 1, (2, "integer"))), Any)
"""


def errors(place: Path, module: str, *options: str) -> tuple[set[int], str]:
    """Return the lines of the program in which a checker finds errors, and what it writes."""
    pytest.importorskip(module)
    (place / "program.py").write_text(PROGRAM, encoding="utf-8")
    # mypy finds an installed package without MYPYPATH, and refuses site-packages in it.
    path = {"MYPYPATH": str(ROOT)} if PRODUCT == ROOT else {}
    checked = subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=place,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = re.findall(r"program\.py:(\d+)(?::\d+ -|:) error", checked.stdout)
    return {int(line) for line in found}, checked.stdout + checked.stderr


WRONG = {n for n, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}


def test_mypy_finds_the_wrong_lines_and_no_others(tmp_path: Path) -> None:
    found, output = errors(tmp_path, "mypy", "--strict", "--config-file=", "program.py")
    assert found == WRONG, output


def test_pyright_finds_the_wrong_lines_and_no_others(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright", reason="`make lint` installs it")
    settings = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(PRODUCT)],
        # basedpyright's alone: it reports the `assert_never` that is the point here.
        "reportUnnecessaryComparison": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    found, output = errors(
        tmp_path, "basedpyright", "--pythonpath", sys.executable, "--project", str(tmp_path)
    )
    assert found == WRONG, output


def test_the_options_typed_as_bool_are_flags() -> None:
    flags = [
        *map(find_otp, get_args(configuring.OtpFlag)),
        *(find("socket", name) for name in get_args(configuring.SocketFlag)),
        *(find("tcp", name) for name in get_args(configuring.TcpFlag)),
    ]
    assert {flag.value for flag in flags} == {"True or False", find_otp("use_registry").value}
