"""Bytes in bulk, in pieces of 64 KiB: a loop around a blocking socket.

A client sends the direction (`r`: the server reads) and the number of bytes. After reading, the
server sends back how many bytes it has read.
"""

import socket

PIECE = bytes(65536)


def serve(sock: socket.socket) -> None:
    head = sock.recv(9, socket.MSG_WAITALL)
    total = int.from_bytes(head[1:], "big")
    if head[:1] == b"r":
        received = 0
        while received < total:
            received += len(sock.recv(len(PIECE)))
        sock.sendall(received.to_bytes(8, "big"))
    else:
        for _ in range(total // len(PIECE)):
            sock.sendall(PIECE)


def main() -> None:
    lsock = socket.create_server(("127.0.0.1", 0))
    print(lsock.getsockname()[1], flush=True)
    while True:
        sock, _ = lsock.accept()
        with sock:
            serve(sock)


if __name__ == "__main__":
    main()
