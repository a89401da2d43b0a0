"""System calls that the standard library lacks, and the names of their errors."""
