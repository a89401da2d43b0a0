"""The soak: connections that are used, killed and closed at random for minutes, and what is left.

Run by `make soak`.
"""
