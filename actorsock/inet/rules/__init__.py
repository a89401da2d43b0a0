"""The rules of sockets without a socket: active modes, the life of a stream, its output queue."""
