"""Fixtures: no test of gen_tcp and gen_udp leaves a descriptor open; and a network namespace."""

from ...namespaces import netns
from ...stories import no_descriptor_is_left, no_garbage_of_earlier_modules

__all__ = ["netns", "no_descriptor_is_left", "no_garbage_of_earlier_modules"]
