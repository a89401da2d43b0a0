"""TLS over the sockets of gen_tcp: the machinery of `actorsock.ssl`.

- `engine`: one TLS connection as bytes in and bytes out, without I/O
- `options`: the options of TLS, and how they become an `ssl.SSLContext`
- `driver`: a connection on its socket
- `calls`: the functions that programs call

Each wing imports only from those above it in this list, and from `actorsock.inet`.
"""
