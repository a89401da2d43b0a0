"""The tables of options in docs/ssl.md have a row for every option, with what the code says."""

from pathlib import Path

import pytest

from actorsock.tls.options.table import OPTIONS, Option

PAGE = (Path(__file__).parents[2] / "docs" / "ssl.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_an_option_has_its_row(option: Option) -> None:
    if option.use == "refused":
        with pytest.raises(ValueError, match="is refused") as refused:
            option.check(1)
        _, _, reason = str(refused.value).partition(" is refused: ")
        row = f"| `{option.name}` | {reason.removesuffix('; accepted: nothing')} |"
    elif option.use == "kept":
        row = f"| `{option.name}` | {option.accepts} | {option.does} |"
    else:
        sides = " and ".join(side for side in ("client", "server") if side in option.sides)
        row = f"| `{option.name}` | {sides} | {option.accepts} | {option.default} | {option.does} |"
    assert row in PAGE
