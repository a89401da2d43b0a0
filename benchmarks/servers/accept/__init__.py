"""Servers that accept connections and close them."""
