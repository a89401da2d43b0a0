"""Random walks: random sequences of operations, performed on both sides.

In a walk, up to eight processes perform random operations in a world of a few sockets, or of none.
Two tables hold the operations, each with a weight, the worlds that it fits, and its arguments. When
the two sides differ, steps are left out one by one for as long as they still differ.

Not drawn are operations whose outcome is not defined in Erlang or depends on the speed of the
machine: deadlines that pass while other processes act, the end of an owner of two sockets (either
may close first), and, on old releases, operations with defects that newer releases have corrected.
"""

import random
from itertools import islice
from string import Formatter
from typing import Final

import attrs

from .comparing import Mismatch
from .notation import Scenario, read_steps
from .running import Bench, run_all

__all__ = ["walk"]

_LENGTH: Final = 20

# The number of walks that are given to Erlang in advance. Tasks and light processes take turns.
_BATCH: Final = 25


@attrs.frozen
class _World:
    """The first steps of a walk; each socket has an owner of its own."""

    prelude: str
    sockets: tuple[str, ...] = ()
    traits: frozenset[str] = attrs.field(default="", converter=lambda text: frozenset(text.split()))


_HAND_OVER: Final = '\nO: setopt(s, "otp", "controlling_process", P)'

_WORLDS: Final = {
    "tcp": _World(
        "O: c, s = tcp_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair stream tcp",
    ),
    "tcp over IPv6": _World(
        "O: c, s = tcp6_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair stream tcp",
    ),
    "local streams": _World(
        'O: write_file(tmp("big"), fill(400000))\nO: c, s = local_pair(path("w"))' + _HAND_OVER,
        ("c", "s"),
        "pair stream local",
    ),
    "connected udp": _World(
        "O: c, s = udp_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair dgram",
    ),
    "unconnected udp": _World(
        "O: c, pc = udp()\nP: s, ps = udp()",
        ("c", "s"),
        "dgram unconnected",
    ),
    "local datagrams": _World(
        'O: c = open("local", "dgram")\nO: bind(c, path("c"))\n'
        'P: s = open("local", "dgram")\nP: bind(s, path("s"))',
        ("c", "s"),
        "dgram paths",
    ),
    "streams": _World(
        "O: c, s = tcp_pair()" + _HAND_OVER,
        ("c", "s"),
        "streams",
    ),
    "listening": _World(
        'O: l, p = listener()\nP: c = open("inet", "stream", "tcp")\n'
        'Q: d = open("inet", "stream", "tcp")',
        ("l", "c", "d"),
        "listening",
    ),
    "listening on IPv6": _World(
        'O: l = open("inet6", "stream", "tcp")\nO: bind(l, "loopback")\nO: listen(l)\n'
        'O: p = port(l)\nP: c = open("inet6", "stream", "tcp")\n'
        'Q: d = open("inet6", "stream", "tcp")',
        ("l", "c", "d"),
        "listening",
    ),
    "processes": _World(""),
}

# The arguments of the tables below. `{handle}` is a name that the operation binds, `{a_handle}` one
# that an earlier operation of the walk has bound, and so with the other names.
_NAMES: Final = {
    "handle": ("h", "g", "k"),
    "monitor": ("m", "n"),
    "watch": ("v", "w"),
    "timer": ("t", "u"),
    "alias": ("a", "b"),
    "child": ("X", "Y", "Z"),
}
_BOUND: Final = {
    "a_handle": "handle",
    "a_monitor": "monitor",
    "a_watch": "watch",
    "a_timer": "timer",
    "an_alias": "alias",
}
_VALUES: Final = {
    "size": ("0", "1", "2", "5"),
    "data": ('b"a"', 'b"bcd"', 'b"efghij"'),
    "side": ('"read"', '"write"', '"read_write"'),
    "own": ("r", "q"),
    "reason": ('"kill"', '"boom"', '"normal"'),
    "flag": ("True", "False"),
    "word": ('"one"', '"two"'),
    "name": ('name("n")', 'name("o")'),
    "item": (
        '"links"',
        '"monitors"',
        '"monitored_by"',
        '"message_queue_len"',
        '"registered_name"',
        '"trap_exit"',
    ),
    "alias_mode": ('"explicit_unalias"', '"demonitor"', '"reply_demonitor"'),
    "port": ("pc", "ps"),
    "path": ('path("c")', 'path("s")', 'path("nobody")'),
    "seconds": ("0", "60"),
}


@attrs.frozen
class _Action:
    weight: int
    line: str
    traits: frozenset[str] = attrs.field(default="", converter=lambda text: frozenset(text.split()))
    """The traits that a world needs for it."""
    since: int = 0
    """The first Erlang/OTP release that performs it without a defect."""


# Operations that end something are rare, or walks would be short.
_ON_SOCKETS: Final = (
    _Action(12, "{actor}: {handle} = recv_nowait({sock}, {size})"),
    _Action(2, "{actor}: {handle} = recv_nowait({sock}, {size}, ref={own})"),
    _Action(4, "{actor}: recv({sock}, {size})"),
    _Action(2, "{actor}: await recv({sock}, {size}, timeout=0.01)"),
    _Action(2, "{actor}: recv({sock}, {size}, timeout=0)", since=28),
    _Action(2, "{actor}: recv({sock}, 0, flags=['peek'], timeout=0)", since=28),
    _Action(2, "{actor}: {handle} = recv_nowait({sock}, 0, flags=['peek'])"),
    _Action(4, "{actor}: {handle} = recvfrom_nowait({sock}, {size})", "dgram"),
    _Action(4, "{actor}: {handle} = recvfrom_nowait({sock}, {size})", since=28),
    _Action(2, "{actor}: recvmsg({sock}, {size}, 0)", "dgram"),
    _Action(2, "{actor}: recvmsg({sock}, {size}, 0)", since=28),
    _Action(1, "{actor}: recvfrom({sock}, {size}, flags=['peek'])", "dgram"),
    _Action(6, "{anyone}: send({sock}, {data})"),
    _Action(4, "{anyone}: send({sock}, {data})", "pair"),
    _Action(2, "{anyone}: send({sock}, {data}, timeout=0)"),
    _Action(2, "{actor}: {handle} = send_nowait({sock}, {data})"),
    _Action(1, "{actor}: {handle} = send_nowait({sock}, {data}, ref={own})"),
    _Action(2, '{anyone}: sendmsg({sock}, {{"iov": [{data}, b"z"]}})'),
    _Action(1, '{actor}: {handle} = sendmsg_nowait({sock}, {{"iov": [{data}]}})'),
    _Action(2, '{anyone}: sendv({sock}, [{data}, b"z"])', since=28),
    _Action(1, "{actor}: {handle} = sendv_nowait({sock}, [{data}])", since=28),
    _Action(2, '{anyone}: sendfile({sock}, tmp("f"), {size}, {size})', "stream"),
    _Action(8, "{anyone}: sendto({sock}, {data}, inet({port}))", "unconnected"),
    _Action(2, "{actor}: {handle} = sendto_nowait({sock}, {data}, inet({port}))", "unconnected"),
    _Action(
        2,
        '{actor}: sendmsg({sock}, {{"addr": inet({port}), "iov": [{data}]}})',
        "unconnected",
    ),
    _Action(1, "{actor}: connect({sock}, inet({port}))", "unconnected"),
    _Action(1, '{actor}: connect({sock}, {{"family": "unspec"}})', "unconnected"),
    _Action(8, "{anyone}: sendto({sock}, {data}, {path})", "paths"),
    _Action(2, "{actor}: {handle} = sendto_nowait({sock}, {data}, {path})", "paths"),
    _Action(1, "{actor}: connect({sock}, {path})", "paths"),
    _Action(6, "{actor}: cancel({sock}, {a_handle})"),
    _Action(4, "{actor}: receive_by_ref({a_handle}, timeout=0)"),
    _Action(2, "{actor}: info({sock})"),
    _Action(1, "{actor}: sockname({sock})"),
    _Action(1, "{actor}: peername({sock})"),
    _Action(1, "{anyone}: close({sock})"),
    _Action(1, "{anyone}: shutdown({sock}, {side})", "pair stream"),
    _Action(1, "{anyone}: shutdown({sock}, {side})", "listening"),
    _Action(1, '{anyone}: shutdown({sock}, "write")', "dgram"),
    _Action(1, "{anyone}: shutdown({sock}, {side})", "dgram", 28),
    _Action(2, "{actor}: {watch} = monitor_socket({sock})"),
    _Action(1, "{actor}: cancel_socket_monitor({a_watch})", since=28),
    _Action(2, '{anyone}: setopt({sock}, "otp", "controlling_process", {actor})'),
    _Action(1, '{anyone}: setopt({sock}, "otp", "rcvbuf", 4)'),
    _Action(1, '{anyone}: setopt({sock}, "otp", "meta", {word})'),
    _Action(1, '{actor}: getopt({sock}, "otp", "meta")'),
    _Action(1, '{actor}: getopt({sock}, "otp", "controlling_process")'),
    _Action(1, '{actor}: setopt({sock}, "socket", "keepalive", {flag})'),
    _Action(1, '{actor}: getopt({sock}, "socket", "keepalive")'),
    _Action(1, '{actor}: getopt({sock}, "socket", "acceptconn")'),
    _Action(1, '{anyone}: setopt({sock}, "socket", "rcvlowat", 2)', "pair stream"),
    # Local streams have a buffer whose size does not depend on the machine.
    _Action(8, "{actor}: {handle} = send_nowait({sock}, fill(400000))", "local"),
    _Action(2, "{actor}: send({sock}, fill(400000))", "local"),
    _Action(2, "{actor}: await send({sock}, fill(400000), timeout=0.01)", "local"),
    _Action(2, '{actor}: sendmsg({sock}, {{"iov": [fill(400000)]}})', "local"),
    _Action(2, '{actor}: sendfile({sock}, tmp("big"), 0, 0)', "local"),
    _Action(8, "{actor}: recv({sock}, 150000)", "local"),
    _Action(4, "{actor}: recv_nowait({sock}, 150000)", "local"),
    _Action(14, "{actor}: {handle} = accept_nowait(l)", "listening"),
    _Action(2, "{actor}: {handle} = accept_nowait({sock})", "listening"),
    _Action(2, "{actor}: {handle} = accept_nowait(l, ref={own})", "listening", 28),
    _Action(4, "{actor}: accept(l)", "listening"),
    _Action(2, "{actor}: await accept(l, timeout=0.01)", "listening"),
    _Action(14, "{actor}: {handle} = connect_nowait({sock}, {inet}(p))", "listening"),
    _Action(2, "{actor}: {handle} = connect_nowait({sock}, {inet}(p), ref={own})", "listening"),
    _Action(8, "{actor}: connect_nowait({sock})", "listening"),
    _Action(2, "{actor}: connect({sock}, {inet}(p))", "listening"),
    _Action(1, "{actor}: await connect({sock}, {inet}(p), timeout=0.2)", "listening"),
)

# A stream has one user.
_ON_STREAMS: Final = (
    _Action(6, "A: send_all(c, {data})"),
    _Action(6, "A: receive_some(c)"),
    _Action(1, "A: send_eof(c)"),
    _Action(1, "A: aclose(c)"),
    _Action(6, "B: send_all(s, {data})"),
    _Action(6, "B: receive_some(s)"),
    _Action(1, "B: send_eof(s)"),
    _Action(1, "B: aclose(s)"),
    _Action(1, "{anyone}: close({sock})"),
)

_ON_PROCESSES: Final = (
    _Action(4, "{actor}: send_message({other}, {word})"),
    _Action(2, "{actor}: send_message({name}, {word})"),
    _Action(2, "{actor}: send_message({an_alias}, {word})"),
    _Action(2, "{actor}: receive_message()"),
    _Action(2, "{actor}: receive_message(timeout=0)"),
    _Action(1, "{actor}: receive_word({word})"),
    _Action(1, "{actor}: await receive_word({word}, timeout=0.01)"),
    _Action(1, "{actor}: receive_by_ref({a_monitor}, timeout=0)"),
    _Action(1, "{actor}: receive_by_ref({a_timer}, timeout=0)"),
    _Action(2, "{actor}: exit({other}, {reason})"),
    _Action(1, "{anyone}: exit({reason})"),
    _Action(1, "{anyone}: finish()"),
    _Action(1, "{anyone}: crash()"),
    _Action(2, "{actor}: trap_exit(True)"),
    _Action(1, "{actor}: trap_exit({flag})"),
    _Action(3, "{actor}: link({other})"),
    _Action(1, "{actor}: unlink({other})"),
    _Action(3, "{actor}: {monitor} = monitor({other})"),
    _Action(1, "{actor}: {monitor} = monitor({name})"),
    _Action(1, "{actor}: {monitor} = monitor({other}, alias={alias_mode})"),
    _Action(1, "{actor}: send_message({a_monitor}, {word})"),
    _Action(1, "{actor}: demonitor({a_monitor})"),
    _Action(1, "{actor}: demonitor({a_monitor}, flush=True)"),
    _Action(1, "{actor}: {child} = spawn()"),
    _Action(1, "{actor}: {child} = spawn_link()"),
    _Action(1, "{actor}: {child}, {monitor} = spawn_monitor()"),
    _Action(2, "{actor}: register({name}, {other})"),
    _Action(1, "{actor}: unregister({name})"),
    _Action(1, "{actor}: whereis({name})"),
    _Action(1, "{actor}: {alias} = alias()"),
    _Action(1, '{actor}: {alias} = alias("reply")'),
    _Action(1, "{actor}: unalias({an_alias})"),
    _Action(1, "{actor}: {timer} = send_after({seconds}, {other}, {word})"),
    _Action(1, "{actor}: {timer} = start_timer({seconds}, {other}, {word})"),
    _Action(1, "{actor}: {timer} = send_after({seconds}, {name}, {word})"),
    _Action(1, "{actor}: cancel_timer({a_timer})"),
    _Action(1, "{actor}: read_timer({a_timer})"),
    _Action(1, "{actor}: is_alive({other})"),
    _Action(2, "{actor}: process_info({other}, {item})"),
)


def walk(bench: Bench, count: int, seed: int) -> Mismatch | None:
    """Perform `count` random walks; return one that differs, made as short as possible."""
    dice = random.Random(seed)
    walks = (_walk(dice, bench.erlang.release) for _ in range(count))
    try:
        while several := list(islice(walks, _BATCH)):
            bench.light = not bench.light
            for mismatch in run_all(bench, several):
                return _shortest(bench, mismatch)
    finally:
        bench.light = False
    return None


def _shortest(bench: Bench, mismatch: Mismatch) -> Mismatch:
    """Leave out steps, from the last to the first, until none can be left out."""
    for number in reversed(range(mismatch.step + 1)):
        steps = mismatch.scenario.steps[: mismatch.step + 1]
        shorter = Scenario("walk", (*steps[:number], *steps[number + 1 :]))
        for found in run_all(bench, [shorter]):
            if found.scenario.steps[found.step] == mismatch.scenario.steps[mismatch.step]:
                return _shortest(bench, found)
    return mismatch


def _walk(dice: random.Random, release: int) -> Scenario:
    world = _WORLDS[dice.choice(sorted(_WORLDS))]
    draw = _Draw(dice, world)
    on_sockets = _ON_STREAMS if "streams" in world.traits else _ON_SOCKETS
    tables = [_fitting(table, world, release) for table in (on_sockets, _ON_PROCESSES)]
    lines = [world.prelude]
    if world.sockets:
        lines.append('O: r = make_ref()\nO: q = make_ref()\nO: write_file(tmp("f"), fill(9))')
    while len(lines) < _LENGTH:
        table = tables[not world.sockets or dice.random() < 0.2]
        [action] = dice.choices(table, [each.weight for each in table])
        lines += draw.line(action.line)
    return Scenario("walk", read_steps("\n".join(lines)))


def _fitting(table: tuple[_Action, ...], world: _World, release: int) -> list[_Action]:
    return [each for each in table if each.traits <= world.traits and each.since <= release]


class _Draw:
    """Draws the arguments of a line, and remembers the names that the lines so far have bound."""

    def __init__(self, dice: random.Random, world: _World) -> None:
        self._dice = dice
        self._actors = list("ABCDEFGH"[: dice.randint(2, 8)])
        self._owners = ["O", "P", "Q"][: len(world.sockets)]
        self._bound: dict[str, list[str]] = {kind: [] for kind in _NAMES}
        self._choices = {
            **_VALUES,
            "sock": world.sockets,
            "inet": ["inet6" if "inet6" in world.prelude else "inet"],
        }

    def line(self, form: str) -> list[str]:
        """Return the line, or none if no name is bound that it could use."""
        fields = [field for _, field, _, _ in Formatter().parse(form) if field]
        drawn = {field: self._choose(field) for field in dict.fromkeys(fields)}
        if None in drawn.values():
            return []
        for kind in drawn.keys() & _NAMES.keys():
            self._bound[kind].append(str(drawn[kind]))
        if "child" in drawn:
            self._actors.append(str(drawn["child"]))
        return [form.format(**drawn)]

    def _choose(self, field: str) -> str | None:
        choices = self._choices_of(field)
        return self._dice.choice(choices) if choices else None

    def _choices_of(self, field: str) -> list[str] | tuple[str, ...]:
        match field:
            case "actor" | "other":
                return self._actors
            case "anyone":
                return self._actors + self._owners
            case "child":  # the name of an actor is given once
                return [name for name in _NAMES["child"] if name not in self._actors]
        if field in _BOUND:
            return self._bound[_BOUND[field]]
        return _NAMES.get(field) or self._choices[field]
