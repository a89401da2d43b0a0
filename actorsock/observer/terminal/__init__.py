"""The observer in a terminal: programs of their own, which ask over the local socket."""
