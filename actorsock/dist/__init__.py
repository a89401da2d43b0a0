"""A runtime as a node of an Erlang cluster."""
