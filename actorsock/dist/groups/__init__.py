"""Groups of processes on all nodes. Erlang's `pg`, with its protocol.

- `names`: the terms that groups are named by
- `membership`: who is in which group; pure
- `scope`: the server of a scope, which tells those of other nodes
"""
