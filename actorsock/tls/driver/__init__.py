"""TLS on a socket: a connection as one more kind of stream actor."""
