"""Random walks over gen_tcp and gen_udp, as those of `walks` over socket.

In a walk, an owner of each socket and strangers set options, send, receive, shut down, close and
hand over. Each step ends before the next begins, so that the kernel has moved all data. Not drawn
is what Erlang leaves to chance (see docs/conformance.md): sends into a connection that is lost,
whose result depends on how fast the reset comes back; and `unrecv` of a part of a packet, which
Erlang 25 takes for a packet that is too large. A recv of a length that times out makes Erlang hold
back the bytes that it has read, in an active mode, until all of that length are there.
"""

from typing import Final

import hypothesis.strategies as st

__all__ = ["PORT_WORLDS", "port_walks"]

_ACTORS: Final = "ABCD"
_LENGTH: Final = 14
_PASSIVE: Final = '{"active": False}'

# The listening socket stays open: another program may get its port, and a later connect succeed.
PORT_WORLDS: Final = {
    "gen_tcp": f"O: c, s = gen_tcp_pair({_PASSIVE}, {_PASSIVE})\nO: tcp_give(s, P)",
    "gen_udp": f"O: c, s = gen_udp_pair({_PASSIVE}, {_PASSIVE})\nO: udp_give(s, P)",
    "listening": f"O: l, p = tcp_listener({_PASSIVE})",
}

Lines = list[tuple[int, st.SearchStrategy[str]]]

_actor: Final = st.sampled_from(_ACTORS)
_any_actor: Final = st.sampled_from(_ACTORS + "OPPP")
_sock: Final = st.sampled_from(("c", "s", "s"))
_mode: Final = st.sampled_from(("True", '"once"', "1", "2", "3", "-1", "0", "False", "32767"))
_data: Final = st.sampled_from(
    ('b"a"', r'b"\x00\x02hi"', r'b"line\nli"', r'b"\x00\x00\x00\x01z"', r'b"\x00"', 'b""')
)
_packet: Final = st.sampled_from(("0", "1", "2", "4", '"line"', '"sunrm"', '"tpkt"'))
_flag: Final = st.sampled_from(("True", "False"))


def port_walks() -> st.SearchStrategy[str]:
    """Return the walks, as the lines of a scenario."""
    return st.sampled_from(sorted(PORT_WORLDS)).flatmap(_in_world)


def _in_world(world: str) -> st.SearchStrategy[str]:
    weighted = [st.just(""), *(line for weight, line in _LINES[world] for _ in range(weight))]
    step = st.integers(0, len(weighted) - 1).flatmap(weighted.__getitem__)
    steps = st.tuples(*[step] * _LENGTH)
    return steps.map(lambda drawn: "\n".join([PORT_WORLDS[world], *drawn]))


def _line(form: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda drawn: form.format(*drawn))


def _processes(kind: str) -> Lines:
    return [
        (4, _line('{}: setopts({}, {{"active": {}}})', _any_actor, _sock, _mode)),
        (1, _line('{}: getopts({}, ["active", "packet"])', _actor, _sock)),
        (1, _line(f"{{}}: {kind}_close({{}})", _any_actor, _sock)),
        (2, _line(f"{{}}: {kind}_give({{}}, {{}})", _any_actor, _sock, _actor)),
        (1, _line("{}: exit({}, {})", _any_actor, _actor, st.sampled_from(('"kill"', '"boom"')))),
        (1, _line("{}: finish()", _any_actor)),
        (1, _line("{}: trap_exit(True)", _any_actor)),
        (1, _line("{}: inet_monitor({})", _actor, _sock)),
        (1, _line("{}: inet_states({})", _actor, _sock)),
        (1, _line("{}: receive_message(timeout=0)", _any_actor)),
        (1, _line("{}: inet_port({})", _actor, _sock)),
        (1, _line("{}: inet_peername({})", _actor, _sock)),
    ]


_LINES: Final[dict[str, Lines]] = {
    "gen_tcp": [
        *_processes("tcp"),
        (6, _line("O: tcp_send(c, {})", _data)),
        (4, _line("{}: tcp_send({}, {})", _any_actor, _sock, _data)),
        (4, _line("{}: tcp_recv({}, 0)", _actor, _sock)),
        (2, _line("{}: tcp_recv({}, 0, timeout=0)", _actor, _sock)),
        (3, _line('{}: setopts({}, {{"packet": {}}})', _any_actor, _sock, _packet)),
        (1, _line('{}: setopts({}, {{"exit_on_close": {}}})', _any_actor, _sock, _flag)),
        (1, _line('{}: setopts({}, {{"show_econnreset": {}}})', _any_actor, _sock, _flag)),
        (1, _line('{}: setopts({}, {{"packet_size": 3}})', _any_actor, _sock)),
        (1, _line('{}: tcp_shutdown(c, "write")', _any_actor)),
    ],
    "gen_udp": [
        *_processes("udp"),
        (8, _line("{}: udp_send({}, {})", _any_actor, _sock, _data)),
        (4, _line("{}: udp_recv({}, 0)", _actor, _sock)),
        (2, _line("{}: udp_recv({}, 0, timeout=0)", _actor, _sock)),
        (1, _line('{}: setopts({}, {{"buffer": 3}})', _any_actor, _sock)),
    ],
    "listening": [
        (5, _line("{}: tcp_accept(l)", _actor)),
        (2, _line("{}: s = tcp_accept(l, timeout=0)", _actor)),
        (4, _line("{}: c = tcp_connect(p, {})", _any_actor, st.just(_PASSIVE))),
        (2, _line('{}: c = tcp_connect(p, {{"active": True}})', _any_actor)),
        (3, _line('{}: setopts(l, {{"active": {}}})', _any_actor, _mode)),
        (2, _line('{}: setopts(l, {{"packet": {}}})', _any_actor, _packet)),
        (1, _line('{}: getopts(l, ["active", "packet"])', _actor)),
        (3, _line("{}: tcp_send(c, {})", _any_actor, _data)),
        (2, _line("{}: tcp_recv(s, 0)", _actor)),
        (2, _line("{}: inet_states(l)", _actor)),
        (1, _line("{}: tcp_close(c)", _any_actor)),
        (1, _line("{}: exit({}, {})", _any_actor, _actor, st.sampled_from(('"kill"', '"boom"')))),
        (1, _line("{}: inet_monitor(l)", _actor)),
    ],
}
