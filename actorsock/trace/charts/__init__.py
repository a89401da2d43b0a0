"""Sequence charts of what was traced: `sequence` makes rows of events, three modules draw them."""

from .drawing import chart

__all__ = ["chart"]
