"""When a process yields: every budget, every cost and every quantum, in one table.

As in Erlang the unit is the reduction. Each operation that could block charges its cost to the
budget of the calling process (`Body.spend`), also when it completes at once. A process whose
budget is used up lets the others run before it goes on, and starts with a full budget again.

A time limit was rejected: reading a clock costs as much as a message, and a debugger or a suspended
machine would make a program take other paths.
"""

from typing import Final

__all__ = [
    "LIGHT_BUDGET",
    "LIGHT_PASS_BUDGET",
    "MESSAGE",
    "RUN_QUEUE_QUANTUM",
    "SYSTEM_CALL",
    "TASK_BUDGET",
    "TRANSFER_QUANTUM",
    "YIELD_FIRST",
]

# Costs, in reductions.

MESSAGE: Final = 1
"""Sending and awaiting one message: a receive, a call, a sleep, the start of a process."""

# Measured: a recv or send that the kernel completes at once takes about as long as ten messages.
SYSTEM_CALL: Final = 10
"""An operation that makes a system call."""

# Budgets, in reductions.

# A thousand messages or a hundred system calls, both about a third of a millisecond. Smaller
# budgets make a visible share of the time trio's scheduling: a checkpoint costs 7 microseconds.
TASK_BUDGET: Final = 1000
"""The budget of a process with a task body, until it lets other tasks run."""

# Less than a task's, since yielding costs a light process a tenth of what it costs a task.
LIGHT_BUDGET: Final = 400
"""The budget of a light process for one step, until the next process is stepped."""

# Ten full steps, some milliseconds: the longest time for which light processes hold up tasks.
LIGHT_PASS_BUDGET: Final = 4000
"""The budget of all light processes together for one pass of trio's loop, until tasks run."""

# As large as the largest budget, so that it exhausts every one of them. A light process that pays
# it ends the pass too: tasks run as well as other light processes before it goes on.
YIELD_FIRST: Final = LIGHT_PASS_BUDGET
"""A cost above every budget: the caller yields before the operation. trio's streams promise a
checkpoint in every call."""

# Slices of work that are not counted in reductions.

# At a few microseconds a step, some milliseconds.
RUN_QUEUE_QUANTUM: Final = 1000
"""Steps of handler processes that run in a row before trio's tasks get to run."""

# Copying 1 MiB takes some hundred microseconds, about as long as a task's whole budget. It bounds a
# single system call too: while the peer reads as fast as we write, the kernel goes on until
# everything is sent, so yielding between calls alone would not be enough.
TRANSFER_QUANTUM: Final = 2**20
"""Bytes that a blocking send or receive moves before it lets others run."""
