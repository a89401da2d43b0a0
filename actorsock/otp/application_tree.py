"""The process that owns an application's tree, and calls the application's functions.

As in Erlang the application master has this second process, so that the tree is stopped in order
even if the master is killed. The two are linked and both trap exits.
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
    """A message to the master: the result of the application's `start`."""

    tree: Pid
    result: Ok[Pid | None] | Error


async def start_tree(application: Any, args: tuple[Any, ...]) -> Ok[Pid] | Error:
    """Start the tree's process, linked to the caller, and the application in it.

    Return `Ok` with the pid of the process (not that of the top supervisor), or the `Error` of the
    application's `start`; then the process has ended. The caller must trap exits.
    """
    tree = spawn_link(_run, application, args, current_pid())
    try:
        answer = await receive(lambda message: _is_exit(message, tree) or _is_began(message, tree))
    except BaseException:
        # The start is cancelled. The process traps exits, so only "kill" is sure to end it.
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
    """Stop the tree, and return the reason with which its process has ended."""
    exit(tree, "shutdown")
    return (await receive(lambda message: _is_exit(message, tree))).reason


async def _run(application: Any, args: tuple[Any, ...], master: Pid) -> None:
    trap_exit(True)
    spec = ChildSpec("application", partial(application.start, *args), type="supervisor")
    result = await start_process(spec)
    send(master, _Began(current_pid(), result))
    match result:
        case Ok(Pid() as top):
            await _until_end(application, spec, top, master)


async def _until_end(application: Any, spec: ChildSpec, top: Pid, master: Pid) -> None:
    end = await receive()
    while not _is_exit(end, top) and not _is_exit(end, master):
        end = await receive()  # any other message is dropped
    # A crash of `prep_stop` must not keep the tree from being stopped, nor `stop` from being
    # called: the first exception is raised at the end.
    errors: list[Exception] = []
    if end.pid is master:
        await _call(application.prep_stop, errors)
        await stop_processes(spec, [top])
    await _call(application.stop, errors)
    if errors:
        raise errors[0]
    exit(end.reason)


async def _call(callback: Callable[[], Any], errors: list[Exception]) -> None:
    try:
        result = callback()
        if isinstance(result, Awaitable):
            await result
    except Exception as error:
        errors.append(error)


def _is_exit(message: Any, pid: Pid) -> bool:
    return type(message) is Exit and message.pid is pid


def _is_began(message: Any, tree: Pid) -> bool:
    return type(message) is _Began and message.tree is tree
