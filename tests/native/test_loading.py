"""The choice between the native core and the Python, and the surface of a twin."""

import inspect
import os
import subprocess
import sys
from types import FrameType

import pytest

import actorsock
from actorsock import _native
from actorsock.runtime.api import messaging

needs_core = pytest.mark.skipif(not actorsock.native, reason="the native core is not in use")


def in_a_program(code: str, **environment: str) -> str:
    """Return what a program of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


ASK = "import actorsock; print(actorsock.native, type(actorsock.send).__name__)"


def test_the_environment_turns_it_off() -> None:
    assert in_a_program(ASK, ACTORSOCK_NATIVE="0") == "False function"


@needs_core
def test_it_is_used_otherwise() -> None:
    assert in_a_program(ASK, ACTORSOCK_NATIVE="") == "True Twin"


ROUND_TRIP = """
from actorsock import current_pid, receive, run, send, spawn

async def echo():
    while True:
        sender, text = await receive()
        send(sender, text)

async def main():
    pid = spawn(echo, light=True)
    send(pid, (current_pid(), "there and back"))
    print(await receive())

run(main)
"""


@pytest.mark.parametrize("choice", ["0", ""], ids=["python", "as installed"])
def test_a_program_runs_either_way(choice: str) -> None:
    assert in_a_program(ROUND_TRIP, ACTORSOCK_NATIVE=choice) == "there and back"


@needs_core
def test_builds_without_the_global_lock_are_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native.sysconfig, "get_config_var", lambda name: 1)
    assert _native._load() is None


@needs_core
def test_other_interpreters_are_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native.platform, "python_implementation", lambda: "PyPy")
    assert _native._load() is None


@needs_core
def test_a_twin_looks_like_its_function() -> None:
    python = actorsock.send.__wrapped__
    assert actorsock.send.__name__ == "send"
    assert actorsock.send.__qualname__ == "send"
    assert actorsock.send.__module__ == messaging.__name__
    assert actorsock.send.__doc__ == python.__doc__
    assert inspect.signature(actorsock.send) == inspect.signature(python)
    assert "native twin of" in repr(actorsock.send)


@needs_core
def test_a_function_without_a_twin_is_a_mistake() -> None:
    with pytest.raises(LookupError, match="no native twin of missing"):
        _native._make_twin("missing", lambda: None)  # type: ignore[misc]


@needs_core
def test_a_trace_function_sees_the_python() -> None:
    def story() -> set[str]:
        seen = set()

        def trace(frame: FrameType, event: str, argument: object) -> None:
            seen.add(frame.f_code.co_qualname)

        async def main() -> None:
            sys.settrace(trace)
            try:
                actorsock.send(actorsock.current_pid(), "a message")
            finally:
                sys.settrace(None)

        actorsock.run(main)
        return seen

    assert {"send", "Process.deliver"} <= story()


@needs_core
def test_the_functions_stay_coroutine_functions() -> None:
    assert inspect.iscoroutinefunction(actorsock.receive)
    assert inspect.iscoroutinefunction(actorsock.socket.recv)
