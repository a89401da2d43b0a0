"""HTTP for the observer: which requests are let through, and how they are answered."""
