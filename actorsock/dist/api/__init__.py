"""The public functions: joining a cluster, nodes, calls and processes there."""
