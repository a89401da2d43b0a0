"""No test of ssl leaves a descriptor open."""

from ...stories import no_descriptor_is_left, no_garbage_of_earlier_modules

__all__ = ["no_descriptor_is_left", "no_garbage_of_earlier_modules"]
