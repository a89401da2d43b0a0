"""Packets in a stream of bytes: their types, how each is found and decoded, and the receive buffer.

Pure: bytes in, packets out. Reading and writing sockets is done elsewhere.
"""
