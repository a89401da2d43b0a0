"""How the code of a process runs: as a trio task, in light steps, or as a handler of messages."""
