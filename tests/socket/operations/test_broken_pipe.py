"""A peer that has gone is an error for the sender, and no signal that ends the program."""

import os
import signal
import socket as stdlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actorsock.socket.kernel import sending_files

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="sigtimedwait(2) is needed")

PROGRAM = """
import inspect, signal, sys, tempfile
from actorsock import Error, ok, run, socket
from tests.sockets import connection

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
MUCH = bytes(3_000_000)

async def main():
    with tempfile.TemporaryFile() as file:
        file.write(MUCH)
        file.flush()
        for call in (
            lambda sock: socket.send(sock, b"x"), lambda sock: socket.send_nowait(sock, b"x"),
            lambda sock: socket.sendv(sock, [b"x"]), lambda sock: socket.sendv_nowait(sock, [b"x"]),
            lambda sock: socket.sendmsg(sock, {"iov": [b"x"]}),
            lambda sock: socket.sendfile(sock, file),
            lambda sock: socket.sendfile_nowait(sock, file),
        ):
            near, far = await connection("local")
            ok(await socket.close(far))
            result = call(near)
            result = await result if inspect.isawaitable(result) else result
            assert result == Error("epipe"), result
run(main)
"""


@needs_linux
def test_a_program_with_the_default_action_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()


@needs_linux
@pytest.mark.parametrize("when", ["waiting before", "in the same moment"])
def test_the_sigpipe_of_somebody_else_is_left(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGPIPE, lambda number, frame: seen.append(number))
    near, far = stdlib.socketpair()
    far.close()
    real: Callable[..., Any] = os.sendfile

    def signalled(*args: Any) -> int:
        kill = f"import os, signal; os.kill({os.getpid()}, signal.SIGPIPE)"
        subprocess.run([sys.executable, "-c", kill], check=True)
        return 0

    try:
        with near, tempfile.TemporaryFile() as file:
            file.write(b"data")
            file.flush()
            if when == "waiting before":
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
                signal.pthread_kill(threading.get_ident(), signal.SIGPIPE)
                with pytest.raises(BrokenPipeError):
                    sending_files.sendfile(near.fileno(), file.fileno(), 0, 4)
                assert signal.SIGPIPE in signal.sigpending()
            else:
                monkeypatch.setattr(os, "sendfile", signalled)
                assert sending_files.sendfile(near.fileno(), file.fileno(), 0, 4) == 0
                monkeypatch.setattr(os, "sendfile", real)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
            assert seen
            seen.clear()
            with pytest.raises(BrokenPipeError):
                sending_files.sendfile(near.fileno(), file.fileno(), 0, 4)
            assert seen == []
            assert signal.SIGPIPE not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
        signal.signal(signal.SIGPIPE, before)
