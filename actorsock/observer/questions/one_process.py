"""All that is known of one process."""

import os
import re
from typing import Any, Final

from ...arguments import shown
from ...log_text import text_of, text_with_data
from ...observing.process_info import ProcessInfo, process_info
from ...otp import CallError, sys
from ...otp.behaviour.engine import Engine
from ...runtime.bodies.stacks import StackEntry
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ..web.parameters import Parameters, WrongParameter
from ..web.site import Json
from .texts import label_text, pid_of

__all__ = ["process"]

_PID: Final = re.compile(r"<0\.[0-9]+\.0>")

_MOST_MESSAGES: Final = 20
_STATE_SECONDS: Final = 0.5
"""How long a behaviour may take to tell its state: a page waits for it."""


async def process(control: bool, messages: bool, parameters: Parameters) -> Json:
    """Return what is known of the process `pid`, and whether `control` lets people act on it.

    The oldest messages of its mailbox and, of a behaviour, the state are told only if `messages`
    is True. The state is asked for by `sys.get_status`, and missing if no answer comes in time.
    """
    text = parameters.text("pid")
    pid = pid_of(text)
    info = None if pid is None else process_info(pid)
    if pid is None or info is None:
        if not _PID.fullmatch(text):
            raise WrongParameter("pid: expected a pid, such as <0.5.0>")
        return {"pid": text, "ended": True}
    told = _told(info)
    told["control"] = control
    if messages:
        kept = process_info(pid, ["messages"]) or {"messages": []}
        told["messages"] = [text_with_data(each) for each in kept["messages"][:_MOST_MESSAGES]]
        told["state"] = await _state(pid)
    return told


def _told(info: ProcessInfo) -> dict[str, Json]:
    return {
        "pid": repr(info.pid),
        "name": info.registered_name,
        "label": label_text(info.label),
        "function": info.function,
        "kind": info.kind,
        "status": info.status,
        "waits": None if info.waits_for is None else str(info.waits_for),
        "queue": info.message_queue_len,
        "total": info.reductions,
        "parent": None if info.parent is None else repr(info.parent),
        "started": info.started.isoformat(timespec="milliseconds"),
        "links": [repr(pid) for pid in info.links],
        "monitors": [_named(target) for target in info.monitors],
        "monitored_by": [repr(pid) for pid in info.monitored_by],
        "trap_exit": info.trap_exit,
        "sockets": [
            {"socket": repr(one.socket), "owned": one.owned, "waiting": list(one.waiting)}
            for one in info.sockets
        ],
        "timers": [{"ref": repr(one.ref), "left": one.left} for one in info.timers],
        "stack": [_place(entry) for entry in info.current_stacktrace],
        "task": None if info.trio_task is None else shown(info.trio_task),
        "ended_by": None if info.ended_by is None else str(info.ended_by),
    }


def _named(target: Pid | tuple[str, str]) -> str:
    return repr(target) if isinstance(target, Pid) else f"{target[0]} on {target[1]}"


def _place(entry: StackEntry) -> Json:
    return {
        "module": entry.module,
        "function": entry.function,
        "file": os.path.basename(entry.file),
        "line": entry.line,
        "library": entry.module.startswith(("actorsock.", "trio.", "outcome.")),
    }


async def _state(pid: Pid) -> str | None:
    process = alive.get(pid)
    if process is None or not isinstance(process.body.function, Engine):
        return None
    try:
        status: Any = await sys.get_status(pid, timeout=_STATE_SECONDS)
    except CallError:
        return None
    return text_of(status.state)
