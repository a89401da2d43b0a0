"""Random walks: sequences of operations that nobody thought of, on both sides.

A walk has a few processes and a few sockets, and they do to these whatever is drawn. When the
two sides differ, hypothesis finds the shortest walk that still shows it.

What is left out has an outcome that Erlang itself leaves open, or that depends on how fast the
machine is: deadlines that pass while others act, owners of two sockets that die (which closes
first?), and on old releases the operations whose defects 21.1 decides against.
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

# What a walk begins with; each socket has an owner of its own.
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


def walk(bench: Bench, count: int, seed: int | None = None) -> Mismatch | None:
    """Perform `count` random walks; the shortest one that differs, if any does."""

    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(st.booleans(), _walks(bench.erlang.release))
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
    anybody = st.sampled_from(_ACTORS + "OP")
    sock = st.sampled_from(sockets)
    handle = st.sampled_from(_HANDLES)
    size = st.sampled_from((0, 1, 2, 5))
    data = st.sampled_from(('b"a"', 'b"bcd"', 'b"efghij"'))
    much = 400000
    # Lines, and how often each is drawn: what ends things is rare, or little would happen.
    lines = [
        (6, _line("{}: {} = recv_nowait({}, {})", actor, handle, sock, size)),
        (2, _line("{}: recv({}, {})", actor, sock, size)),
        (1, _line("{}: recv({}, {}, timeout=0.01)\npause(0.03)", actor, sock, size)),
        (6, _line("{}: send({}, {})", anybody, sock, data)),
        (1, _line("{}: {} = send_nowait({}, {})", actor, handle, sock, data)),
        (3, _line("{}: cancel({}, {})", actor, sock, handle)),
        (2, _line("{}: receive_by_ref({}, timeout=0)", actor, handle)),
        (1, _line("{}: info({})", actor, sock)),
        (1, _line("{}: close({})", anybody, sock)),
        (1, _line("{}: shutdown({}, {})", anybody, sock, st.sampled_from(('"read"', '"write"')))),
        (1, _line("{}: exit({}, {})", anybody, actor, st.sampled_from(('"kill"', '"boom"')))),
        (1, _line("{}: finish()", anybody)),
        (1, _line("{}: trap_exit(True)", actor)),
        (1, _line("{}: link({})", actor, actor)),
        (1, _line("{}: monitor({})", actor, actor)),
        (1, _line("{}: monitor_socket({})", actor, sock)),
        (1, _line('{}: setopt({}, "otp", "controlling_process", {})', anybody, sock, actor)),
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
    # A step that is nothing is the simplest one, so that a walk can become shorter.
    weighted = [st.just(""), *(line for weight, line in lines for _ in range(weight))]
    step = st.integers(0, len(weighted) - 1).flatmap(weighted.__getitem__)
    steps = st.tuples(*[step] * _LENGTH)
    return steps.map(lambda drawn: "\n".join([prelude, *drawn]))


def _line(form: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda drawn: form.format(*drawn))
