"""TLS without a socket: the engine, its alerts, and the names of cipher suites."""
