"""Skips the comparison without Erlang, and reports that at the end of the run."""

from pathlib import Path

import pytest

from .sides.erlang_side import HOW_TO_INSTALL, find_erlang

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_erlang() is None:
        for item in items:
            if HERE in item.path.parents and "erlang" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=HOW_TO_INSTALL))


# The type is quoted: pytest 8.0 has it under another name.
def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    if find_erlang() is None:
        terminalreporter.write_line(f"Nothing was compared with Erlang. {HOW_TO_INSTALL}.")


@pytest.fixture(scope="session")
def erlang() -> str:
    """The command that starts Erlang; tests with this fixture are skipped without one."""
    found = find_erlang()
    assert found is not None
    return found
