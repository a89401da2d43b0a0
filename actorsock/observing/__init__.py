"""Looking at processes from outside, while they run.

Everything is read from the tables that the runtime keeps anyway, at the moment of the question: a
program that nobody looks at pays nothing.

- `wait_reasons`: what a process may wait for; pure
- `waiting`: what a given process waits for
- `process_items`, `process_info`: all that is known of one process
- `who_waits`: who waits for whom, and circles in that
- `parts`: going through all processes without holding them up
- `system_monitor`: messages about what a program does too long or too late
- `traffic`: the bytes that have passed through one socket
- `machine`: what the operating system tells of the program
"""
