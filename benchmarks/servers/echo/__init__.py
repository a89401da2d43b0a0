"""Servers that send back what comes."""
