"""Requests to servers and their answers, as messages and as functions."""
