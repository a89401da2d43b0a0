"""What each request does with the file descriptor, one class for each operation.

An operation makes attempts and remembers how far it has come; whose turn it is, waiting and
messages are not its business. `Operation` in `actor` says what is asked of one.
"""
