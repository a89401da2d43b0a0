"""Calls to the operating system that the standard library lacks, and what its errors are called."""
