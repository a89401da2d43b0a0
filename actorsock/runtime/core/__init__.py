"""The parts of a process and of a runtime, whatever runs the code of a process.

From the bottom up: `identity` and `messages` (values), `mailbox` and `signals` (pure rules),
`reductions` (when to give way), `timers`, `run_queue`, `passes` and `busy_wait` (scheduling),
`node` (the tables of one runtime), `body` (the interface of a body), `process`. Of the rest of the
package only `actorsock.arguments` is imported; `bodies` and `api` import from here.
"""
