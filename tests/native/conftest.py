"""These tests compare the native core with the Python, so they need both."""

import pytest

import actorsock

from ..stories import nothing_is_left_behind

__all__ = ["nothing_is_left_behind"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    without = pytest.mark.skip(reason="the native core is not in use")
    for item in items:
        comparing = "native" in item.path.parts and item.path.name != "test_loading.py"
        if comparing and not actorsock.native:
            item.add_marker(without)
