"""One runtime as a node: its identities, its peers, its connections.

- `identities`: pids and refs, as objects and as bytes
- `reasons`, `messages`, `system_messages`: the library's own values as Erlang's terms, and back
- `ties`: links and monitors between two nodes
- `peer`: another node, connected or not
- `connection`, `connecting`, `accepting`: the processes of one connection
- `epmd`: the port mapper
- `distribution`: what holds all of it together
"""
