"""The messages between callers and servers, and the functions that send them.

- `protocol`: the messages themselves, and how an answer reaches its caller
- `calling`: `call`, `cast`, `reply`, `stop`
- `requests`: `send_request` and the functions that wait for its response later
- `request_collection`: many of them at a time
- `registries`: `Via`, a name in a registry of the program
- `waiting`: finding the server, and abandoning a wait; shared by all of these
"""
