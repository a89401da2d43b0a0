"""The public functions of sockets, and how they ask the socket actor."""
