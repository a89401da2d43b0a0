"""The socket actor and what it is made of: whose turn it is, readiness, the registry."""
