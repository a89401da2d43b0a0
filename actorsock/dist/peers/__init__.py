"""Nodes of one's own: programs that a program has started to use more cores.

- `plan`: what a peer is told, through a pipe and never on the command line
- `program`: the peer itself
- `parent_watch`: how a peer notices that its parent has ended
- `process`: the program of a peer, as its parent starts and ends it
- `control`: the process of the parent that starts a peer and stays with it
"""
