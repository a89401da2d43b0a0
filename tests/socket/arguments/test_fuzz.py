"""Random calls with random arguments: only wrong arguments raise, nothing leaks, nothing hangs.

Some processes share a set of sockets. In each step of an example one of them calls a function, or
is killed, or its waiting call is cancelled, or time passes. Most arguments are sensible, the others
any object. At the end everything is closed, and nothing may be left: no waiting process, no
descriptor, no entry of a table.

`ACTORSOCK_FUZZ=20000` runs that many examples, different ones each time (pytest's option
`--hypothesis-seed` chooses them); without it a few run, always the same.

No call leaves this machine: see `stays_here`.
"""

import collections
import contextlib
import gc
import inspect
import itertools
import logging
import os
import re
import socket as stdlib
import sys
import tempfile
import time
import traceback

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import actorsock
from actorsock import Error, Ok, Pid, Ref, Select, ok, socket
from actorsock.runtime.bodies.running import by_task, local
from actorsock.runtime.core.process import aliased, alive
from actorsock.socket.core.poller import ready_now
from actorsock.socket.core.service import service_of
from actorsock.socket.options import LEVELS, OTP_OPTIONS, find, options, protocol_number
from actorsock.socket.values.address import (
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    SockAddrUnspec,
    from_bytes,
    parse,
    to_bytes,
)
from actorsock.socket.values.flags import encode_flags

from .description import CALLS, SPEC, VALUE
from .values import JUNK, ODD_MESSAGES, ODDITIES, Bytes, Made, Odd, One, Refusal, mostly, one

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")

EXAMPLES = int(os.environ.get("ACTORSOCK_FUZZ", "0"))
WORKERS = 3
LIGHT = 2  # the worker with a light body

fuzzed = settings(
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

LEVEL_AND_OPTION = st.sampled_from(
    [("otp", name) for name in (*OTP_OPTIONS, *["controlling_process", "select_read"] * 3)] * 3
    + [(level, option.name) for level in LEVELS for option in options(level)]
    + [(1, 7), (1, 2), (6, 1), (0, 2), ("socket", 9), ("tcp", 1), (41, 26), (1, 999)]
)

# ---- steps -----------------------------------------------------------------------------------


@attrs.frozen
class Call:
    """A process makes a call."""

    worker: int
    table: str
    name: str
    args: tuple
    keywords: dict


@attrs.frozen
class Kill:
    """A process is killed, wherever it is; another takes its place."""

    worker: int


@attrs.frozen
class Interrupt:
    """The call that a process waits in is cancelled."""

    worker: int


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: float


def value_for(level, option):
    """Return a strategy of values for an option."""
    if level == "otp":
        return one("pid") if option == "controlling_process" else VALUE
    if not isinstance(level, str) or not isinstance(option, str):
        return VALUE
    accepts = find(level, option).value
    if "True or False" in accepts:
        return st.booleans()
    return st.integers(-1, 70_000) if "integer" in accepts else VALUE


@st.composite
def calls(draw, tables, rarely):
    table, name = draw(st.sampled_from(tables))
    form = CALLS[table][name]
    count = draw(st.integers(form.needed, len(form.args)))
    args = [draw(mostly(arg, rarely)) for arg in form.args[:count]]
    if name in ("setopt", "getopt") and len(args) >= 3 and draw(st.integers(0, 9)):
        level, option = draw(LEVEL_AND_OPTION)
        if name == "getopt" and not (isinstance(level, str) and isinstance(option, str)):
            option = (option, draw(mostly(SPEC)))
        args[1:3] = level, option
        if name == "setopt" and len(args) > 3 and draw(st.booleans()):
            args[3] = draw(value_for(level, option))
    match draw(st.integers(0, 5 * rarely)):
        case 0:
            args = args[:-1]
        case 1:
            args.append(draw(JUNK))
    keywords = {
        word: draw(mostly(value)) for word, value in form.keywords.items() if draw(st.booleans())
    }
    return Call(draw(st.integers(0, WORKERS - 1)), table, name, tuple(args), keywords)


OTHERS = st.one_of(
    st.builds(Wait, st.sampled_from([0.001, 0.06, 2])),
    st.builds(Interrupt, st.integers(0, WORKERS - 1)),
    st.builds(Kill, st.integers(0, WORKERS - 1)),
)


def steps_of(tables, rarely=11):
    """Return a strategy of steps; no process runs between those in a tuple."""
    one_step = st.integers(0, 9).flatmap(lambda n: OTHERS if n == 9 else calls(tables, rarely))
    together = st.lists(one_step, min_size=2, max_size=4).map(tuple)
    step = st.integers(0, 6).flatmap(lambda n: together if n == 6 else one_step)
    return st.one_of(st.lists(step, max_size=10), st.lists(step, min_size=15, max_size=40))


WAITING_CALLS = re.compile("(accept|connect|recv|send)[a-z]*$")
"""The names of functions that wait."""
OFTEN = {
    **dict.fromkeys(("accept_nowait", "recv_nowait", "send_nowait", "recvfrom_nowait"), 4),
    **dict.fromkeys(("connect_nowait", "recvmsg_nowait", "sendmsg_nowait", "sendv_nowait"), 2),
    **dict.fromkeys(("close", "shutdown", "setopt"), 2),
    **dict.fromkeys(("open_fd", "monitor"), 1),
    "cancel": 12,
}
_USUAL = re.compile("recv|send|accept|connect|close|cancel$|open|setopt|getopt|shutdown|listen")
SOCKET_STEPS = steps_of(
    [("socket", name) for name in CALLS["socket"] for _ in range(4 if _USUAL.match(name) else 1)]
    + [("record", name) for name in CALLS["record"]]
)
WAITING_STEPS = steps_of(
    [
        ("socket", name)
        for name in CALLS["socket"]
        for _ in range(6 if WAITING_CALLS.match(name) else OFTEN.get(name, 0))
    ],
    rarely=40,
)
PROCESS_STEPS = steps_of(
    [("process", name) for name in CALLS["process"] for _ in range(1 if name == "exit" else 4)]
    + [("socket", name) for name in CALLS["socket"]]
)

# ---- the world that the calls are made in ----------------------------------------------------


@attrs.frozen
class Order:
    """A request to a worker."""

    call: object


@attrs.define
class Worker:
    light: bool
    pid: Pid | None = None
    call: object = None
    """The call that it is making."""
    infos: list = attrs.field(factory=list)
    scope: trio.CancelScope | None = None


@attrs.define(eq=False)
class World:
    poller: str
    things: dict = attrs.field(factory=lambda: collections.defaultdict(list))
    """The things that calls are made with, by kind."""
    workers: list = attrs.field(
        factory=lambda: [Worker(number == LIGHT) for number in range(WORKERS)]
    )
    unclear: set = attrs.field(factory=set)
    """Sockets whose readiness does not mean that a call would have something to do."""
    problems: list = attrs.field(factory=list)

    def value(self, described, worker):
        match described:
            case One("own info", number):
                return worker.infos[number % len(worker.infos)] if worker.infos else None
            case One(kind, number):
                things = self.things[kind]
                return things[number % len(things)] if things else None
            case Odd(name):
                return {**ODDITIES, **ODD_MESSAGES}[name]()
            case Made(name, args):
                return getattr(socket, name)(*(self.value(arg, worker) for arg in args))
            case Bytes(count):
                return b"x" * count
            case list():
                return [self.value(item, worker) for item in described]
            case tuple():
                return tuple(self.value(item, worker) for item in described)
            case dict():
                return {key: self.value(item, worker) for key, item in described.items()}
        return described

    def keep(self, answer, worker):
        """Keep a result for later calls; close received descriptors."""
        things = self.things
        match answer:
            case Ok(value) | socket.SelectRead(_, value):
                self.keep(value, worker)
            case socket.Socket():
                things["socket"].append(answer)
            case Ref():
                things["ref"].append(answer)
            case Pid():
                things["pid"].append(answer)
            case (Pid() as pid, Ref() as ref):
                things["pid"].append(pid)
                things["ref"].append(ref)
            case socket.Msg():
                for message in answer.ctrl:
                    if message.type == "rights":
                        for fd in message.value:
                            os.close(fd)
        match answer:
            case Select(info) | socket.SelectRead(info):
                things["info"].append(info)
                worker.infos.append(info)
                things["ref"].append(info.ref)

    def lanes(self):
        """Return the users of each lane, the waiting ones included."""
        return {
            sock: (lane.current, lane.selected, tuple(lane.queue))
            for sock in self.things["socket"]
            for lane in (sock._actor.turns.read, sock._actor.turns.write)
        }


def function_of(table, name):
    return getattr(actorsock if table == "process" else socket, name)


async def work(world, worker):
    while True:
        order = await actorsock.receive(lambda message: type(message) is Order)
        worker.call = order.call
        try:
            if isinstance(order.call, Call):
                await make(world, worker, order.call)
            else:
                await order.call()
        finally:
            worker.call = worker.scope = None


async def make(world, worker, call):
    """Make a call and check its outcome."""
    try:
        args = [world.value(arg, worker) for arg in call.args]
        keywords = {word: world.value(value, worker) for word, value in call.keywords.items()}
    except (TypeError, ValueError):
        return  # the record of an argument refused its own arguments
    if not stays_here(world, call.name, args, keywords):
        return
    if makes_unclear(call.name, args, keywords):
        # A socket that stays ready whatever is done would never let the program come to rest.
        if world.poller == "trio" or WAITING_CALLS.match(call.name):
            return
        world.unclear.add(args[0])
    function = function_of(call.table, call.name)
    before = world.lanes()
    try:
        with contextlib.nullcontext() if worker.light else trio.CancelScope() as worker.scope:
            answer = function(*args, **keywords)
            if inspect.iscoroutinefunction(function):
                answer = await answer
            if call.table != "record" and call.name not in GIVE_MESSAGES:
                world.keep(answer, worker)
            if call.table == "socket" and call.name not in NOT_RESULTS:
                check_result(answer)
    except (TypeError, ValueError):
        # Refused: nothing has happened. (While a coroutine has run, so have others.)
        if not inspect.iscoroutinefunction(function) and world.lanes() != before:
            world.problems.append(f"{call} was refused and has changed the users of a lane")
    except (actorsock.NoProcessError, MadeUp, Refusal) as exc:
        if (call.name, type(exc)) not in DOCUMENTED:
            world.problems.append(f"{call} raised\n{traceback.format_exc()}")
    except Exception:
        world.problems.append(f"{call} raised\n{traceback.format_exc()}")


class MadeUp(Exception):
    """An error in a function that was given to the library to run."""


DOCUMENTED = {
    ("link", actorsock.NoProcessError),
    ("in_trio", MadeUp),
    ("receive", Refusal),  # raised by a message for `isinstance`
}
GIVE_MESSAGES = {"send", "receive"}
NOT_RESULTS = {
    *("cancel_monitor", "info", "is_supported", "monitor", "monitored_by", "number_of"),
    *("number_of_monitors", "supports", "debug", "use_registry", "which_monitors", "which_sockets"),
}
_REASON = re.compile("[a-z][a-z0-9_]*")


def check_result(answer):
    match answer:
        case Ok() | Select() | socket.SelectRead():
            pass
        case Error(str(reason)) if _REASON.fullmatch(reason) and not reason.startswith("errno"):
            pass
        case _:
            raise AssertionError(f"not a result: {answer!r}")


# ---- staying on this machine -----------------------------------------------------------------


def stays_here(world, name, args, keywords):
    """Return True if a call has no effect outside of the test and ends soon.

    Addresses are of the loopback interface; paths are in the directory of the example; only
    descriptors of its own are used; no interface is changed; no group is joined elsewhere.
    """
    try:
        bound = inspect.signature(function_of("socket", name)).bind(*args, **keywords)
    except (AttributeError, TypeError, ValueError):
        return True  # the call is refused
    given = bound.arguments
    if name.startswith(("bind", "connect", "sendto")):
        return is_local(given.get("sock"), given.get("addr", given.get("dest")))
    if name.startswith("sendmsg"):
        msg = given["msg"]
        addr = msg.get("addr") if isinstance(msg, dict) else getattr(msg, "addr", None)
        return is_local(given["sock"], addr)
    if name == "open":
        netns = given.get("netns")
        return (
            # Not raw, and no families that reach the host or the network's settings.
            given["domain"] not in range(3, 100) or given["domain"] == 10
        ) and (
            given["type"] not in ("raw", *range(3, 11))
            and not (isinstance(netns, str) and os.path.exists(netns.replace("\0", "")) and netns)
        )
    if name == "open_fd":
        return is_ours(world, given["fd"])
    if name.startswith("sendfile"):
        return is_ours(world, given["file"])
    if name == "ioctl":
        changes = isinstance(given["request"], str) and given["request"].startswith("sif")
        return not changes or not is_interface(given.get("args", ()))
    if name == "setopt":
        return is_harmless(given["level"], given["option"], given["value"])
    if name == "getopt":
        option = given["option"]
        return not (
            isinstance(option, tuple)
            and option
            and isinstance(option[0], int)
            and not is_harmless(given["level"], option[0], 0)
        )
    return True


def is_local(sock, addr):
    if not isinstance(sock, socket.Socket):
        return True
    try:
        address = parse(sock._actor.kind.domain, addr, words=True)
        if isinstance(address, SockAddrUnspec):  # which UDP takes for one of its own
            address = SockAddrNative(2, address.addr)
        if isinstance(address, SockAddrNative):
            address = from_bytes(to_bytes(address))
    except Exception:
        return True
    match address:
        case SockAddrIn(host):
            return host == "0.0.0.0" or host.startswith("127.")
        case SockAddrIn6(host):
            return host in ("::", "::1") or host.startswith("::ffff:127.")
        case SockAddrUn(bytes()):
            return True
        case SockAddrUn(path):
            return "/" not in path
        case SockAddrNative(family, _):
            return family in (0, 1, 2, 10)  # too short to be of these
    return True


def is_ours(world, file):
    fd = getattr(file, "fd", file)
    if not isinstance(fd, int):
        return True
    try:
        os.fstat(fd)
    except (OSError, OverflowError):
        return True
    return fd in world.things["fd"] or file in world.things["file"]


def is_interface(args):
    names = [name for _, name in stdlib.if_nameindex()]
    return bool(args) and isinstance(args[0], str) and args[0].partition("\0")[0] in names


_HARMLESS = {(1, n) for n in (2, 3, 4, 6, 7, 8, 9, 15, 18, 29, 999)} | {(6, 1), (6, 3), (0, 1)}
_HARMLESS |= {(0, 2), (41, 26)}
_MULTICAST = ("membership", "source", "filter", "group")


def is_harmless(level, option, value):
    if isinstance(option, int):
        if isinstance(level, str):
            level = 1 if level == "socket" else protocol_number(level)
        return not isinstance(level, int) or (level, option) in _HARMLESS
    if not isinstance(option, str):
        return True
    if option == "linger":
        seconds = value.get("linger") if isinstance(value, dict) else getattr(value, "linger", 0)
        return not isinstance(seconds, int) or seconds <= 0
    if option == "bindtodevice":
        return value in ("lo", b"lo", "nonsense", "") or not isinstance(value, str | bytes)
    if option.endswith(_MULTICAST):
        where = value.get("interface") if isinstance(value, dict) else value
        return getattr(where, "interface", where) in ("127.0.0.1", 1)
    return True


# ---- judging ---------------------------------------------------------------------------------

_ASIDE = stdlib.MSG_OOB | stdlib.MSG_ERRQUEUE


CLEAR = [["sndbuf"], ["rcvbuf"], ["nodelay"], ["keepalive"], ["linger"], ["tos"], ["broadcast"]]


def makes_unclear(name, args, keywords):
    """Return True if after a call "readable" does not mean that there is something to read."""
    if not args or not isinstance(args[0], socket.Socket):
        return False
    if name == "setopt":
        return args[1:2] != ["otp"] and args[2:3] not in CLEAR
    aside = name.startswith("recv") and any(map(_is_aside, [*args[1:], *keywords.values()]))
    return aside or name == "shutdown"


def _is_aside(flags):
    try:
        return isinstance(flags, list | tuple | set) and encode_flags(flags) & _ASIDE
    except (TypeError, ValueError):
        return False


async def check(world):
    """Check that each waiting process is in a queue once, and that none waits for ready data."""
    for sock in world.things["socket"]:
        turns = sock._actor.turns
        for lane in (turns.read, turns.write):
            users = [user for user in (lane.current, *lane.queue) if user is not None]
            pids = [user.pid for user in users]
            assert len(set(pids)) == len(pids), "one process twice in a lane"
            assert len({user.activity for user in users}) <= 1, "two kinds in a lane"
            assert lane.current is not None or not lane.queue, "a queue without a current user"
            assert not (turns.closed and users), "somebody waits on a closed socket"
            for user in users:
                assert user.pid in alive, "the dead wait"
                if user.handle is None:
                    assert is_in_call(world, user.pid), f"{user} has left its call"
        if turns.closed:
            assert turns.owner is None
            assert sock not in sock._actor.service.registry.sockets
        else:
            assert turns.owner in alive
    for watchers in service_of(alive[actorsock.current_pid()].node).registry.watchers.values():
        assert all(pid in alive for pid in watchers.values()), "the dead watch"
    for worker in world.workers:
        if isinstance(worker.call, Call) and WAITING_CALLS.match(worker.call.name):
            assert [
                sock
                for sock, lane in lanes_of(world)
                for user in (lane.current, *lane.queue)
                if user is not None and user.handle is None and user.pid is worker.pid
            ], f"{worker.call} waits for nobody to wake it"
    for attempt in itertools.count():
        overlooked = [
            (sock, lane) for sock, lane in lanes_of(world) if is_overlooked(world, sock, lane)
        ]
        if not overlooked:
            break
        assert attempt < 20, f"ready, and no process is woken: {overlooked}"
        time.sleep(0.002)  # noqa: ASYNC251  # the kernel may report it late
        await trio.testing.wait_all_tasks_blocked()


def lanes_of(world):
    for sock in world.things["socket"]:
        for lane in (sock._actor.turns.read, sock._actor.turns.write):
            yield sock, lane


def is_in_call(world, pid):
    return any(worker.pid is pid and worker.call is not None for worker in world.workers)


def is_overlooked(world, sock, lane):
    if lane.current is None or lane.selected or sock in world.unclear:
        return False
    if lane.current.activity == "send" and not sock._actor.kind.is_stream:
        return False  # writable says that there is room, not that there is enough
    return ready_now(sock._actor.fd, lane.name)


# ---- running ---------------------------------------------------------------------------------


async def settle():
    await trio.testing.wait_all_tasks_blocked()


def order(world, number, call):
    """Give a request to a worker, unless it waits in another call."""
    worker = world.workers[number]
    if worker.call is None:
        actorsock.send(worker.pid, Order(call))


def revive(world):
    for worker in world.workers:
        if worker.pid is None or not actorsock.is_alive(worker.pid):
            worker.pid = actorsock.spawn(work, world, worker, light=worker.light)
            world.things["pid"].append(worker.pid)


async def take(world, step):
    match step:
        case tuple():
            for part in step:
                await take(world, part)
        case Call(worker):
            order(world, worker, step)
        case Kill(worker):
            actorsock.exit(world.workers[worker].pid, "kill")
        case Interrupt(worker):
            if world.workers[worker].scope is not None:
                world.workers[worker].scope.cancel()
        case Wait(seconds):
            await trio.sleep(seconds)


async def set_up(world, files):
    """Make sockets of all kinds, some of each worker, and the other things for calls."""
    things = world.things

    def keep(sock, *settings):
        for level, option, value in settings:
            ok(socket.setopt(sock, level, option, value))
        things["socket"].append(sock)
        return sock

    small = ("socket", "sndbuf", 4096), ("socket", "rcvbuf", 4096)

    async def listen():
        sock = keep(ok(socket.open("inet", "stream")))
        ok(socket.bind(sock, "loopback"))
        ok(socket.listen(sock))
        things["listener"].append(sock)
        things["target"].append(ok(socket.sockname(sock)))

    async def connect():
        sock = keep(ok(socket.open("inet", "stream")), *small)
        ok(await socket.connect(sock, things["target"][0]))
        things["peer"].append(sock)

    async def accept():
        things["peer"].append(keep(ok(await socket.accept(things["socket"][0])), *small))

    async def datagrams():
        for _ in range(2):
            ok(socket.bind(keep(ok(socket.open("inet", "dgram"))), "loopback"))
        sock = keep(ok(socket.open("inet6", "dgram")))
        things["mapped"].append(sock)
        ok(
            await socket.connect(
                sock, ("::ffff:127.0.0.1", ok(socket.sockname(things["socket"][3])).port)
            )
        )

    async def local():
        for fd in things["fd"]:
            things["peer"].append(keep(ok(socket.open_fd(fd))))
        for _ in range(2):
            things["peer"].append(keep(ok(socket.open_fd(things["fd"][1], dup=False))))
        ok(socket.bind(keep(ok(socket.open("local", "dgram"))), SockAddrUn("here")))

    for type_ in (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM, stdlib.SOCK_SEQPACKET):
        for end in stdlib.socketpair(stdlib.AF_UNIX, type_):
            things["fd"].append(end.detach())
    things["file"] += files
    things["ref"].append(actorsock.make_ref())
    things["name"] = ["one", "other", "third"]
    things["function"] = [returns, waits, crashes, leaves]
    things["handler"] = [ignore, crash, leave]
    revive(world)
    for number, task in enumerate([listen, connect, accept, datagrams, local]):
        order(world, number % WORKERS, task)
        await settle()
    things["address"] = [ok(socket.sockname(sock)) for sock in things["socket"]]
    assert all(worker.call is None for worker in world.workers)


async def returns(*args):
    pass


async def waits(*args):
    await actorsock.receive()


async def crashes(*args):
    raise MadeUp


async def leaves(*args):
    actorsock.exit("made up")


def ignore(message):
    pass


def crash(message):
    raise MadeUp


def leave(message):
    actorsock.exit(message)


async def tear_down(world):
    """Close every socket, which ends every call that waits on one, and check the tables."""
    for sock in world.things["socket"]:
        await socket.close(sock)
    await settle()
    await check(world)
    for worker in world.workers:
        call = worker.call
        waits = call is not None and call.name in ("receive", "sleep", "in_trio")
        assert call is None or waits, f"{call} still waits"
        actorsock.exit(worker.pid, "kill")
    await settle()
    for pid in world.things["pid"]:
        actorsock.exit(pid, "kill")
    await settle()
    me = alive[actorsock.current_pid()]
    assert [process.body.describe() for process in alive.values()] == [me.body.describe()]
    assert not me.links
    assert not me.monitors
    assert not me.watchers
    assert not aliased
    node, service = me.node, service_of(me.node)
    registry = service.registry
    assert not registry.sockets
    assert not registry.monitored
    assert not registry.watchers
    assert not any(registry.counts().values())
    assert not node.names
    for ref in list(node.pending):  # timers for a name that is not registered
        actorsock.cancel_timer(ref)
    assert not node.pending
    assert not len(node.timers)
    for table in ("_actors", "_copies", "_waiting"):
        assert not getattr(service.poller, table, ())


FOCUS = {
    "all": None,
    "tcp": ("peer", (0, 1)),
    "stream": ("peer", (2, 3)),
    "dgram": ("peer", (4, 5)),
    "seqpacket": ("peer", (6, 7)),
    "one descriptor": ("peer", (2, 8, 9)),
    "listener": ("listener", (0,)),
}


def narrow(world, focus):
    """Reduce the peers to a few sockets, so that most calls meet there."""
    if focus is not None:
        kind, numbers = focus
        world.things["peer"] = [world.things[kind][number] for number in numbers]


async def play(steps, files, poller, focus):
    world = World(poller)
    try:
        async with actorsock.open_runtime():
            await set_up(world, files)
            await check(world)
            narrow(world, focus)
            for step in steps:
                await take(world, step)
                await settle()
                revive(world)
                await settle()
                assert not world.problems, world.problems[0]
                await check(world)
            await tear_down(world)
            assert not world.problems, world.problems[0]
    finally:
        for fd in world.things["fd"]:
            os.close(fd)


def run(steps, poller, focus=None):
    os.environ["ACTORSOCK_POLLER"] = poller
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as file:
        file.write(bytes(200_000))
        file.flush()
        before, here = descriptors(), os.getcwd()
        os.chdir(place)  # relative paths are harmless
        try:
            trio.run(
                play,
                steps,
                [file, file.fileno()],
                poller,
                focus,
                clock=trio.testing.MockClock(autojump_threshold=0),
            )
        finally:
            os.chdir(here)
        if left_since(before):
            # The world holds the select infos, which hold files, and an exception's traceback
            # may hold the world in a cycle.
            gc.collect()
        assert not left_since(before), "descriptors are left"
    assert not alive
    assert not by_task
    assert local.step.process is None


def left_since(before):
    """Only new ones: what an earlier test has dropped may be closed meanwhile."""
    return {fd: name for fd, name in descriptors().items() if before.get(fd) != name}


def descriptors():
    names = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            names[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # the one that lists
            continue
    return names


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Do not log the crashes of processes, which are part of these tests."""
    monkeypatch.setenv("ACTORSOCK_POLLER", "")
    log = logging.getLogger("actorsock")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    yield
    log.setLevel(before)


POLLERS = st.sampled_from(["epoll", "epoll", "trio"])


@fuzzed
@given(SOCKET_STEPS, POLLERS)
def test_socket_functions(steps, poller):
    run(steps, poller)


@fuzzed
@given(WAITING_STEPS, POLLERS, st.sampled_from(list(FOCUS)))
def test_waiting_functions(steps, poller, focus):
    run(steps, poller, FOCUS[focus])


@fuzzed
@given(PROCESS_STEPS, POLLERS)
def test_process_functions(steps, poller):
    run(steps, poller)


def call(table, name, *args):
    return Call(0, table, name, args, {})


# Calls that once raised another exception, or did worse.
FOUND = {
    "a tag that no select info has": [
        call("socket", "cancel", One("peer", 0), Made("SelectInfo", ("tag", One("ref", 0)))),
        call("socket", "cancel", One("peer", 0), Made("SelectInfo", ((), One("ref", 0)))),
    ],
    "a select info that continues nothing": [
        call("socket", name, One("peer", 0), *args, Made("SelectInfo", (name, One("ref", 0), junk)))
        for name, args in (("send", (b"",)), ("sendto", (b"",)), ("sendfile", ()))
        for junk in (2**70, (2**70, None), (0, "nowhere"), "junk")
    ],
    "more seconds than a float can hold": [
        call("socket", "recv", One("peer", 0), 1, (), Odd("huge")),
        call("process", "sleep", Odd("huge")),
        call("process", "send_after", Odd("huge"), One("pid", 0), None),
    ],
    "no repr to show": [
        call("socket", "recv", Odd("everything raises")),
        call("socket", "recv_nowait", One("peer", 0), 0, (), Odd("int without repr")),
        call("socket", "bind", One("peer", 0), (Odd("repr raises"), 1)),
        call("socket", "shutdown", One("peer", 0), Odd("deep")),
        call("process", "link", Odd("repr raises")),
        call("process", "receive", Odd("int without repr")),
    ],
    "an IPv6 socket that has become one of IPv4": [
        call("socket", "setopt", One("mapped", 0), "ipv6", "addrform", "inet"),
        call("socket", "sockname", One("mapped", 0)),
        call("socket", "peername", One("mapped", 0)),
    ],
    "exit in what trio runs for a light process": [
        Call(LIGHT, "process", "in_trio", (One("function", 3),), {}),
        Call(LIGHT, "process", "in_trio", (One("function", 1),), {}),
        Kill(LIGHT),
    ],
}


@pytest.mark.parametrize("found", FOUND)
@pytest.mark.parametrize("poller", ["epoll", "trio"])
def test_calls_that_once_failed(found, poller):
    run(FOUND[found], poller)
