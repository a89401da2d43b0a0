"""Benchmarks, each compared with the usual alternatives. Run by `make bench`."""
