"""The process that has an application's tree, and calls the application's functions.

As in Erlang the application master has a second process for that: it stops the tree in order
also when the master is killed, which can do nothing any more then.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs

from ..results import Error, Ok
from ..runtime.api.linking import exit, trap_exit
from ..runtime.api.messaging import current_pid, receive, send
from ..runtime.api.spawning import spawn_link
from ..runtime.core.identity import Pid
from ..runtime.core.messages import Exit
from .supervision.child_process import start_process, stop_processes
from .supervision.child_spec import ChildSpec

__all__ = ["start_tree", "stop_tree"]


@attrs.frozen
class _Began:
    """To the master: what the application's `start` has come to."""

    tree: Pid
    result: Ok[Pid | None] | Error


async def start_tree(application: Any, args: tuple[Any, ...]) -> Ok[Pid] | Error:
    """Start the process, linked with the caller, and in it the application.

    `Ok` with the pid of the process when the application has started; otherwise it has ended.
    The caller traps exits.
    """
    tree = spawn_link(_run, application, args, current_pid())
    try:
        answer = await receive(lambda message: _is_exit(message, tree) or _is_began(message, tree))
    except BaseException:
        # Nobody waits for the start any more. It traps exits, so it would not mind.
        exit(tree, "kill")
        raise
    match answer:
        case _Began(result=Ok(Pid())):
            return Ok(tree)
        case _Began(result=Ok()):
            return Error("ignore")
        case _Began(result=Error() as error):
            return error
    return Error(answer.reason)


async def stop_tree(tree: Pid) -> Any:
    """Have the tree stopped; the reason with which its process, linked with the caller, ends."""
    exit(tree, "shutdown")
    return (await receive(lambda message: _is_exit(message, tree))).reason


async def _run(application: Any, args: tuple[Any, ...], master: Pid) -> None:
    trap_exit(True)
    spec = ChildSpec("application", partial(application.start, *args), type="supervisor")
    result = await start_process(spec)
    send(master, _Began(current_pid(), result))
    match result:
        case Ok(Pid() as top):
            await _serve(application, spec, top, master)


async def _serve(application: Any, spec: ChildSpec, top: Pid, master: Pid) -> None:
    end = await receive()
    while not _is_exit(end, top) and not _is_exit(end, master):
        end = await receive()  # what else comes is for nobody
    # A mistake in one of these is told in the end, and the rest is done all the same.
    mistakes: list[Exception] = []
    if end.pid is master:
        await _called(application.prep_stop, mistakes)
        await stop_processes(spec, [top])
    await _called(application.stop, mistakes)
    if mistakes:
        raise mistakes[0]
    exit(end.reason)


async def _called(callback: Callable[[], Any], mistakes: list[Exception]) -> None:
    try:
        result = callback()
        if isinstance(result, Awaitable):
            await result
    except Exception as mistake:
        mistakes.append(mistake)


def _is_exit(message: Any, pid: Pid) -> bool:
    return type(message) is Exit and message.pid is pid


def _is_began(message: Any, tree: Pid) -> bool:
    return type(message) is _Began and message.tree is tree
