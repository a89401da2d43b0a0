"""Supervisors: which children there are, and what is done when one of them ends."""
