"""A chat in lines, with active mode "once": a process for each member, and one for the room.

A member's process waits for two things at once: lines of its socket, which come as messages, and
what others say. It asks for the next line only when it has passed on the last one, so that a member
who writes without end is slowed down by the room.

`gen_tcp` programs of Erlang have the same shape.
"""

from collections.abc import Sequence

import attrs

from actorsock import Down, Pid, current_pid, gen_tcp, inet, monitor, ok, receive, run, send
from actorsock import spawn_link, trap_exit
from actorsock.gen_tcp import TcpSocket
from actorsock.inet import Tcp, TcpClosed, TcpError


@attrs.frozen
class Join:
    member: Pid
    name: bytes


@attrs.frozen
class Said:
    line: bytes


async def room() -> None:
    members: dict[Pid, bytes] = {}
    while True:
        match await receive():
            case Join(member, name):
                monitor(member)
                members[member] = name
                tell(members, b"* %s has come\n" % name)
            case (Pid() as speaker, bytes(line)):
                tell(members, b"%s: %s" % (members[speaker], line), but=speaker)
            case Down(pid=Pid() as member):
                tell(members, b"* %s has gone\n" % members.pop(member))


def tell(members: dict[Pid, bytes], line: bytes, but: Pid | None = None) -> None:
    for member in members:
        if member is not but:
            send(member, Said(line))


async def listener(sock: TcpSocket, room: Pid) -> None:
    trap_exit(True)  # a member may crash: the others go on
    while True:
        member = ok(await gen_tcp.accept(sock))
        pid = spawn_link(session, member, room)
        ok(gen_tcp.controlling_process(member, pid))
        ok(inet.setopts(member, {"active": "once"}))  # now messages go to the right process


async def session(sock: TcpSocket, room: Pid) -> None:
    name = None
    while True:
        match await receive():
            case Tcp(data=line) if name is None:
                name = line.strip()
                send(room, Join(current_pid(), name))
            case Tcp(data=line):
                send(room, (current_pid(), line))
            case Said(line):
                ok(await gen_tcp.send(sock, line))
                continue
            case TcpClosed() | TcpError():
                return
        ok(inet.setopts(sock, {"active": "once"}))


def open_chat() -> int:
    """Start the processes, and return the port."""
    options = {"ip": "127.0.0.1", "packet": "line", "active": False, "reuseaddr": True}
    sock = ok(gen_tcp.listen(0, options))
    pid = spawn_link(listener, sock, spawn_link(room))
    ok(gen_tcp.controlling_process(sock, pid))
    return int(ok(inet.port(sock)))


async def join(port: int, name: bytes) -> TcpSocket:
    sock = ok(await gen_tcp.connect("127.0.0.1", port, {"packet": "line", "active": False}))
    ok(await gen_tcp.send(sock, name + b"\n"))
    return sock


async def heard(sock: TcpSocket, count: int) -> Sequence[str]:
    return [ok(await gen_tcp.recv(sock, 0, 5)).decode().rstrip() for _ in range(count)]


async def main() -> None:
    port = open_chat()
    ann = await join(port, b"ann")
    print("ann hears:", await heard(ann, 1))
    bob = await join(port, b"bob")
    print("ann hears:", await heard(ann, 1))
    ok(await gen_tcp.send(ann, b"hello\nhow are you?\n"))
    print("bob hears:", await heard(bob, 3))
    ok(await gen_tcp.send(bob, b"fine"))
    ok(await gen_tcp.send(bob, b", thanks\n"))
    print("ann hears:", await heard(ann, 1))
    ok(await gen_tcp.close(bob))
    print("ann hears:", await heard(ann, 1))


if __name__ == "__main__":
    run(main)
