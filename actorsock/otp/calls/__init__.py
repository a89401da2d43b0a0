"""The messages between callers and servers, and the functions that send them.

- `protocol`: the messages themselves, and how an answer reaches its caller
- `calling`: `call`, `cast`, `reply`, `stop`
- `requests`: `send_request` and the functions that wait for its response later
- `waiting`: finding the server, and abandoning a wait; shared by all of these
"""
