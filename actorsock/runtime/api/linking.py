"""Links, monitors and exit signals: the ways in which the end of a process reaches others."""

from threading import get_ident
from typing import Any, Final, Literal, NoReturn, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_word
from ..bodies.current import current_process
from ..core.identity import Pid, Ref, check_pid, check_ref
from ..core.messages import Down
from ..core.process import ExitSignal, Process, ProcessExit, alive
from ..core.remote import Remote, RemotePid
from .naming import elsewhere, exact

__all__ = [
    "NoProcessError",
    "demonitor",
    "discard_down",
    "exit",
    "link",
    "monitor",
    "send_exit_signal",
    "trap_exit",
    "unlink",
]

_MISSING: Final[Any] = object()


class NoProcessError(Exception):
    """Raised by `link` if the process has ended and the caller does not trap exits.

    Erlang's error `noproc`.

    Example::

        try:
            link(worker)
        except NoProcessError:
            worker = spawn_link(work)
    """


@enable_ki_protection
def link(pid: Pid) -> None:
    """Link the caller and another process. Erlang's `link/1`.

    When one of the two ends, the other gets an exit signal with the reason: a reason other than
    `"normal"` ends it too, unless it traps exits (see `trap_exit`). There is at most one link for
    a pair; linking again, or to oneself, does nothing.

    Args:
        pid: the other process. If it has ended and the caller traps exits, `Exit(pid, "noproc")`
            is delivered to the caller. If it is of another node, an exit signal with that reason
            comes later, also to a caller that does not trap exits.

    Raises:
        NoProcessError: the process has ended, and the caller does not trap exits.
        RuntimeError: the process belongs to a runtime in another thread.
        TypeError: `pid` is not a `Pid`.

    Example::

        worker = spawn_link(work)  # spawn and link in one step
        link(whereis("database"))
    """
    process = current_process()
    other = _in_this_thread(check_pid(pid))
    if other is process:
        return
    if other is not None:
        process.link(other)
    elif isinstance(pid, RemotePid):
        process.link_elsewhere(pid)
    elif process.trapping:
        process.signal(pid, "noproc", "link")
    else:
        raise NoProcessError(f"pid: {pid!r} has ended (noproc)")


@enable_ki_protection
def unlink(pid: Pid) -> None:
    """Remove the link between the caller and another process, if any. Erlang's `unlink/1`.

    Args:
        pid: the other process. An `Exit` from it that is in the mailbox already stays there.

    Raises:
        TypeError: `pid` is not a `Pid`.

    Example::

        unlink(worker)
        exit(worker, "shutdown")  # its end does not reach the caller any more
    """
    current_process().unlink(check_pid(pid))


@enable_ki_protection
def monitor(
    dest: Pid | str | tuple[str, str],
    *,
    alias: Literal["explicit_unalias", "demonitor", "reply_demonitor"] | None = None,
) -> Ref:
    """Request one `Down` message for the end of a process. Erlang's `monitor/2,3`.

    Args:
        dest: a pid, a registered name, or a pair `(name, node)` in a cluster. If there is no such
            process, the message is delivered at once, with reason `"noproc"`; if the connection
            with its node breaks, with reason `"noconnection"`.
        alias: makes the ref an alias too (see `alias`), until `unalias`. `"demonitor"` ends the
            alias with the monitor as well (by `demonitor` or `Down`); `"reply_demonitor"` ends
            both with the first message through the alias; `"explicit_unalias"` leaves it to
            `unalias` alone.

    Returns:
        The `Ref` that the message will carry, also for `demonitor`.

    Raises:
        RuntimeError: the process belongs to a runtime in another thread.
        TypeError, ValueError: an argument is not one of those above.

    Example::

        ref = monitor(server)
        send(server, Request(ref, current_pid()))
        match await receive(ref):
            case Down(reason=reason): ...  # the server ended before it answered
            case answer: demonitor(ref, flush=True)
    """
    if alias is not None:
        check_word("alias", alias, ("explicit_unalias", "demonitor", "reply_demonitor"))
    process = current_process()
    name = dest if isinstance(dest, str) else elsewhere(process.node, dest)
    pid: Pid | None
    if isinstance(name, Remote):
        pid = None
        ref = process.monitor_elsewhere(name)
    else:
        pid = (
            check_pid(dest, "dest", "a Pid or a registered name")
            if name is None
            else process.node.names.get(exact(name))
        )
        ref = process.monitor(None if pid is None else _in_this_thread(pid), dest)
    # Monitoring yourself, or a dead process, creates no lasting monitor. An alias that would end
    # with the monitor is then never active.
    lasting = alias == "explicit_unalias" or ref in (process.monitors or ())
    if alias is not None and lasting and pid is not process.pid:
        process.add_alias(ref, alias)
    return ref


@enable_ki_protection
def demonitor(ref: Ref, flush: bool = False) -> None:
    """Remove a monitor of the caller. Erlang's `demonitor/1,2`.

    No `Down` for it is delivered after the call.

    Args:
        ref: the result of `monitor`; any other ref does nothing.
        flush: True also removes its `Down` from the mailbox, if it was delivered before.

    Raises:
        TypeError: `ref` is not a `Ref`.

    Example::

        ref = monitor(server)
        ...
        demonitor(ref, flush=True)  # no Down of this monitor is, or will be, in the mailbox
    """
    check_ref(ref)
    process = current_process()
    process.demonitor(ref)
    if flush:
        discard_down(process, ref)


def discard_down(process: Process, ref: Ref) -> None:
    """Remove the `Down` with `ref` from the mailbox of `process`, if it is there."""
    process.mailbox.discard(ref, lambda message: type(message) is Down)


@enable_ki_protection
def trap_exit(flag: bool) -> bool:
    """Choose how exit signals reach the caller. Erlang's `process_flag(trap_exit, Flag)`.

    Args:
        flag: True turns exit signals into `Exit` messages, all but `"kill"`. With False, as at the
            start of a process, they end it.

    Returns:
        The former setting.

    Raises:
        TypeError: `flag` is not a bool.

    Example::

        trap_exit(True)
        worker = spawn_link(work)
        match await receive(Exit):
            case Exit(reason="normal"): ...
            case Exit(reason=reason): ...  # a crash: `reason` is the exception
    """
    check_bool("flag", flag)
    process = current_process()
    former, process.trapping = process.trapping, flag
    return former


@overload
def exit(reason: Any, /) -> NoReturn: ...
@overload
def exit(pid: Pid, reason: Any, /) -> None: ...
@enable_ki_protection
def exit(pid_or_reason: Any, reason: Any = _MISSING, /) -> None:
    """End the caller, or send an exit signal to another process. Erlang's `exit/1,2`.

    `exit(reason)` ends the caller with that reason, by raising `ProcessExit`.

    `exit(pid, reason)` sends an exit signal. `"normal"` is ignored, unless the caller sends it to
    itself; `"kill"` ends the process whatever it does; any other reason ends the process unless it
    traps exits. One that traps exits gets the message `Exit(caller, reason)` instead of each signal
    except `"kill"`.

    Args:
        pid: the process that gets the signal; one that has ended gets none.
        reason: any object; `"normal"`, `"shutdown"` and `"kill"` have a meaning.

    Raises:
        ProcessExit: `exit(reason)`, always.
        ExitSignal: the caller has sent itself a signal that ends it.
        RuntimeError: the process belongs to a runtime in another thread.
        TypeError: the first of two arguments is not a `Pid`.

    Example::

        exit(worker, "shutdown")  # ask a worker to end
        exit("normal")  # end the caller
    """
    process = current_process()
    if reason is _MISSING:
        if process.body.adopted:
            # The task goes on after the exception is caught, but its process has ended.
            process.end(pid_or_reason)
        raise ProcessExit(pid_or_reason)
    if check_pid(pid_or_reason) is process.pid:
        process.signal(process.pid, reason, "self")
        if process.ending:
            process.body.check()
            # `check` does not stop a task of `spawn` or a handler: code after `exit` must not run.
            raise ExitSignal(process.reason)
    else:
        send_exit_signal(process.pid, pid_or_reason, reason)


def send_exit_signal(sender: Pid, pid: Pid, reason: Any) -> None:
    """Send the exit signal of `exit(pid, reason)` to another process than `sender`."""
    target = _in_this_thread(pid)
    if target is not None:
        target.signal(sender, reason, "exit")
    elif isinstance(pid, RemotePid):
        pid.signal(sender, reason)


def _in_this_thread(pid: Pid) -> Process | None:
    """Return the process if it is alive; raise `RuntimeError` if it is another thread's."""
    process = alive.get(pid)
    if process is not None and process.node.thread != get_ident():
        raise RuntimeError(
            f"pid: {pid!r} is of a runtime in another thread: no links, monitors and exit signals "
            "lead there; messages do, by `send`"
        )
    return process
