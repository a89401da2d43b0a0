"""Erlang's behaviours: servers, state machines, supervisors, applications, and tasks.

- `calls`: requests to a server and their answers
- `behaviour`: the parts that all behaviours share
- `server`: `GenServer`
- `machine`: `StateMachine`
- `supervision`: `Supervisor`
- `application`, `application_tree`: `Application` and `run_application`
- `tasks`, `task_stream`: functions that run in processes of their own, and their results
- `sys`: inspecting and suspending a running behaviour

Each module imports only from those above it in this list.
"""

from . import sys
from .application import Application, run_application
from .behaviour.lifecycle import Ignore, Stop
from .behaviour.starting import start, start_link
from .calls.calling import call, cast, reply, stop
from .calls.protocol import Answer, Call, Caller, Cast
from .calls.requests import check_response, receive_response, send_request, wait_response
from .machine.events import Enter, Info, Internal, TimedOut
from .machine.outcomes import (
    EventTimeout,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
)
from .machine.state_machine import StateMachine
from .server.gen_server import GenServer
from .server.outcomes import Continue, NoReply, Reply
from .supervision.child_spec import ChildSpec, SupervisorFlags
from .supervision.requests import (
    ChildCount,
    ChildInfo,
    count_children,
    delete_child,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from .supervision.supervisor import Supervisor
from .task_stream import TaskStream, async_stream
from .tasks import Task, async_call, await_result, nb_yield

__all__ = [
    "Answer",
    "Application",
    "Call",
    "Caller",
    "Cast",
    "ChildCount",
    "ChildInfo",
    "ChildSpec",
    "Continue",
    "Enter",
    "EventTimeout",
    "GenServer",
    "Ignore",
    "Info",
    "Internal",
    "KeepState",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "NoReply",
    "Postpone",
    "RepeatState",
    "Reply",
    "StateMachine",
    "StateTimeout",
    "Stop",
    "Supervisor",
    "SupervisorFlags",
    "Task",
    "TaskStream",
    "TimedOut",
    "async_call",
    "async_stream",
    "await_result",
    "call",
    "cast",
    "check_response",
    "count_children",
    "delete_child",
    "get_childspec",
    "nb_yield",
    "receive_response",
    "reply",
    "restart_child",
    "run_application",
    "send_request",
    "start",
    "start_child",
    "start_link",
    "stop",
    "sys",
    "terminate_child",
    "wait_response",
    "which_children",
]
