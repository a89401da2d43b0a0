"""Echo: a bare epoll loop, an upper limit for Python."""

import select
import socket


def main() -> None:
    lsock = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(lsock.getsockname()[1], flush=True)
    epoll = select.epoll()
    epoll.register(lsock, select.EPOLLIN)
    socks: dict[int, socket.socket] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == lsock.fileno():
                sock, _ = lsock.accept()
                sock.setblocking(False)
                socks[sock.fileno()] = sock
                epoll.register(sock, select.EPOLLIN)
            elif data := socks[fd].recv(8192):
                socks[fd].send(data)
            else:
                socks.pop(fd).close()


if __name__ == "__main__":
    main()
