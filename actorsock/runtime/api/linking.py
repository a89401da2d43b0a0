"""Links, monitors and exit signals: how processes hear of each other's end."""

from threading import get_ident
from typing import Any, Final, Literal, NoReturn, overload

from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_word
from ..bodies.current import current_process
from ..core.identity import Pid, Ref, check_pid, check_ref
from ..core.messages import Down
from ..core.process import ExitSignal, Process, ProcessExit, alive

__all__ = [
    "NoProcessError",
    "demonitor",
    "exit",
    "link",
    "monitor",
    "trap_exit",
    "unlink",
]

_MISSING: Final[Any] = object()


class NoProcessError(Exception):
    """`link` to a process that has ended, by one that does not trap exits; Erlang's `noproc`."""


@enable_ki_protection
def link(pid: Pid) -> None:
    """Link the caller and `pid`: when one ends, the other gets an exit signal. Once per pair.

    Linking to a process that has ended delivers `Exit(pid, "noproc")` if the caller traps exits
    and raises `NoProcessError` otherwise. Erlang's `link/1`.
    """
    process = current_process()
    other = _here(check_pid(pid))
    if other is process:
        return
    if other is not None:
        process.link(other)
    elif process.trapping:
        process.signal(pid, "noproc", "link")
    else:
        raise NoProcessError(f"pid: {pid!r} has ended (noproc)")


@enable_ki_protection
def unlink(pid: Pid) -> None:
    """Remove the link with `pid`, if any; an `Exit` already delivered stays. `unlink/1`."""
    current_process().unlink(check_pid(pid))


@enable_ki_protection
def monitor(
    dest: Pid | str,
    *,
    alias: Literal["explicit_unalias", "demonitor", "reply_demonitor"] | None = None,
) -> Ref:
    """Ask for one `Down` message when `dest`, a pid or a registered name, ends.

    Returns the ref that the message will carry. If there is no such process the message comes
    at once, with reason `"noproc"`. Erlang's `monitor(process, Dest)`.

    With `alias` the ref is an alias too, until `unalias` and, with `"demonitor"`, until the
    monitor is gone (`demonitor` or `Down`); with `"reply_demonitor"` the first message through
    the alias ends both. `"explicit_unalias"` leaves it to `unalias` alone.
    """
    if alias is not None:
        check_word("alias", alias, ("explicit_unalias", "demonitor", "reply_demonitor"))
    process = current_process()
    pid = (
        process.node.names.get(dest)
        if isinstance(dest, str)
        else check_pid(dest, "dest", "a Pid or a registered name")
    )
    ref = process.monitor(None if pid is None else _here(pid), dest)
    # One monitors neither oneself, nor for long whoever has ended already.
    monitored = alias == "explicit_unalias" or ref in (process.monitors or ())
    if alias is not None and monitored and pid is not process.pid:
        process.add_alias(ref, alias)
    return ref


@enable_ki_protection
def demonitor(ref: Ref, flush: bool = False) -> None:
    """No `Down` for `ref` comes from here on; with `flush` one already delivered is removed.

    Erlang's `demonitor/1` and `demonitor(Ref, [flush])`.
    """
    check_ref(ref)
    process = current_process()
    process.demonitor(ref)
    if flush:
        process.mailbox.discard(ref, lambda message: isinstance(message, Down))


@enable_ki_protection
def trap_exit(flag: bool) -> bool:
    """Turn exit signals into `Exit` messages, or no longer; return the former setting.

    Erlang's `process_flag(trap_exit, Flag)`.
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
    """`exit(reason)` ends the caller; `exit(pid, reason)` sends an exit signal to `pid`.

    A signal with reason `"normal"` is ignored (except by the caller itself), `"kill"` ends the
    process whatever it does, any other reason ends it unless it traps exits. A process that
    does gets `Exit(caller, reason)` instead. Erlang's `exit/1` and `exit/2`.
    """
    process = current_process()
    if reason is _MISSING:
        if process.body.adopted:
            process.end(pid_or_reason)
        raise ProcessExit(pid_or_reason)
    target = _here(check_pid(pid_or_reason))
    if target is process:
        process.signal(process.pid, reason, "self")
        if process.ending:
            process.body.check()
            raise ExitSignal(process.reason)
    elif target is not None:
        target.signal(process.pid, reason, "exit")


def _here(pid: Pid) -> Process | None:
    """The process, if it is alive; raises `RuntimeError` where it is not to be touched."""
    process = alive.get(pid)
    if process is not None and process.node.thread != get_ident():
        raise RuntimeError(
            f"pid: {pid!r} is of a runtime in another thread: no links, monitors and exit signals "
            "lead there; messages do, by `trio.from_thread.run_sync(send, pid, message)`"
        )
    return process
