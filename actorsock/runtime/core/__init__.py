"""What processes are made of: identity, messages, mailboxes, signals, time, and turns.

Nothing here knows how the code of a process runs: that is for `bodies`.
"""
