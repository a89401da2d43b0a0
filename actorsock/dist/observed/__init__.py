"""What this node answers to Erlang's own observer, etop and observer_cli on other nodes.

These call functions of the modules `observer_backend`, `appmon_info`, `erlang` and some more of the
node at which they look. One table has the functions that answer here. Other nodes can call them
only if `dist.start` was given an `Observable`.

- `observable`: what others may see and do
- `table`: the table of these functions
- `names`: functions of Python as Erlang names functions; pure
- `process_items`, `processes`: one process, and lists of all
- `system`, `load`: the node as a whole, and its load as it changes
- `sockets`: the list of sockets, and their options
- `applications`: the trees of processes
- `behaviours`: what kind of server a process is, and its state
- `top`: a list of processes as text, for observer_cli
- `trace_port`: how etop has run times measured; only if `tracing` is True
- `run_times`: the run times as they are added up, and told
- `windows`: the windows of observers, whose exit signals are dropped unless `control` is True
"""
