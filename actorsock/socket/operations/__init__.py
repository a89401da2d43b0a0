"""The operations: what each request does with the descriptor, one class for each.

An operation makes attempts and remembers how far it has come. Whose turn it is, waiting and
messages are the actor's part: see `core.operation` for what the actor asks of an operation.
"""
