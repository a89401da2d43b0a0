"""Processes: pids, mailboxes, links, monitors, exit signals, names and timers.

Knows nothing of sockets. What other layers of the library build on is here too: `Process`, the
process table `alive`, `current_process`, and the waiting primitive (`Body.park`, `Body.wake`).
"""
