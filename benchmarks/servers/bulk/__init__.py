"""Servers that send, or take, as many bytes as they can."""
