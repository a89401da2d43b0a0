"""The demonstration: an echo server, its clients, and the messages between them.

Each role has a module: `server` (the listening process, and the process of one connection),
`client` (blocking calls), `nowait_client` (calls that never block) and `closing` (a process whose
socket another process closes). `tour` starts them all and checks what they report. `text` is the
data that the clients send, `messages` are the messages between the processes, and `terminal`
prints the events.
"""
