"""The protocols between nodes, as rules without I/O.

- `flags`: what a node can do, and what breaks without it
- `handshake`: two machines, connecting and accepting
- `attempts`: who connects to whom, if both begin
- `frames`: frames, fragments and cached atoms
- `control`: what a frame asks for
- `epmd_messages`: what is said to the port mapper
"""
