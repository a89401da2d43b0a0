"""Results: the value of an `Ok`, and `BadMatch` for every other."""

import pytest

from actorsock import BadMatch, Error, Ok, Select, ok
from actorsock.socket import SelectRead


def test_the_value_of_an_ok() -> None:
    assert ok(Ok(3)) == Ok(3).unwrap() == 3
    assert Ok() == Ok(None)
    assert Ok().unwrap() is None


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Error("econnrefused"), "Error(reason='econnrefused', data=None)"),
        (Select("info"), "Select(info='info', data=None)"),
        (SelectRead("info", b"data"), "SelectRead(info='info', data=b'data')"),
        (5, "5"),
    ],
)
def test_any_other_result_raises_bad_match(result: object, shown: str) -> None:
    for way in (ok, getattr(type(result), "unwrap", ok)):
        with pytest.raises(BadMatch) as info:
            way(result)
        assert info.value.result is result
        assert str(info.value) == f"expected Ok, got {shown}"
        assert repr(info.value) == f"BadMatch({shown})"


def test_megabytes_that_were_not_sent_are_not_shown() -> None:
    with pytest.raises(BadMatch) as info:
        Error("timeout", bytes(2**24)).unwrap()
    assert len(info.value.result.data) == 2**24
    assert len(str(info.value)) < 300
    assert len(repr(info.value)) < 300
    assert "16777216 bytes" in str(info.value)
