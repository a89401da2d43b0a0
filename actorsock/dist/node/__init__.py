"""One runtime as a node: its identities, its peers, its connections.

- `identities`: pids and refs, as objects and as bytes
- `reasons`, `messages`, `system_messages`: the library's own values as Erlang's terms, and back
- `outgoing`: the way to another node, and what waits for it
- `ties`: links, monitors and requests to spawn between two nodes
- `peer`: another node, connected or not
- `connection`, `channel`: the processes of one connection, and its bytes, plain or in TLS
- `distribution`: what holds all of it together
- `net_kernel`: what starts connections and accepts them
- `asking`: having another node start a process, or call a function
- `epmd`: the port mapper
"""
