"""The ports of the observer: HTTP, which requests are let through, and the local sockets."""
