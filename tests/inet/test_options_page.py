"""The table of options in docs/gen_tcp.md has a row for every option, with what the code says."""

from pathlib import Path

import pytest

from actorsock.inet.options.table import OPTIONS, Option

PAGE = (Path(__file__).parents[2] / "docs" / "gen_tcp.md").read_text(encoding="utf-8")
PLACES = {"C": "connect", "L": "listen", "U": "open", "s": "setopts"}


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_an_option_has_its_row(option: Option) -> None:
    given = [place for letter, place in PLACES.items() if letter in option.where]
    given += ["getopts"] * bool(option.get) + ["accepted"] * option.inherited
    row = f"| `{option.name}` | {', '.join(given)} | {option.accepts} |"
    assert row in PAGE
    assert f"| {option.does} |" in PAGE
