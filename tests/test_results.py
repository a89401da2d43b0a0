"""What calls answer, where it is not what was expected."""

import pytest

from actorsock import BadMatch, Error, Ok, Select, ok


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (Error("econnrefused"), "Error(reason='econnrefused', data=None)"),
        (Select("info"), "Select(info='info', data=None)"),
        (5, "5"),
    ],
)
def test_what_was_met_is_told(result: object, told: str) -> None:
    with pytest.raises(BadMatch) as info:
        ok(result)
    assert info.value.result is result
    assert str(info.value) == f"expected Ok, got {told}"
    assert repr(info.value) == f"BadMatch({told})"


def test_megabytes_that_were_not_sent_are_not_told() -> None:
    with pytest.raises(BadMatch) as info:
        Error("timeout", bytes(2**24)).unwrap()
    assert len(info.value.result.data) == 2**24
    assert len(str(info.value)) < 300
    assert len(repr(info.value)) < 300
    assert "16777216 bytes" in str(info.value)


def test_the_value_of_an_ok() -> None:
    assert ok(Ok(3)) == Ok(3).unwrap() == 3
    assert Ok() == Ok(None)
