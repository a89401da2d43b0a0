"""Both forms of every function that has a native twin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actorsock.otp.calls import calling, protocol
from actorsock.otp.server.fast_path import ServerInPlace
from actorsock.runtime.api import messaging, opening, spawning
from actorsock.runtime.bodies import current, handler, light, task
from actorsock.runtime.bodies.light import LightBody
from actorsock.runtime.core import process
from actorsock.runtime.core.process import Process
from actorsock.socket.api import asking, receiving, sending
from actorsock.socket.core.actor import SocketActor
from actorsock.socket.core.epoll_poller import EpollPoller
from actorsock.socket.core.readiness import Readiness
from actorsock.socket.operations.recv import RecvFrom, RecvWhatIsThere
from actorsock.socket.operations.send import _SendData

PLACES: tuple[tuple[Any, str], ...] = (
    (EpollPoller, "_drain"),
    (Readiness, "nothing_to_read"),
    (Readiness, "on_ready"),
    (Process, "deliver"),
    (Process, "end"),
    (process, "new_process"),
    (light, "new_process"),
    (light, "start_light"),
    (task, "new_process"),
    (handler, "new_process"),
    (spawning, "start_light"),
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
    (RecvFrom, "attempt"),
    (_SendData, "attempt"),
    (asking, "blocking"),
    (asking, "nowait_receive"),
    (receiving, "blocking"),
    (receiving, "nowait_receive"),
    (sending, "_send"),
    (sending, "blocking"),
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
