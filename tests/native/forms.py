"""Both forms of every function that has a native twin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actorsock.otp.calls import calling, protocol
from actorsock.otp.server.fast_path import ServerInPlace
from actorsock.runtime.api import messaging, opening
from actorsock.runtime.bodies import current, light
from actorsock.runtime.bodies.light import LightBody
from actorsock.runtime.core.process import Process
from actorsock.socket.api import asking, receiving, sending
from actorsock.socket.core.actor import SocketActor
from actorsock.socket.core.epoll_poller import EpollPoller
from actorsock.socket.core.readiness import Readiness
from actorsock.socket.operations import send
from actorsock.socket.operations.recv import RecvWhatIsThere

PLACES: tuple[tuple[Any, str], ...] = (
    (EpollPoller, "_drain"),
    (Readiness, "nothing_to_read"),
    (Readiness, "on_ready"),
    (Process, "deliver"),
    (LightBody, "spend"),
    (RecvWhatIsThere, "attempt"),
    (ServerInPlace, "__call__"),
    (SocketActor, "resume"),
    (SocketActor, "select_for"),
    (asking, "current_process"),
    (calling, "current_process"),
    (calling, "deliver_call"),
    (protocol, "deliver_call"),
    (current, "current_process"),
    (light, "step_all"),
    (messaging, "_next_message"),
    (messaging, "current_process"),
    (messaging, "send"),
    (opening, "step_all"),
    (receiving, "_next_bytes"),
    (send, "send_plainly"),
    (sending, "send_plainly"),
)


def python_form(function: Any) -> Any:
    """Return the Python function behind a twin."""
    return function.__wrapped__


@contextmanager
def in_python() -> Iterator[None]:
    """Put the Python function into every place of a twin meanwhile."""
    twins = [(place, name, vars(place)[name]) for place, name in PLACES]
    twins = [entry for entry in twins if type(entry[2]).__name__ == "Twin"]
    for place, name, twin in twins:
        setattr(place, name, python_form(twin))
    try:
        yield
    finally:
        for place, name, twin in twins:
            setattr(place, name, twin)
