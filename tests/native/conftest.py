"""These tests compare the native core with the Python, so they need both."""

from pathlib import Path

import pytest

import actorsock

from ..stories import nothing_is_left_behind

__all__ = ["nothing_is_left_behind"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    without = pytest.mark.skip(reason="the native core is not in use")
    for item in items:
        # The hook is called with the items of all folders.
        comparing = HERE in item.path.parents and item.path.name != "test_loading.py"
        if comparing and not actorsock.native:
            item.add_marker(without)
