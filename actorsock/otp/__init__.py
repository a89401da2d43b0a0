"""Erlang's behaviours: servers, state machines, supervisors, applications, and tasks.

- `calls`: requests to a server and their answers
- `behaviour`: the parts that all behaviours share
- `server`: `GenServer`
- `machine`: `StateMachine`
- `events`: `EventManager` and `EventHandler`
- `supervision`: `Supervisor`
- `application`, `application_tree`: `Application` and `run_application`
- `tasks`, `task_stream`: functions that run in processes of their own, and their results
- `sys`: inspecting and suspending a running behaviour
- `proc_lib`: starting processes without a behaviour

Each module imports only from those above it in this list.
"""

# Reachable as `otp.sys`, but not in `__all__`: `import *` must not hide Python's `sys`.
from . import proc_lib
from . import sys as sys
from .application import Application, run_application
from .behaviour.lifecycle import Ignore, Stop
from .behaviour.starting import start, start_link, start_monitor
from .calls.calling import call, cast, reply, stop
from .calls.failures import CallError
from .calls.protocol import Answer, Call, Caller, Cast, Request
from .calls.registries import Registry, Via
from .calls.request_collection import (
    NoRequest,
    RequestCollection,
    Response,
    reqids_add,
    reqids_new,
    reqids_size,
    reqids_to_list,
)
from .calls.requests import check_response, receive_response, send_request, wait_response
from .calls.travelling import in_context_of, stays, travels
from .events.event_handler import EventHandler
from .events.event_manager import EventManager
from .events.outcomes import RemoveHandler, SwapHandler
from .events.requests import (
    GenEventExit,
    HandlerCall,
    add_handler,
    add_sup_handler,
    delete_handler,
    notify,
    swap_handler,
    swap_sup_handler,
    sync_notify,
    which_handlers,
)
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
from .supervision.tree import TreeNode, supervision_tree
from .task_stream import TaskStream, async_stream
from .tasks import Task, async_call, await_result, nb_yield

__all__ = [
    "Answer",
    "Application",
    "Call",
    "CallError",
    "Caller",
    "Cast",
    "ChildCount",
    "ChildInfo",
    "ChildSpec",
    "Continue",
    "Enter",
    "EventHandler",
    "EventManager",
    "EventTimeout",
    "GenEventExit",
    "GenServer",
    "HandlerCall",
    "Ignore",
    "Info",
    "Internal",
    "KeepState",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "NoReply",
    "NoRequest",
    "Postpone",
    "Registry",
    "RemoveHandler",
    "RepeatState",
    "Reply",
    "Request",
    "RequestCollection",
    "Response",
    "StateMachine",
    "StateTimeout",
    "Stop",
    "Supervisor",
    "SupervisorFlags",
    "SwapHandler",
    "Task",
    "TaskStream",
    "TimedOut",
    "TreeNode",
    "Via",
    "add_handler",
    "add_sup_handler",
    "async_call",
    "async_stream",
    "await_result",
    "call",
    "cast",
    "check_response",
    "count_children",
    "delete_child",
    "delete_handler",
    "get_childspec",
    "in_context_of",
    "nb_yield",
    "notify",
    "proc_lib",
    "receive_response",
    "reply",
    "reqids_add",
    "reqids_new",
    "reqids_size",
    "reqids_to_list",
    "restart_child",
    "run_application",
    "send_request",
    "start",
    "start_child",
    "start_link",
    "start_monitor",
    "stays",
    "stop",
    "supervision_tree",
    "swap_handler",
    "swap_sup_handler",
    "sync_notify",
    "terminate_child",
    "travels",
    "wait_response",
    "which_children",
    "which_handlers",
]
