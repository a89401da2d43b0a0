"""Random walks: random sequences of operations, performed on both sides.

In a walk, a few processes perform random operations on a few sockets. When the two sides differ,
hypothesis finds the shortest walk that still shows the difference.

Not drawn are operations whose outcome is not defined in Erlang or depends on the speed of the
machine: deadlines that pass while other processes act, the end of an owner of two sockets (either
may close first), and, on old releases, operations with defects that newer releases have corrected.
"""

from typing import Final

import hypothesis
import hypothesis.strategies as st

from .comparing import Mismatch
from .notation import Scenario, read_steps
from .running import Bench, run_all

__all__ = ["walk"]

_ACTORS: Final = "ABCD"
_HANDLES: Final = ("h", "g", "k")

_LENGTH: Final = 16

# The first steps of a walk; each socket has an owner of its own.
_WORLDS: Final = {
    "tcp": (
        'O: c, s = tcp_pair()\nO: setopt(s, "otp", "controlling_process", P)',
        ("c", "s"),
    ),
    "local": (
        'O: c, s = local_pair(path("w"))\nO: setopt(s, "otp", "controlling_process", P)',
        ("c", "s"),
    ),
    "udp": (
        'O: c, s = udp_pair()\nO: setopt(s, "otp", "controlling_process", P)',
        ("c", "s"),
    ),
    "listening": (
        'O: l, p = listener()\nP: c = open("inet", "stream", "tcp")\n'
        'Q: d = open("inet", "stream", "tcp")',
        ("l", "c", "d"),
    ),
}


class _Differs(AssertionError):
    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(str(mismatch))
        self.mismatch = mismatch


def walk(
    bench: Bench,
    count: int,
    seed: int | None = None,
    walks: st.SearchStrategy[str] | None = None,
) -> Mismatch | None:
    """Perform `count` random walks; return the shortest one that differs, if any.

    They are over sockets, if `walks` does not give others.
    """

    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(st.booleans(), _walks(bench.erlang.release) if walks is None else walks)
    def same_on_both_sides(light: bool, lines: str) -> None:
        bench.light = light
        scenario = Scenario("walk", read_steps(lines))
        for mismatch in run_all(bench, [scenario]):
            raise _Differs(mismatch)

    if seed is not None:
        same_on_both_sides = hypothesis.seed(seed)(same_on_both_sides)
    try:
        same_on_both_sides()
    except _Differs as differs:
        return differs.mismatch
    finally:
        bench.light = False
    return None


def _walks(release: int) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(_WORLDS)).flatmap(lambda world: _in_world(world, release))


def _in_world(world: str, release: int) -> st.SearchStrategy[str]:
    prelude, sockets = _WORLDS[world]
    actor = st.sampled_from(_ACTORS)
    any_actor = st.sampled_from(_ACTORS + "OP")
    sock = st.sampled_from(sockets)
    handle = st.sampled_from(_HANDLES)
    size = st.sampled_from((0, 1, 2, 5))
    data = st.sampled_from(('b"a"', 'b"bcd"', 'b"efghij"'))
    much = 400000
    # Lines with their weights. Operations that end something are rare, or walks would be short.
    lines = [
        (6, _line("{}: {} = recv_nowait({}, {})", actor, handle, sock, size)),
        (2, _line("{}: recv({}, {})", actor, sock, size)),
        (1, _line("{}: recv({}, {}, timeout=0.01)\npause(0.03)", actor, sock, size)),
        (6, _line("{}: send({}, {})", any_actor, sock, data)),
        (1, _line("{}: {} = send_nowait({}, {})", actor, handle, sock, data)),
        (3, _line("{}: cancel({}, {})", actor, sock, handle)),
        (2, _line("{}: receive_by_ref({}, timeout=0)", actor, handle)),
        (1, _line("{}: info({})", actor, sock)),
        (1, _line("{}: close({})", any_actor, sock)),
        (1, _line("{}: shutdown({}, {})", any_actor, sock, st.sampled_from(('"read"', '"write"')))),
        (1, _line("{}: exit({}, {})", any_actor, actor, st.sampled_from(('"kill"', '"boom"')))),
        (1, _line("{}: finish()", any_actor)),
        (1, _line("{}: trap_exit(True)", actor)),
        (1, _line("{}: link({})", actor, actor)),
        (1, _line("{}: monitor({})", actor, actor)),
        (1, _line("{}: monitor_socket({})", actor, sock)),
        (1, _line('{}: setopt({}, "otp", "controlling_process", {})', any_actor, sock, actor)),
    ]
    if world == "udp" or release >= 28:
        lines += [
            (2, _line("{}: {} = recvfrom_nowait({}, {})", actor, handle, sock, size)),
            (1, _line("{}: recvmsg({}, {}, 0)", actor, sock, size)),
        ]
    if release >= 28:
        lines.append((1, _line("{}: recv({}, {}, timeout=0)", actor, sock, size)))
    if world == "local":
        lines += [
            (4, _line(f"{{}}: {{}} = send_nowait({{}}, fill({much}))", actor, handle, sock)),
            (1, _line(f"{{}}: send({{}}, fill({much}))", actor, sock)),
            (4, _line("{}: recv({}, 150000)", actor, sock)),
            (2, _line("{}: recv_nowait({}, 150000)", actor, sock)),
        ]
    if world == "listening":
        lines += [
            (6, _line("{}: {} = accept_nowait(l)", actor, handle)),
            (1, _line("{}: {} = accept_nowait({})", actor, handle, sock)),
            (2, _line("{}: accept(l)", actor)),
            (1, _line("{}: accept(l, timeout=0.01)\npause(0.03)", actor)),
            (6, _line("{}: {} = connect_nowait({}, inet(p))", actor, handle, sock)),
            (4, _line("{}: connect_nowait({})", actor, sock)),
            (1, _line("{}: connect({}, inet(p))", actor, sock)),
        ]
    # The simplest step is empty, so that hypothesis can shorten a walk.
    weighted = [st.just(""), *(line for weight, line in lines for _ in range(weight))]
    step = st.integers(0, len(weighted) - 1).flatmap(weighted.__getitem__)
    steps = st.tuples(*[step] * _LENGTH)
    return steps.map(lambda drawn: "\n".join([prelude, *drawn]))


def _line(form: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda drawn: form.format(*drawn))
