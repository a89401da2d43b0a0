"""The public functions of sockets.

Each checks its arguments and names an operation or a setting; `asking` makes the request to the
socket actor, and waits for it. The other modules are named after what a program wants to do.
"""
