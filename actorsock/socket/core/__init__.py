"""The socket actor: the process that alone uses the descriptor of one socket.

- `turns`: the process that may try next, as a pure state machine; `operation`: one request
- `readiness` < `lifetime` < `actor`: one object in three layers, from the flags of readiness, by
  owner and closing, to requests
- `poller`, `epoll_poller`, `trio_poller`: how the system reports readiness
- `service`, `registry`: what the sockets of a runtime share
- `socket_object`, `stdlib_shape`, `notifications`, `counters`: what programs see of a socket
"""
