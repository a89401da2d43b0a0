"""Benchmarks: each figure side by side with what a user would pick instead. Run by `make bench`."""
