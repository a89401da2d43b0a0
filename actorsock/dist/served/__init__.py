"""What a node serves to others, besides messages to its processes.

- `exports`: the functions that may be called from other nodes, by name
- `spawning`: requests to start a process here; `erpc` and `rpc` of Erlang are made of these
- `importable`, `parcels`: functions by their names, and with their arguments as bytes
- `applying`: running the functions of the program that has started this one
- `children`: starting a supervisor's child on another node
- `rex`: the server of the older forms of `rpc`
- `leader`: the output of processes that were started elsewhere for this node
"""
