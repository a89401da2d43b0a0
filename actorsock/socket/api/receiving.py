"""Receiving: recv, recvfrom and recvmsg, blocking and not."""

from math import inf
from typing import Final

from trio.lowlevel import enable_ki_protection

from ...arguments import check_int
from ...results import Error, Ok, Select, SelectRead
from ...runtime.bodies.current import process_of_task
from ...runtime.bodies.running import local
from ...runtime.core.identity import Ref
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import SocketActor, actor_of
from ..core.handle import Socket
from ..core.turns import User
from ..operations.recv import ASIDE, Recv, RecvFrom, RecvMsg, RecvWhatIsThere
from ..values.address import SockAddr
from ..values.flags import Flags, encode_flags
from ..values.limits import INT_MAX
from ..values.messages import Msg
from .asking import blocking, nowait_receive, wait

__all__ = ["recv", "recv_nowait", "recvfrom", "recvfrom_nowait", "recvmsg", "recvmsg_nowait"]

# These remember nothing, so one serves all.
_WHAT_IS_THERE: Final = RecvWhatIsThere()
_WHOLE_MESSAGE: Final = RecvFrom(0, 0)

# What the parameters are when nobody gives any: told by identity, which costs next to nothing.
_NO_LENGTH: Final = 0
_NO_FLAGS: Final[Flags] = ()


@enable_ki_protection
async def recv(
    sock: Socket, length: int = 0, flags: Flags = (), timeout: float = inf
) -> Ok[bytes] | Error:
    """Receive data. Documented `recv/1,2,3,4`; `timeout` is in seconds.

    On a stream, exactly `length` bytes, or with 0 what is there (at most what the option otp
    `rcvbuf` says). On other sockets one message, of at most `length` bytes.

    `Error`: `"closed"` (the peer has finished, or the socket is closed), `"timeout"`,
    `"state"` (the caller waits already, or an acceptor does), or a POSIX reason; `data` is
    then what had been received of `length`, if anything.
    """
    actor: SocketActor = sock._actor if type(sock) is Socket else actor_of(sock)
    if length is not _NO_LENGTH or flags is not _NO_FLAGS or timeout is not inf:
        return await blocking(actor, _recv(actor, length, flags), timeout)
    lane = actor.turns.read
    if not actor.read_quiet or lane.current is not None or not actor.is_plain or actor.unread:
        return await blocking(actor, _WHAT_IS_THERE, timeout)
    # What a server does most of its time, so it is said here once more and without detours: to
    # wait for what comes next on a stream that has nothing yet.
    process = local.step.process
    if process is None:
        process = process_of_task()
    body, pid = process.body, process.pid
    reader = actor.reader
    if reader is None or reader.pid is not pid:
        reader = actor.reader = User(pid, "recv", None, "recv", _WHAT_IS_THERE)
    lane.wait_alone(reader)
    try:
        if process.ending:
            await body.checkpoint()
        body.parked = True
        await body.waiting
        if process.ending:
            body.check()
            await body.checkpoint()
    except BaseException:
        actor.forsake(_WHAT_IS_THERE, pid, body.take())
        raise
    body.budget -= SYSTEM_CALL
    outcome = body.outcome
    body.outcome = None
    if type(outcome) is Ok and not lane.queue:
        # `Lane.done` where nobody queues, without the call.
        lane.current = None
        lane.selected = False
        return outcome
    answer = actor.settle(_WHAT_IS_THERE, pid, outcome)
    return await wait(actor, _WHAT_IS_THERE, process, inf) if answer is None else answer


@enable_ki_protection
def recv_nowait(
    sock: Socket, length: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[bytes] | Error | Select | SelectRead:
    """`recv` that does not block: `Select` when there is less than `length`, or not our turn.

    `data` of the `Select` is what was there; after the select message, ask for the rest. On a
    socket with the otp option `select_read`, `SelectRead` takes the place of `Ok`.
    """
    actor: SocketActor = sock._actor if type(sock) is Socket else actor_of(sock)
    if length is _NO_LENGTH and flags is _NO_FLAGS and ref is None and actor.is_plain:
        process = local.step.process
        if process is None:
            process = process_of_task()
        pid, lane = process.pid, actor.turns.read
        current = lane.current
        # The turn is ours, and nobody minds if we keep it.
        if current is None or (current.pid is pid and current.kind == "recv"):
            if actor.nothing_to_read():
                return actor.select_for(_WHAT_IS_THERE, pid, lane, Ref())
            answer = _WHAT_IS_THERE.attempt(actor, pid, False)
            if answer is None:
                return actor.select_for(_WHAT_IS_THERE, pid, lane, Ref())
            if type(answer) is Ok and not lane.queue:
                # `Lane.done` where nobody queues, without the call.
                lane.current = None
                lane.selected = False
            elif current is not None:
                actor.settle(_WHAT_IS_THERE, pid, answer)
            return answer
    return nowait_receive(actor, _recv(actor, length, flags), ref)


@enable_ki_protection
async def recvfrom(
    sock: Socket, bufsize: int = 0, flags: Flags = (), timeout: float = inf
) -> Ok[tuple[SockAddr, bytes]] | Error:
    """Receive a message and where it came from. Documented `recvfrom/1,2,3,4`.

    A message longer than `bufsize` bytes (0: as otp `rcvbuf` says) is cut. `timeout` is in
    seconds. `Error` as for `recv`, without `data`.
    """
    actor = actor_of(sock)
    return await blocking(actor, _recvfrom(actor, bufsize, flags), timeout)


@enable_ki_protection
def recvfrom_nowait(
    sock: Socket, bufsize: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[tuple[SockAddr, bytes]] | Error | Select | SelectRead:
    """`recvfrom` that does not block: `Select` when there is no message, or not our turn."""
    actor = actor_of(sock)
    return nowait_receive(actor, _recvfrom(actor, bufsize, flags), ref)


@enable_ki_protection
async def recvmsg(
    sock: Socket,
    bufsize: int = 0,
    ctrlsize: int = 0,
    flags: Flags = (),
    timeout: float = inf,
) -> Ok[Msg] | Error:
    """Receive a message with its control messages and flags. Documented `recvmsg/1,2,3,5`.

    `bufsize` and `ctrlsize` are bytes for data and control messages (0: as otp `rcvbuf` and
    `rcvctrlbuf` say); what does not fit is cut, and `"trunc"` or `"ctrunc"` is in the flags of
    the message. `timeout` is in seconds. `Error` as for `recv`, without `data`.
    """
    actor = actor_of(sock)
    return await blocking(actor, _recvmsg(actor, bufsize, ctrlsize, flags), timeout)


@enable_ki_protection
def recvmsg_nowait(
    sock: Socket, bufsize: int = 0, ctrlsize: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[Msg] | Error | Select | SelectRead:
    """`recvmsg` that does not block: `Select` when there is no message, or not our turn."""
    actor = actor_of(sock)
    return nowait_receive(actor, _recvmsg(actor, bufsize, ctrlsize, flags), ref)


def _recv(actor: SocketActor, length: int, flags: Flags) -> Recv | RecvWhatIsThere:
    if type(length) is int and length == 0 and type(flags) is tuple and not flags:
        return _WHAT_IS_THERE
    return Recv(_size("length", length), _bits(actor, flags))


def _recvfrom(actor: SocketActor, bufsize: int, flags: Flags) -> RecvFrom:
    if bufsize is _NO_LENGTH and flags is _NO_FLAGS:
        return _WHOLE_MESSAGE
    return RecvFrom(_size("bufsize", bufsize), _bits(actor, flags))


def _recvmsg(actor: SocketActor, bufsize: int, ctrlsize: int, flags: Flags) -> RecvMsg:
    return RecvMsg(_size("bufsize", bufsize), _size("ctrlsize", ctrlsize), _bits(actor, flags))


def _bits(actor: SocketActor, flags: Flags) -> int:
    bits = encode_flags(flags)
    if bits & ASIDE:
        # The poller tells of data only: the kernel must be asked.
        actor.read_quiet = False
    return bits


def _size(argument: str, value: object) -> int:
    return check_int(argument, value, "a number of bytes 0..2**31-1", 0, INT_MAX)
