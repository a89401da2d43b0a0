"""The random walks over `socket` and over processes: see `walks`.

Two tables hold the operations, one for sockets and one for processes.

Not drawn are operations whose outcome is not defined in Erlang or depends on the speed of the
machine: deadlines that pass while other processes act, the end of an owner of two sockets (either
may close first), and, on old releases, operations with defects that newer releases have corrected.
"""

from typing import Final

from .walking import Action, World

__all__ = ["WORLDS_OF_SOCKETS"]

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


# Operations that end something are rare, or walks would be short.
_ON_SOCKETS: Final = (
    Action(12, "{actor}: {handle} = recv_nowait({sock}, {size})"),
    Action(2, "{actor}: {handle} = recv_nowait({sock}, {size}, ref={own})"),
    Action(4, "{actor}: recv({sock}, {size})"),
    Action(2, "{actor}: await recv({sock}, {size}, timeout=0.01)"),
    Action(2, "{actor}: recv({sock}, {size}, timeout=0)", since=28),
    Action(2, "{actor}: recv({sock}, 0, flags=['peek'], timeout=0)", since=28),
    Action(2, "{actor}: {handle} = recv_nowait({sock}, 0, flags=['peek'])"),
    Action(4, "{actor}: {handle} = recvfrom_nowait({sock}, {size})", "dgram"),
    Action(4, "{actor}: {handle} = recvfrom_nowait({sock}, {size})", since=28),
    Action(2, "{actor}: recvmsg({sock}, {size}, 0)", "dgram"),
    Action(2, "{actor}: recvmsg({sock}, {size}, 0)", since=28),
    Action(1, "{actor}: recvfrom({sock}, {size}, flags=['peek'])", "dgram"),
    Action(6, "{anyone}: send({sock}, {data})"),
    Action(4, "{anyone}: send({sock}, {data})", "pair"),
    Action(2, "{anyone}: send({sock}, {data}, timeout=0)"),
    Action(2, "{actor}: {handle} = send_nowait({sock}, {data})"),
    Action(1, "{actor}: {handle} = send_nowait({sock}, {data}, ref={own})"),
    Action(2, '{anyone}: sendmsg({sock}, {{"iov": [{data}, b"z"]}})'),
    Action(1, '{actor}: {handle} = sendmsg_nowait({sock}, {{"iov": [{data}]}})'),
    Action(2, '{anyone}: sendv({sock}, [{data}, b"z"])', since=28),
    Action(1, "{actor}: {handle} = sendv_nowait({sock}, [{data}])", since=28),
    Action(2, '{anyone}: sendfile({sock}, tmp("f"), {size}, {size})', "stream"),
    Action(8, "{anyone}: sendto({sock}, {data}, inet({port}))", "unconnected"),
    Action(2, "{actor}: {handle} = sendto_nowait({sock}, {data}, inet({port}))", "unconnected"),
    Action(
        2,
        '{actor}: sendmsg({sock}, {{"addr": inet({port}), "iov": [{data}]}})',
        "unconnected",
    ),
    Action(1, "{actor}: connect({sock}, inet({port}))", "unconnected"),
    Action(1, '{actor}: connect({sock}, {{"family": "unspec"}})', "unconnected"),
    Action(8, "{anyone}: sendto({sock}, {data}, {path})", "paths"),
    Action(2, "{actor}: {handle} = sendto_nowait({sock}, {data}, {path})", "paths"),
    Action(1, "{actor}: connect({sock}, {path})", "paths"),
    Action(6, "{actor}: cancel({sock}, {a_handle})"),
    Action(4, "{actor}: receive_by_ref({a_handle}, timeout=0)"),
    Action(2, "{actor}: info({sock})"),
    Action(1, "{actor}: sockname({sock})"),
    Action(1, "{actor}: peername({sock})"),
    Action(1, "{anyone}: close({sock})"),
    Action(1, "{anyone}: shutdown({sock}, {side})", "pair stream"),
    Action(1, "{anyone}: shutdown({sock}, {side})", "listening"),
    Action(1, '{anyone}: shutdown({sock}, "write")', "dgram"),
    Action(1, "{anyone}: shutdown({sock}, {side})", "dgram", 28),
    Action(2, "{actor}: {watch} = monitor_socket({sock})"),
    Action(1, "{actor}: cancel_socket_monitor({a_watch})", since=28),
    Action(2, '{anyone}: setopt({sock}, "otp", "controlling_process", {actor})'),
    Action(1, '{anyone}: setopt({sock}, "otp", "rcvbuf", 4)'),
    Action(1, '{anyone}: setopt({sock}, "otp", "meta", {word})'),
    Action(1, '{actor}: getopt({sock}, "otp", "meta")'),
    Action(1, '{actor}: getopt({sock}, "otp", "controlling_process")'),
    Action(1, '{actor}: setopt({sock}, "socket", "keepalive", {flag})'),
    Action(1, '{actor}: getopt({sock}, "socket", "keepalive")'),
    Action(1, '{actor}: getopt({sock}, "socket", "acceptconn")'),
    Action(1, '{anyone}: setopt({sock}, "socket", "rcvlowat", 2)', "pair stream"),
    # Local streams have a buffer whose size does not depend on the machine: of some 208 kB. The
    # kernel wakes a sender when 52 kB are left in it, and a receive must not end close to that.
    Action(8, "{actor}: {handle} = send_nowait({sock}, fill(400000))", "local"),
    Action(2, "{actor}: send({sock}, fill(400000))", "local"),
    Action(2, "{actor}: await send({sock}, fill(400000), timeout=0.01)", "local"),
    Action(2, '{actor}: sendmsg({sock}, {{"iov": [fill(400000)]}})', "local"),
    Action(2, '{actor}: sendfile({sock}, tmp("big"), 0, 0)', "local"),
    Action(8, "{actor}: recv({sock}, 120000)", "local"),
    Action(4, "{actor}: recv_nowait({sock}, 120000)", "local"),
    Action(14, "{actor}: {handle} = accept_nowait(l)", "listening"),
    Action(2, "{actor}: {handle} = accept_nowait({sock})", "listening"),
    Action(2, "{actor}: {handle} = accept_nowait(l, ref={own})", "listening", 28),
    Action(4, "{actor}: accept(l)", "listening"),
    Action(2, "{actor}: await accept(l, timeout=0.01)", "listening"),
    Action(14, "{actor}: {handle} = connect_nowait({sock}, {inet}(p))", "listening"),
    Action(2, "{actor}: {handle} = connect_nowait({sock}, {inet}(p), ref={own})", "listening"),
    Action(8, "{actor}: connect_nowait({sock})", "listening"),
    Action(2, "{actor}: connect({sock}, {inet}(p))", "listening"),
    Action(1, "{actor}: await connect({sock}, {inet}(p), timeout=0.2)", "listening"),
)

# A stream has one user.
_ON_STREAMS: Final = (
    Action(6, "A: send_all(c, {data})"),
    Action(6, "A: receive_some(c)"),
    Action(1, "A: send_eof(c)"),
    Action(1, "A: aclose(c)"),
    Action(6, "B: send_all(s, {data})"),
    Action(6, "B: receive_some(s)"),
    Action(1, "B: send_eof(s)"),
    Action(1, "B: aclose(s)"),
    Action(1, "{anyone}: close({sock})"),
)

_ON_PROCESSES: Final = (
    Action(4, "{actor}: send_message({other}, {word})"),
    Action(2, "{actor}: send_message({name}, {word})"),
    Action(2, "{actor}: send_message({an_alias}, {word})"),
    Action(2, "{actor}: receive_message()"),
    Action(2, "{actor}: receive_message(timeout=0)"),
    Action(1, "{actor}: receive_word({word})"),
    Action(1, "{actor}: await receive_word({word}, timeout=0.01)"),
    Action(1, "{actor}: receive_by_ref({a_monitor}, timeout=0)"),
    Action(1, "{actor}: receive_by_ref({a_timer}, timeout=0)"),
    Action(2, "{actor}: exit({other}, {reason})"),
    Action(1, "{anyone}: exit({reason})"),
    Action(1, "{anyone}: finish()"),
    Action(1, "{anyone}: crash()"),
    Action(2, "{actor}: trap_exit(True)"),
    Action(1, "{actor}: trap_exit({flag})"),
    Action(3, "{actor}: link({other})"),
    Action(1, "{actor}: unlink({other})"),
    Action(3, "{actor}: {monitor} = monitor({other})"),
    Action(1, "{actor}: {monitor} = monitor({name})"),
    Action(1, "{actor}: {monitor} = monitor({other}, alias={alias_mode})"),
    Action(1, "{actor}: send_message({a_monitor}, {word})"),
    Action(1, "{actor}: demonitor({a_monitor})"),
    Action(1, "{actor}: demonitor({a_monitor}, flush=True)"),
    Action(1, "{actor}: {child} = spawn()"),
    Action(1, "{actor}: {child} = spawn_link()"),
    Action(1, "{actor}: {child}, {monitor} = spawn_monitor()"),
    Action(2, "{actor}: register({name}, {other})"),
    Action(1, "{actor}: unregister({name})"),
    Action(1, "{actor}: whereis({name})"),
    Action(1, "{actor}: {alias} = alias()"),
    Action(1, '{actor}: {alias} = alias("reply")'),
    Action(1, "{actor}: unalias({an_alias})"),
    Action(1, "{actor}: {timer} = send_after({seconds}, {other}, {word})"),
    Action(1, "{actor}: {timer} = start_timer({seconds}, {other}, {word})"),
    Action(1, "{actor}: {timer} = send_after({seconds}, {name}, {word})"),
    Action(1, "{actor}: cancel_timer({a_timer})"),
    Action(1, "{actor}: read_timer({a_timer})"),
    Action(1, "{actor}: is_alive({other})"),
    Action(2, "{actor}: process_info({other}, {item})"),
)


_HAND_OVER: Final = '\nO: setopt(s, "otp", "controlling_process", P)'
_TOOLS: Final = '\nO: r = make_ref()\nO: q = make_ref()\nO: write_file(tmp("f"), fill(9))'


def _world(prelude: str, sockets: tuple[str, ...], traits: str, inet: str = "inet") -> World:
    table = _ON_STREAMS if "streams" in traits.split() else _ON_SOCKETS
    values = {**_VALUES, "inet": (inet,)}
    return World(prelude + _TOOLS, (table, _ON_PROCESSES), values, sockets, traits)


WORLDS_OF_SOCKETS: Final = {
    "tcp": _world(
        "O: c, s = tcp_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair stream tcp",
    ),
    "tcp over IPv6": _world(
        "O: c, s = tcp6_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair stream tcp",
        "inet6",
    ),
    "local streams": _world(
        'O: write_file(tmp("big"), fill(400000))\nO: c, s = local_pair(path("w"))' + _HAND_OVER,
        ("c", "s"),
        "pair stream local",
    ),
    "connected udp": _world(
        "O: c, s = udp_pair()" + _HAND_OVER,
        ("c", "s"),
        "pair dgram",
    ),
    "unconnected udp": _world(
        "O: c, pc = udp()\nP: s, ps = udp()",
        ("c", "s"),
        "dgram unconnected",
    ),
    "local datagrams": _world(
        'O: c = open("local", "dgram")\nO: bind(c, path("c"))\n'
        'P: s = open("local", "dgram")\nP: bind(s, path("s"))',
        ("c", "s"),
        "dgram paths",
    ),
    "streams": _world(
        "O: c, s = tcp_pair()" + _HAND_OVER,
        ("c", "s"),
        "streams",
    ),
    "listening": _world(
        'O: l, p = listener()\nP: c = open("inet", "stream", "tcp")\n'
        'Q: d = open("inet", "stream", "tcp")',
        ("l", "c", "d"),
        "listening",
    ),
    "listening on IPv6": _world(
        'O: l = open("inet6", "stream", "tcp")\nO: bind(l, "loopback")\nO: listen(l)\n'
        'O: p = port(l)\nP: c = open("inet6", "stream", "tcp")\n'
        'Q: d = open("inet6", "stream", "tcp")',
        ("l", "c", "d"),
        "listening",
        "inet6",
    ),
    "processes": World("", (_ON_PROCESSES,), _VALUES),
}
