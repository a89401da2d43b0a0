"""A load generator for TLS: it speaks as `loadgen.c` does, for the load `echo` alone.

Arguments: `echo`; the port; the number of connections. It prints a line when they are made. For
each line with a number of seconds it prints how many echoes it had, and the seconds that passed.
"""

import select
import socket
import ssl
import sys
import time

REQUEST = b"x" * 64


def connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection after its handshake, which does not block."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    secure = context.wrap_socket(plain)
    secure.setblocking(False)
    return secure


def echoes(sockets: dict[int, ssl.SSLSocket], poller: select.epoll, seconds: float) -> int:
    """Keep a request under way on each connection, and count the answers."""
    missing = dict.fromkeys(sockets, len(REQUEST))
    for sock in sockets.values():
        sock.send(REQUEST)
    count = 0
    end = time.monotonic() + seconds
    under_way = len(sockets)
    while under_way:
        late = time.monotonic() >= end
        for number, _ in poller.poll():
            sock = sockets[number]
            try:
                data = sock.recv(4096)
            except ssl.SSLWantReadError:
                continue
            if not data:
                raise SystemExit("the server has closed a connection")
            missing[number] -= len(data)
            if missing[number]:
                continue
            count += 1
            missing[number] = len(REQUEST)
            if late:
                under_way -= 1
            else:
                sock.send(REQUEST)
    return count


def main() -> None:
    """Connect, and run as often as asked."""
    _, port, number = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    poller = select.epoll()
    sockets = {}
    for _ in range(int(number)):
        sock = connected(int(port), context)
        sockets[sock.fileno()] = sock
        poller.register(sock, select.EPOLLIN)
    print("ready", flush=True)
    for line in sys.stdin:
        begin = time.monotonic()
        count = echoes(sockets, poller, float(line))
        print(count, time.monotonic() - begin, flush=True)


if __name__ == "__main__":
    main()
