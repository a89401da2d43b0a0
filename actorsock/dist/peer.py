"""Python nodes of one's own, to use more cores. Erlang's `peer`.

A peer is a program with the interpreter and the modules of this one, which is its parent. It ends
with its parent, also when that is killed. `dist.spawn`, `dist.spawn_link` and
`dist.spawn_monitor` start functions on it, `call` here calls one, and a `ChildSpec` with `node` has
a supervisor start its child there. Peers of one parent can send to each other.
"""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from math import inf
from typing import Any, Final, Literal

import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, check_seconds, check_word, shown
from ..otp import proc_lib
from ..otp.behaviour import starting
from ..otp.supervision.child_spec import ChildSpec, SupervisorFlags
from ..otp.supervision.supervisor import Supervisor
from ..results import BadMatch, Error, Ok, ok
from ..runtime.api.aliases import alias, unalias
from ..runtime.api.linking import demonitor, exit, link, monitor, unlink
from ..runtime.api.messaging import receive
from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid, Ref, check_pid
from ..runtime.core.messages import Down
from .api.checking import check_node
from .api.starting import start as start_node
from .node.asking import ask_for_call
from .node.distribution import distribution
from .peers.control import Options, PeerUp, control
from .served.applying import MODULE, as_request

__all__ = ["call", "pool", "random_name", "start", "start_link", "stop"]

_numbers: Final = count(1)


def random_name(prefix: str = "peer") -> str:
    """Return a name that no other peer of this machine has. Erlang's `peer:random_name/0,1`.

    Args:
        prefix: what the name begins with.
    """
    return f"{prefix}-{next(_numbers)}-{os.getpid()}"


@enable_ki_protection
async def start_link(
    name: str | None = None,
    *,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    wait_boot: float = 30.0,
    shutdown: float = 5.0,
    peer_down: Literal["stop", "crash"] = "crash",
) -> Ok[Pid] | Error[Any]:
    """Start a peer, and a process here that stands for it. Erlang's `peer:start_link/1`.

    Usable as the start function of a child: the supervisor restarts a peer that has ended, under
    the same name. This runtime has to be a node.

    Args:
        name: the name of the node without its host, which is that of this node, or with it. None
            takes a `random_name`.
        args: options for the interpreter, such as `("-X", "dev")`.
        env: variables that are added to the environment.
        wait_boot: seconds for the peer to begin.
        shutdown: seconds that it has to end, before it is killed.
        peer_down: what the process here does when the peer ends by itself: `"crash"` (the default)
            ends with the reason `("peer_down", name)`, `"stop"` with `"normal"`.

    Returns:
        `Ok(pid)`: the process that stands for the peer. The peer ends with it, and it with the
        peer. Or `Error`:

        - `Error("already_started")`: this program has such a peer, or is that node
        - `Error("timeout")`: the peer has not begun in time, and was killed
        - `Error(("exit_status", number))`: its program has ended before; what it has written to
          stderr says why
        - `Error("noconnection")`: it could not be connected with
        - `Error(exception)`: the program could not be started, an `OSError`

    Raises:
        RuntimeError: this runtime is no node: see `dist.start`.
        TypeError, ValueError: an argument is wrong.

    Example::

        ChildSpec("cruncher", dist.peer.start_link, ("cruncher",), shutdown=10)
    """
    options = _options(args, env, wait_boot, shutdown, peer_down)
    result: Ok[Pid] | Error[Any] = await proc_lib.start_link(control, _full_name(name), options)
    return result


@asynccontextmanager
@enable_ki_protection
async def start(
    name: str | None = None,
    *,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    wait_boot: float = 30.0,
    shutdown: float = 5.0,
) -> AsyncIterator[str]:
    """Start a peer for the time of a block.

    If this runtime is no node, it becomes one for that time: with a random cookie, on loopback,
    and unknown to epmd. Where several such blocks overlap, put `dist.start` around all of them.

    Args:
        name, args, env, wait_boot, shutdown: as for `start_link`.

    Yields:
        The name of the node.

    Raises:
        BadMatch: the peer has not started: an `Error` of `start_link`.
        TypeError, ValueError: as `start_link`.

    Example::

        async with dist.peer.start() as node:
            print(await dist.peer.call(node, os.getpid))
    """
    async with _a_node():
        full = _full_name(name)
        options = _options(args, env, wait_boot, shutdown, "stop")
        pid = ok(await proc_lib.start(control, full, options))
        try:
            yield full
        finally:
            await stop(pid)


@asynccontextmanager
@enable_ki_protection
async def pool(
    size: int | None = None,
    *,
    prefix: str = "core",
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    wait_boot: float = 30.0,
    shutdown: float = 5.0,
    intensity: int = 5,
    period: float = 60.0,
) -> AsyncIterator[list[str]]:
    """Start one peer for each core, supervised, for the time of a block.

    They start at the same time. A peer that ends is started again, under the same name: children
    of supervisors with this `node` come back then, all else on it is lost. A runtime that is no
    node becomes one, as with `start`.

    Args:
        size: the number of peers; None is the number of cores that this program may use.
        prefix: what their names begin with.
        args, env, wait_boot, shutdown: as for `start_link`.
        intensity, period: the number of restarts within these seconds that are accepted; at the
            next one the pool ends, and with it the process that has opened it.

    Yields:
        The names of the nodes.

    Raises:
        BadMatch: the peers have not started.
        TypeError, ValueError: as `start_link`.

    Example::

        async with dist.peer.pool() as nodes:
            for node in nodes:
                await dist.spawn_link(worker, node=node)
    """
    if size is None:
        size = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = check_int("size", size, "a number of peers >= 1", 1)
    flags = SupervisorFlags(intensity=intensity, period=period)
    async with _a_node():
        ref = alias()
        options = _options(args, env, wait_boot, shutdown, "crash", ref)
        names = [_full_name(random_name(prefix)) for _ in range(wanted)]
        supervisor = ok(await starting.start_link(Supervisor, _children(names, options), flags))
        unlink(supervisor)  # until they are up its end is an exception, and no exit signal
        try:
            await _all_up(names, ref, supervisor)
            unalias(ref)
            link(supervisor)
            yield names
        finally:
            unalias(ref)
            await stop(supervisor)


@enable_ki_protection
async def call(
    node: str, fn: Callable[..., Any], /, *args: Any, timeout: float = inf, **kwargs: Any
) -> Any:
    """Call a function on a peer, and wait for its result. Erlang's `peer:call/4,5`.

    Args:
        node: the name of a peer that this program has started.
        fn: a plain or an async function that can be imported by its name, see `dist.spawn`. It
            runs in a process of its own.
        args, kwargs: its arguments.
        timeout: seconds to wait; `math.inf` (the default) waits for ever. The function goes on.

    Returns:
        The result of the function.

    Raises:
        ErpcError: the function has failed there, or there is no answer.
        TypeError: an argument can't be sent.
        ValueError: this program has not started the node.
        RuntimeError: this runtime is no node.

    Example::

        async with dist.peer.start() as node:
            print(await dist.peer.call(node, math.factorial, 1000))
    """
    check_seconds("timeout", timeout)
    if not callable(fn):
        raise TypeError(f"fn: expected a function, got {shown(fn)}")
    there = check_node(node)
    request = as_request(distribution(), there, fn, args, kwargs)
    return await ask_for_call(there, (MODULE, "apply"), request, timeout)


@enable_ki_protection
async def stop(peer: Pid) -> None:
    """End a peer in good order, and wait for that. Erlang's `peer:stop/1`.

    Its processes end as those of a runtime that is left. After its `shutdown` time it is killed.

    Args:
        peer: the process that stands for it, from `start_link`.

    Raises:
        TypeError: `peer` is not a `Pid`.
    """
    check_pid(peer, "peer")
    unlink(peer)
    ref = monitor(peer)
    exit(peer, "shutdown")
    process = current_process()
    if process.body.kind == "task":
        with trio.CancelScope(shield=True):
            await receive(ref)
    elif not process.ending:
        await receive(ref)


def _children(names: Sequence[str], options: Options) -> list[ChildSpec]:
    return [
        # A peer takes care itself that it ends in time.
        ChildSpec(name, proc_lib.start_link, (control, name, options), shutdown=inf)
        for name in names
    ]


async def _all_up(names: Sequence[str], ref: Ref, supervisor: Pid) -> None:
    """Wait until every peer of a pool is up; raise `BadMatch` if the supervisor gives up before."""
    down = monitor(supervisor)
    waiting = set(names)
    try:
        while waiting:
            match await receive(lambda message: getattr(message, "ref", None) in (ref, down)):
                case PeerUp(name=name):
                    waiting.discard(name)
                case Down(reason=reason):
                    raise BadMatch(Error(reason))
    finally:
        demonitor(down)


@asynccontextmanager
async def _a_node() -> AsyncIterator[None]:
    if current_process().node.elsewhere is not None:
        yield
        return
    cookie = secrets.token_hex(16)
    async with start_node(f"{random_name('main')}@127.0.0.1", cookie=cookie, register=False):
        yield


def _full_name(name: str | None) -> str:
    host = distribution().name.partition("@")[2]
    if name is None:
        name = random_name()
    if not issubclass(type(name), str):
        raise TypeError(f"name: expected a str, got {shown(name)}")
    return check_node(name if "@" in name else f"{name}@{host}", "name")


def _options(
    args: Sequence[str],
    env: Mapping[str, str] | None,
    wait_boot: float,
    shutdown: float,
    peer_down: str,
    tell: Ref | None = None,
) -> Options:
    if isinstance(args, str) or not isinstance(args, Iterable) or not _are_str(args):
        raise TypeError(f"args: expected a sequence of str, got {shown(args)}")
    if env is not None and not (isinstance(env, Mapping) and _are_str([*env, *env.values()])):
        raise TypeError(f"env: expected a mapping of str to str, got {shown(env)}")
    word: Any = check_word("peer_down", peer_down, ("stop", "crash"))
    check_seconds("wait_boot", wait_boot)
    check_seconds("shutdown", shutdown)
    return Options(tuple(args), dict(env or {}), wait_boot, shutdown, word, tell)


def _are_str(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
