"""When a process gives way: every budget, every cost and every quantum, in one table.

As in Erlang the unit is the reduction. Each operation that could block charges its cost to the
budget of the calling process (`Body.spend`), also when it completes at once. A process whose
budget is used up lets the others run before it goes on, and starts with a full budget again.

A time limit was rejected: reading a clock costs as much as a message, and a debugger or a suspended
machine would make a program take other paths.
"""

from typing import Final

__all__ = [
    "ACCEPT",
    "BY_RULES",
    "CHILD",
    "EVENT",
    "EVENT_QUANTUM",
    "GIVE_WAY_FIRST",
    "HANDLER_BUDGET",
    "INBOX_QUANTUM",
    "LARGE",
    "LIGHT_BUDGET",
    "LIGHT_PASS_BUDGET",
    "MESSAGE",
    "RUN_QUEUE_BUDGET",
    "SCAN_QUANTUM",
    "START",
    "STEP",
    "SYSTEM_CALL",
    "TASK_BUDGET",
    "TIMER",
    "TIMER_QUANTUM",
    "TRANSFER_QUANTUM",
]

# Costs, in reductions.

MESSAGE: Final = 1
"""Sending and awaiting one message: a receive, a call, a sleep."""

TIMER: Final = 10
"""Starting a message timer, or a request without waiting for the answer: some microseconds."""

# Measured: a server that is started and stopped again takes 80 microseconds.
START: Final = 30
"""Starting a process."""

# Measured: a recv or send that the kernel completes at once takes about as long as ten messages.
SYSTEM_CALL: Final = 10
"""An operation that makes a system call."""

# By this some 20 connections are accepted in one pass of the loop: a burst is neither accepted one
# by one nor holds up all others.
ACCEPT: Final = 50
"""Accepting a connection and starting its process, in `serve_listeners`."""

# Measured: choosing an event by the rules and calling a method takes 3 to 20 microseconds.
EVENT: Final = 10
"""An event that a behaviour makes itself: `Continue`, `NextEvent`, a postponed event."""

BY_RULES: Final = 4
"""What a message to a behaviour costs in addition to a plain one, because of its rules."""

CHILD: Final = 20
"""Starting or stopping a child of a supervisor."""

# A mebibyte takes as long as a task's whole budget: see TRANSFER_QUANTUM.
LARGE: Final = 2**16
"""A transfer of more bytes than that costs one reduction more for each KiB."""

# Budgets, in reductions.

# A thousand messages or a hundred system calls, both about a third of a millisecond. Smaller
# budgets make a visible share of the time trio's scheduling: a checkpoint costs 7 microseconds.
TASK_BUDGET: Final = 1000
"""The budget of a process with a task body, until it lets other tasks run."""

# Less than a task's, since giving way costs a light process a tenth of what it costs a task.
LIGHT_BUDGET: Final = 400
"""The budget of a light process for one step, until the next process is stepped."""

HANDLER_BUDGET: Final = LIGHT_BUDGET
"""The budget of a handler for one step: after that, its nowait calls return `Select`."""

# Ten full steps, some milliseconds: the longest time for which light processes hold up tasks.
LIGHT_PASS_BUDGET: Final = 4000
"""The budget of all light processes together for one pass of trio's loop, until tasks run."""

# As large as the largest budget of a process, so that it exhausts every one of them. A light
# process that has it ends the pass too: tasks run as well as other light processes before it
# goes on.
GIVE_WAY_FIRST: Final = LIGHT_PASS_BUDGET
"""A cost above every budget: the caller gives way before the operation, and is not charged for
that. trio's streams promise a checkpoint in every call."""

# A thousand plain steps, some milliseconds.
RUN_QUEUE_BUDGET: Final = 10_000
"""The budget of all handlers together, in a row, until trio's tasks get to run."""

# Measured: a plain step takes two to three microseconds.
STEP: Final = 10
"""What each step of a handler costs the run queue, in addition to what the handler spends in it."""

# Slices of work that are not counted in reductions.

# At some microseconds each, some milliseconds.
INBOX_QUANTUM: Final = 1000
"""Messages from other threads that are delivered in a row before trio's tasks get to run."""

# An event costs `EVENT`, so a step of a behaviour costs 100 reductions at most.
EVENT_QUANTUM: Final = 10
"""Events of its own that a behaviour in a handler works off in one step."""

# At one to two microseconds a test, one or two milliseconds.
SCAN_QUANTUM: Final = 1000
"""Messages that a receive tests in a row before it charges that many reductions to its process."""

# At some microseconds each, some milliseconds.
TIMER_QUANTUM: Final = 1000
"""Timers that run out at once and are served in a row before trio's tasks get to run."""

# Copying 1 MiB takes some hundred microseconds, about as long as a task's whole budget. It bounds a
# single system call too: while the peer reads as fast as we write, the kernel goes on until
# everything is sent, so giving way between calls alone would not be enough.
TRANSFER_QUANTUM: Final = 2**20
"""Bytes that a blocking send or receive moves before it lets others run."""
