"""Erlang's behaviours: servers, supervisors, state machines, tasks and applications."""

from . import sys
from .application import Application, run_application
from .behaviour.outcomes import Continue, Ignore, NoReply, Reply, Stop
from .behaviour.starting import start, start_link
from .calls.client import (
    call,
    cast,
    check_response,
    receive_response,
    reply,
    send_request,
    stop,
    wait_response,
)
from .calls.protocol import Answer, Call, Caller, Cast
from .machine.outcomes import (
    Enter,
    EventTimeout,
    Info,
    Internal,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
    TimedOut,
)
from .machine.state_machine import StateMachine
from .server.gen_server import GenServer
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
