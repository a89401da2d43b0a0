"""A name server over UDP: one process, and a count as active mode.

It knows a few addresses of IPv4 (records of type A) and answers all other queries with NXDOMAIN.
With a count as active mode the socket stops by itself after a hundred queries and says so with
`UdpPassive`; the process asks for a hundred more when it has come so far. A flood of queries stays
in the kernel, which drops what it has no room for, and not in the mailbox.

With a port as argument it serves until Ctrl-C (0: the system chooses the port); without one it
asks itself a few questions.
"""

import struct
import sys
from typing import Final

from actorsock import gen_udp, inet, ok, receive, run, spawn_link
from actorsock.gen_udp import UdpSocket
from actorsock.inet import Udp, UdpError, UdpPassive

NAMES: Final = {"one.test": "192.0.2.1", "two.test": "192.0.2.2"}
HEADER: Final = struct.Struct("!HHHHHH")
A, INTERNET, TTL = 1, 1, 300
IS_ANSWER, AUTHORITATIVE, WANTS_RECURSION, NXDOMAIN, FORMAT_ERROR = 0x8000, 0x0400, 0x0100, 3, 1


async def server(sock: UdpSocket) -> None:
    ok(inet.setopts(sock, {"active": 100}))
    while True:
        match await receive():
            case Udp(_, address, port, query):
                await gen_udp.send(sock, address, port, answer(query))
            case UdpPassive():
                ok(inet.setopts(sock, {"active": 100}))
            case UdpError():  # an answer was refused: its client is gone
                pass


def answer(query: bytes) -> bytes:
    if len(query) < HEADER.size:
        return b""
    number, flags, *_ = HEADER.unpack_from(query)
    flags = IS_ANSWER | AUTHORITATIVE | (flags & WANTS_RECURSION)
    try:
        name, end = read_name(query)
        kind, _ = struct.unpack_from("!HH", query, end)
    except (IndexError, struct.error):
        return HEADER.pack(number, flags | FORMAT_ERROR, 0, 0, 0, 0)
    question = query[HEADER.size : end + 4]
    address = NAMES.get(name.lower())
    if address is None:
        return HEADER.pack(number, flags | NXDOMAIN, 1, 0, 0, 0) + question
    if kind != A:
        return HEADER.pack(number, flags, 1, 0, 0, 0) + question
    same_name = b"\xc0" + bytes((HEADER.size,))  # a pointer to the name in the question
    record = same_name + struct.pack("!HHIH", A, INTERNET, TTL, 4)
    numbers = bytes(int(part) for part in address.split("."))
    return HEADER.pack(number, flags, 1, 1, 0, 0) + question + record + numbers


def read_name(query: bytes) -> tuple[str, int]:
    """Return the name in the question, and where it ends."""
    at, labels = HEADER.size, []
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(labels), at + 1


def question(number: int, name: str) -> bytes:
    labels = [bytes((len(label),)) + label.encode() for label in name.split(".")]
    return HEADER.pack(number, WANTS_RECURSION, 1, 0, 0, 0) + b"".join(labels) + b"\0\0\1\0\1"


def serve(port: int) -> int:
    sock = ok(gen_udp.open(port, {"ip": "127.0.0.1", "active": False, "recbuf": 2**18}))
    ok(gen_udp.controlling_process(sock, spawn_link(server, sock)))
    return int(ok(inet.port(sock)))


async def main() -> None:
    if len(sys.argv) > 1:
        print(f"listens on port {serve(int(sys.argv[1]))}", flush=True)
        await receive()
    port = serve(0)
    sock = ok(gen_udp.open(0, {"active": False}))
    for number, name in enumerate(("one.test", "TWO.test", "three.test")):
        ok(await gen_udp.send(sock, "127.0.0.1", port, question(number, name)))
        _, _, data = ok(await gen_udp.recv(sock, 0, 5))
        _, flags, _, answers, *_ = HEADER.unpack_from(data)
        print(f"{name}:", ".".join(map(str, data[-4:])) if answers else f"error {flags & 15}")


if __name__ == "__main__":
    run(main)
