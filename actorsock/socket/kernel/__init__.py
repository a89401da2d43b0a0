"""System calls that the standard library lacks, or that need care, and the names of errors.

The modules take descriptors and plain values. They know no actor, no option table and no trio.
"""
