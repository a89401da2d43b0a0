"""Erlang's behaviours: servers, supervisors, state machines, tasks and applications."""

from . import sys
from .application import Application, run_application
from .calling import (
    call,
    cast,
    check_response,
    receive_response,
    reply,
    send_request,
    stop,
    wait_response,
)
from .child_spec import ChildSpec, SupervisorFlags
from .gen_server import GenServer
from .machine_outcomes import (
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
from .outcomes import Continue, Ignore, NoReply, Reply, Stop
from .protocol import Answer, Call, Caller, Cast
from .starting import start, start_link
from .state_machine import StateMachine
from .supervising import (
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
from .supervisor import Supervisor
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
