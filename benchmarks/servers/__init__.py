"""The measured servers, each a small program.

Each listens on a port of the loopback interface, prints the port and serves until it is killed.
"""
