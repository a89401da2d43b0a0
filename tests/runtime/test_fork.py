"""A child of `os.fork` can't use the runtime that it inherits, and does not disturb its parent."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from actorsock import current_pid, receive, send, spawn
from actorsock.runtime.bodies.running import local


def report_of(child: Callable[[], object]) -> str:
    """Run `child` in a forked process; return what it raised."""
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of other tests
        pid = os.fork()
    if pid == 0:
        try:
            child()
            os.write(writes, b"nothing")
        except BaseException as exc:
            os.write(writes, str(exc).encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(pid, 0)
    with open(reads, "rb") as pipe:
        return pipe.read().decode()


@pytest.mark.parametrize("light", [False, True])
async def test_the_calls_of_a_child_name_the_cause(runtime: None, light: bool) -> None:
    async def process() -> None:
        me = current_pid()
        for call in [current_pid, lambda: send(me, "lost"), lambda: spawn(receive)]:
            assert "was forked" in report_of(call)
        send(first, "done")

    first = current_pid()
    spawn(process, light=light)
    assert await receive() == "done"
    assert local.step.process is None


PROGRAM = """
import os, trio
from actorsock import *

async def reads(to):
    sock = ok(socket.open("inet", "dgram"))
    ok(socket.bind(sock, ("127.0.0.1", 0)))
    send(to, ok(socket.sockname(sock)))
    send(to, ok(await socket.recvfrom(sock, timeout=100))[1])

async def main():
    spawn(reads, current_pid())
    address = await receive()
    await trio.testing.wait_all_tasks_blocked()
    child = os.fork()
    if child == 0:
        raise SystemExit  # unwinds through the runtime
    await trio.to_thread.run_sync(os.waitpid, child, 0)
    ok(await socket.sendto(ok(socket.open("inet", "dgram")), b"still heard", address))
    print("parent:", await receive(after=100))

import trio.testing
run(main)
"""


def test_the_end_of_a_child_leaves_the_sockets_of_its_parent_alone() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=True
    )
    assert ended.stdout == "parent: b'still heard'\n"
