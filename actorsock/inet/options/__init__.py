"""The options of `inet:setopts/2`, `gen_tcp` and `gen_udp`: one table, and how lists are read."""
