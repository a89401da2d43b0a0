"""Servers that send datagrams back."""
