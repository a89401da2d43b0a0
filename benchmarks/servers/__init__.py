"""The programs that are measured: one small server each.

Each listens on a port of the loopback interface, prints its number and serves until it is killed.
"""
