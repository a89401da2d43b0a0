"""What every test of streams is held to: no descriptor is left, and none is missing."""

from ..stories import no_descriptor_is_left

__all__ = ["no_descriptor_is_left"]
