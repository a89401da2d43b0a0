"""What Erlang's own observer, etop and observer_cli are told when they look at this node.

They ask a node by calling functions of its modules `observer_backend`, `appmon_info`, `erlang` and
some more. One table has the functions that answer in their place. It is there only if `dist.start`
was asked for that.

- `observable`: what may be seen and done
- `table`: the table
- `names`: functions of Python as Erlang names functions; pure
- `process_items`, `processes`: one process, and lists of all
- `system`, `load`: the node as a whole, and its load as it changes
- `sockets`, `applications`, `behaviours`: those
- `top`: a list of processes as text, for observer_cli
- `windows`: from which windows of an observer no exit signals are taken
"""
