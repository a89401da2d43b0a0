"""Processes: pids, mailboxes, links, monitors, exit signals, names and timers.

Three wings, and imports run one way, from the last to the first:

- `core`: the parts of a process and of a runtime, whatever runs its code
- `bodies`: the three ways to run the code of a process: a trio task, light steps, a handler
- `api`: the public functions, which `actorsock` exports

Nothing in here knows of sockets. The other packages build on `Process` and the process table
`alive` (core.process), on the waiting primitive `Body.park` and `Body.wake` (core.body), on
`Body.spend` with the table of costs (core.reductions), and on `current_process` (bodies.current).
"""
