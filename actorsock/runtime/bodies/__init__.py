"""The ways to run the code of a process: a trio task, light steps, or a message handler.

`task`, `light` and `handler` hold one body each. `running` and `current` know which process runs
at this moment, `exit_reason` and `crash_report` turn an exception that leaves a process's code
into its exit reason and a log record, `functions` calls and names the user's functions, `in_trio`
runs a trio function on behalf of a light process, `open_nurseries` contains nurseries that code has
not left, `status` says what a process does and where it waits. Imports from `core`; `api` imports
from here.
"""
