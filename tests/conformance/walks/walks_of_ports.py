"""The random walks over gen_tcp and gen_udp: see `walks`.

An owner of each socket and strangers set options, send, receive, shut down, close and hand over.
Each step ends before the next begins, so that the kernel has moved all data. Not drawn is what
Erlang leaves to chance (see docs/conformance.md): sends into a connection that is lost, whose
result depends on how fast the reset comes back; and `unrecv` of a part of a packet, which Erlang 25
takes for a packet that is too large. A recv of a length that times out makes Erlang hold back the
bytes that it has read, in an active mode, until all of that length are there.
"""

from typing import Final

from .walking import Action, World

__all__ = ["WORLDS_OF_PORTS"]

_VALUES: Final = {
    "mode": ("True", '"once"', "1", "2", "3", "-1", "0", "False", "32767"),
    "data": (
        'b"a"', r'b"\x00\x02hi"', r'b"line\nli"', r'b"\x00\x00\x00\x01z"', r'b"\x00"', 'b""'
    ),
    "packet": ("0", "1", "2", "4", '"line"', '"sunrm"', '"tpkt"'),
    "flag": ("True", "False"),
    "reason": ('"kill"', '"boom"'),
    "passive": ('{"active": False}',),
    "form": ('"list"', '"binary"'),
    "how": ('"read"', '"write"', '"read_write"'),
}  # fmt: skip

_ON_PROCESSES: Final = (
    Action(4, "{anyone}: exit({other}, {reason})"),
    Action(4, "{anyone}: finish()"),
    Action(4, "{anyone}: trap_exit(True)"),
    Action(4, "{anyone}: receive_message(timeout=0)"),
)


def _on_either(kind: str) -> tuple[Action, ...]:
    return (
        Action(4, '{anyone}: setopts({sock}, {{"active": {mode}}})'),
        Action(1, '{actor}: getopts({sock}, ["active", "packet"])'),
        Action(1, f"{{anyone}}: {kind}_close({{sock}})"),
        Action(2, f"{{anyone}}: {kind}_give({{sock}}, {{other}})"),
        Action(1, "A: {watch} = inet_monitor({sock})"),
        Action(1, "A: inet_demonitor({a_watch})"),
        Action(1, '{actor}: getstat({sock}, ["send_cnt", "send_oct", "send_max"])'),
        Action(1, '{anyone}: setopts({sock}, {{"mode": {form}}})'),
        Action(1, "{actor}: inet_states({sock})"),
        Action(1, "{actor}: inet_port({sock})"),
        Action(1, "{actor}: inet_peername({sock})"),
    )


_ON_TCP: Final = (
    *_on_either("tcp"),
    Action(6, "O: tcp_send(c, {data})"),
    Action(4, "{anyone}: tcp_send({sock}, {data})"),
    Action(4, "{actor}: tcp_recv({sock}, 0)"),
    Action(2, "{actor}: tcp_recv({sock}, 0, timeout=0)"),
    Action(3, '{anyone}: setopts({sock}, {{"packet": {packet}}})'),
    Action(1, '{anyone}: setopts({sock}, {{"exit_on_close": {flag}}})'),
    Action(1, '{anyone}: setopts({sock}, {{"show_econnreset": {flag}}})'),
    Action(1, '{anyone}: setopts({sock}, {{"packet_size": 3}})'),
    Action(1, '{anyone}: tcp_shutdown(c, "write")'),
    Action(1, "{anyone}: tcp_shutdown({sock}, {how})"),
)

_ON_UDP: Final = (
    *_on_either("udp"),
    Action(8, "{anyone}: udp_send({sock}, {data})"),
    Action(4, "{actor}: udp_recv({sock}, 0)"),
    Action(2, "{actor}: udp_recv({sock}, 0, timeout=0)"),
    Action(1, '{anyone}: setopts({sock}, {{"buffer": 3}})'),
)

_ON_LISTENERS: Final = (
    Action(5, "{actor}: tcp_accept(l)"),
    Action(2, "{actor}: s = tcp_accept(l, timeout=0)"),
    Action(4, "{anyone}: c = tcp_connect(p, {passive})"),
    Action(2, '{anyone}: c = tcp_connect(p, {{"active": True}})'),
    Action(3, '{anyone}: setopts(l, {{"active": {mode}}})'),
    Action(2, '{anyone}: setopts(l, {{"packet": {packet}}})'),
    Action(1, '{actor}: getopts(l, ["active", "packet"])'),
    Action(3, "{anyone}: tcp_send(c, {data})"),
    Action(2, "{actor}: tcp_recv(s, 0)"),
    Action(2, "{actor}: inet_states(l)"),
    Action(1, "{anyone}: tcp_close(c)"),
    Action(1, "{actor}: inet_monitor(l)"),
)


def _pair(kind: str) -> str:
    passive = '{"active": False}'
    return f"O: c, s = gen_{kind}_pair({passive}, {passive})\nO: {kind}_give(s, P)"


# The listening socket stays open: another program may get its port, and a later connect succeed.
WORLDS_OF_PORTS: Final = {
    "gen_tcp": World(_pair("tcp"), (_ON_TCP, _ON_PROCESSES), _VALUES, ("c", "s")),
    "gen_udp": World(_pair("udp"), (_ON_UDP, _ON_PROCESSES), _VALUES, ("c", "s")),
    "listening": World(
        'O: l, p = tcp_listener({"active": False})', (_ON_LISTENERS, _ON_PROCESSES), _VALUES, ("l",)
    ),
}
