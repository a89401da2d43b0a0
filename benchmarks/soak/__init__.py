"""The soak test: for minutes, connections are used, killed and closed at random.

After each wave, nothing may be left, and every acknowledged byte must be accounted for.

Run by `make soak`.
"""
