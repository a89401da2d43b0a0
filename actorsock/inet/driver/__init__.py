"""The sockets of gen_tcp and gen_udp: one actor each, which reads, queues and sends messages."""
