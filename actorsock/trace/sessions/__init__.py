"""Sessions of tracing: what is recorded, in which classes and by which hooks, and for whom."""
