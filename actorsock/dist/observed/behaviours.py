"""Servers: their behaviours and their states."""

from typing import Any, Final

from ...otp import sys
from ...otp.application import Application
from ...otp.behaviour.engine import Engine
from ...otp.calls.failures import CallError
from ...otp.events.event_manager import EventManager
from ...otp.machine.state_machine import StateMachine
from ...otp.server.gen_server import GenServer
from ...otp.supervision.supervisor import Supervisor
from ...runtime.api.linking import exit
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, processes_of
from ..node.system_messages import as_seen
from ..terms.values import Atom
from .names import UNDEFINED, text, word
from .observable import Look
from .process_items import process_info

__all__ = ["get_status", "module_info", "translate_initial_call"]

_A: Final = Atom

_NO_BEHAVIOUR: Final = (Atom("proc_lib"), Atom("init_p"), 5)
"""The answer for a process that has no state to show."""

_BEHAVIOURS: Final[tuple[tuple[type, str], ...]] = (
    (Supervisor, "supervisor"),
    (StateMachine, "gen_statem"),
    (EventManager, "gen_event"),
    (Application, "application"),
    (GenServer, "gen_server"),
)


def translate_initial_call(look: Look, pid: Pid) -> Any:
    """Return the initial call of a server, with its class in place of the callback module.

    The observer then asks for the state of the server. So without `messages`, which lets it see
    states, the answer is that of a process without a behaviour.
    """
    process = look.node.here(pid)
    if process is None:
        return UNDEFINED
    if not look.messages or _behaviour(process) is None:
        return _NO_BEHAVIOUR
    return word(process.body.describe()), _A("init"), 1


def module_info(look: Look, module: str, asked: Any) -> Any:
    """Return the behaviour of a class that `translate_initial_call` has named.

    Raises `ValueError` if `asked` is not `attributes`: nothing else is known of a module.
    """
    if asked != "attributes":
        raise ValueError(f"badarg: nothing is known of {asked!r}")
    for process in processes_of(look.node.node):
        behaviour = _behaviour(process)
        if behaviour is not None and word(process.body.describe()) == module:
            return [(_A("behaviour"), [behaviour])]
    # The server has ended. The observer needs an answer, and shows this one.
    return [(_A("behaviour"), [UNDEFINED])]


async def get_status(look: Look, pid: Pid, milliseconds: int) -> Any:
    """Return the status of a server, in the form in which `gen_server` formats it."""
    process = look.node.here(pid)
    behaviour = None if process is None or not look.messages else _behaviour(process)
    if process is None or behaviour is None:
        exit((_A("noproc"), (_A("sys"), _A("get_status"), [pid, milliseconds])))
    try:
        status = await sys.get_status(pid, milliseconds / 1000)
    except CallError:
        # This is the one failure that the observer expects: it shows no state then.
        exit((_A("timeout"), (_A("sys"), _A("get_status"), [pid, milliseconds])))
    parent = UNDEFINED if status.parent is None else status.parent
    first = [
        (text("Status"), _A(status.status)),
        (text("Parent"), parent),
        (text("Logged events"), as_seen(status.log)),
    ]
    shown = [
        (_A("header"), text(f"Status of {status.behaviour} {status.registered_name or pid!r}")),
        (_A("data"), first),
        (_A("data"), [(text("State"), as_seen(status.state))]),
    ]
    dictionary = process_info(look, pid, _A("dictionary"))
    known = dictionary[1] if isinstance(dictionary, tuple) else []
    items = [known, _A(status.status), parent, [], shown]
    return _A("status"), pid, (_A("module"), behaviour), items


def _behaviour(process: Process) -> Atom | None:
    engine = process.body.function
    if not isinstance(engine, Engine):
        return None
    cls = engine.__wrapped__
    return next((_A(name) for base, name in _BEHAVIOURS if issubclass(cls, base)), None)
