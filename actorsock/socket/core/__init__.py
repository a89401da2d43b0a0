"""The socket actor, from the requests to one socket down to readiness; the poller, the registry."""
